"""The trials that variants need: those of their searches, and those of the rates chosen there."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from optledger.core.params import Params
from optledger.sweep.keys import KeyedTrial, Keys
from optledger.trials import search
from optledger.trials.specify import specify
from optledger.trials.trial import Trial, TrialResult


@dataclass(frozen=True)
class Plan:
    """A variant's trials.

    Attributes:
        name: the variant's.
        searched: its search trials; none where its learning rate is given.
        choose: returns the learning rate from the results of the search.
        finals: returns the trials of a learning rate, one for each seed.
        count: of all of them.
    """

    name: str
    searched: Sequence[KeyedTrial]
    choose: Callable[[Sequence[TrialResult]], float]
    finals: Callable[[float], Sequence[KeyedTrial]]
    count: int

    def possible(self) -> list[KeyedTrial]:
        """Return the search trials, and the final ones of every rate that may be chosen."""
        rates = {each.trial.learning_rate for each in self.searched} or {self.choose([])}
        return [*self.searched, *(each for rate in sorted(rates) for each in self.finals(rate))]


def plans(settings: Params, names: Iterable[str], classes: int, keys: Keys) -> list[Plan]:
    """Return the plan of each variant.

    Raises:
        UserError: the prepared data are not here, or a model's file is no Python.
    """
    return [_plan(settings, name, classes, keys) for name in names]


def _plan(settings: Params, name: str, classes: int, keys: Keys) -> Plan:
    variant, seeds = settings.variants[name], settings.seeds_of(name)
    specification = specify(variant, classes)

    def keyed(learning_rate: float, seed: int) -> KeyedTrial:
        return keys.keyed(Trial(name, specification, learning_rate, seed))

    rates = search.candidates(variant, settings.search)
    return Plan(
        name=name,
        searched=[keyed(rate, seed) for rate in rates for seed in settings.search.values],
        choose=lambda results: search.choose(variant, results),
        finals=lambda rate: [keyed(rate, seed) for seed in seeds],
        count=len(rates) * settings.search.seeds + len(seeds),
    )
