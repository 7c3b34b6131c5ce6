"""The trials that variants need: those of their searches, then those of the chosen rates."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from optledger.core.params import Params, Search, Variant
from optledger.datasets.interface import Interface
from optledger.datasets.kinds import KINDS
from optledger.sweep.keys import KeyedTrial, Keys
from optledger.trials import search
from optledger.trials.specify import specify
from optledger.trials.trial import Trial, TrialResult


@dataclass(frozen=True, eq=False)
class Plan:
    """The trials of one search of a variant, and the final trials that follow it.

    Attributes:
        name: the variant's name.
        searched: the search trials; none if the variant gives its learning rate.
        choose: returns the learning rate, given the results of the search trials.
        finals: returns the final trials of a learning rate, one for each seed.
        count: the number of search trials and final trials together.
    """

    name: str
    searched: Sequence[KeyedTrial]
    choose: Callable[[Sequence[TrialResult]], float]
    finals: Callable[[float], Sequence[KeyedTrial]]
    count: int

    def possible(self) -> list[KeyedTrial]:
        """Return the search trials, and the final trials of every rate that may be chosen."""
        rates = {each.trial.learning_rate for each in self.searched} or {self.choose([])}
        return [*self.searched, *(each for rate in sorted(rates) for each in self.finals(rate))]


def plans(settings: Params, names: Iterable[str], interface: Interface, keys: Keys) -> list[Plan]:
    """Return a plan for each search of each variant, in order.

    Raises:
        UserError: the prepared data are missing, or a model's file is no Python.
    """
    return [
        _plan(settings.variants[name], name, how, seeds, interface, keys)
        for name in names
        for how, seeds in settings.searches_of(name)
    ]


def _plan(
    variant: Variant, name: str, how: Search, seeds: Sequence[int], interface: Interface, keys: Keys
) -> Plan:
    specification = specify(variant, interface)

    def keyed(learning_rate: float, seed: int) -> KeyedTrial:
        return keys.keyed(Trial(name, specification, learning_rate, seed))

    rates, score = search.candidates(variant, how), KINDS[interface.kind].SCORE
    return Plan(
        name=name,
        searched=[keyed(rate, seed) for rate in rates for seed in how.values],
        choose=lambda results: search.choose(variant, results, score),
        finals=lambda rate: [keyed(rate, seed) for seed in seeds],
        count=len(rates) * how.seeds + len(seeds),
    )
