"""Trains missing trials in a pool of workers, and keeps each trial as soon as it is finished."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple

from optledger.execution.executor import Executor
from optledger.sweep.keys import KeyedTrial, Keys
from optledger.sweep.plan import Plan
from optledger.sweep.progress import Progress
from optledger.sweep.waiting import Waiting
from optledger.training import tasks
from optledger.trials.observations import FinishedTrial
from optledger.trials.store import Store


class VariantTrials(NamedTuple):
    """A variant's finished trials.

    Attributes:
        searched: the search trials, maybe without weights, in the order of the plans.
        learning_rates: the rate that each search has chosen, or the one that the variant gives.
        finals: the final trials, in the order of the seeds.
    """

    searched: Sequence[FinishedTrial]
    learning_rates: Sequence[float]
    finals: Sequence[FinishedTrial]


class NotKeptError(Exception):
    """A trial could not be kept, and its result is of no other use."""


class Sweep:
    """The trials of some plans: kept trials are looked up, and missing ones are trained.

    The final trials of a search are not known until it is done. Until then, all of them count as
    missing. The attributes stay as they were before any training.

    Attributes:
        total: how many trials the plans have; a known trial of two variants counts once.
        to_train: how many of the trials are missing.
        undecided: the variants with a search that is not done.
    """

    def __init__(self, plans: Sequence[Plan], keys: Keys, store: Store, with_weights: bool) -> None:
        """Look up which trials are kept.

        Args:
            plans: the plans of some variants, one or several for each.
            keys: the maker of the plans' keys.
            store: where finished trials are.
            with_weights: whether to read final trials with their weights, for a caller that writes
                them. Otherwise, it is enough that the store has entries of their names.
        """
        self._keys = keys
        self._plans: dict[str, list[Plan]] = {}
        self._store = store
        self._with_weights = with_weights
        self._finished: dict[str, FinishedTrial] = {}
        self._kept: set[str] = set()
        self._wanting: dict[str, KeyedTrial] = {}
        self._chosen: dict[Plan, float] = {}
        self._searching: dict[str, list[Plan]] = {}
        for plan in plans:
            self._plans.setdefault(plan.name, []).append(plan)
            self._look_up_search(plan)
            self._choose(plan)
            for each in plan.searched:
                self._searching.setdefault(each.key, []).append(plan)
        self.undecided = [name for name in self._plans if self.to_come(name)]
        to_come = sum(self.to_come(name) for name in self._plans)
        self.to_train = len(self._wanting) + to_come
        known = {each.key for name in self._plans for each in self._known(name)}
        self.total = len(known) + to_come

    @property
    def packages(self) -> set[str]:
        """The packages that the missing trials import."""
        return {name for each in self._wanting.values() for name in each.document["packages"]}

    @property
    def wanting(self) -> Sequence[KeyedTrial]:
        """The missing trials, as far as searches have chosen."""
        return list(self._wanting.values())

    def wanting_of(self, name: str) -> Sequence[KeyedTrial]:
        """Return the missing trials of a variant, whether or not others need them, too."""
        return [each for each in self._known(name) if each.key in self._wanting]

    def counts(self, name: str) -> int:
        """Return how many trials a variant has."""
        return sum(plan.count for plan in self._plans[name])

    def to_come(self, name: str) -> int:
        """Return how many final trials of a variant have no rate yet, as a search is not done."""
        undecided = [plan for plan in self._plans[name] if plan not in self._chosen]
        return sum(plan.count - len(plan.searched) for plan in undecided)

    def run(self, workers: AbstractContextManager[Executor], progress: Progress) -> None:
        """Train the missing trials. Without any, no worker starts.

        Raises:
            UserError: a trial cannot be trained, or a file that it depends on has changed. Trials
                that finished before are kept.
            NotKeptError: a trial cannot be kept, in a sweep without weights.
        """
        waiting = Waiting()
        waiting.add(each.trial for each in self._wanting.values())
        by_trial = {each.trial: each for each in self._wanting.values()}
        with workers as pool, progress:
            progress.whereabouts = lambda: pool.whereabouts
            for trial, finished in pool.run(tasks.train, waiting.take, progress.advance):
                seconds = finished.observation.seconds_per_epoch if finished.observation else 0.0
                waiting.finished(trial, seconds)
                finished = _beside(finished, min(pool.count, self.to_train))
                for each in self._arrived(by_trial[trial], finished):
                    by_trial[each.trial] = each
                    waiting.add([each.trial])
                progress.finished(trial, finished.result)

    def results(self) -> Mapping[str, VariantTrials]:
        """Return the finished trials of each variant, in a sweep with weights."""
        return {
            name: VariantTrials(
                searched=[self._finished[each.key] for plan in plans for each in plan.searched],
                learning_rates=[self._chosen[plan] for plan in plans],
                finals=[
                    self._finished[each.key]
                    for plan in plans
                    for each in plan.finals(self._chosen[plan])
                ],
            )
            for name, plans in self._plans.items()
        }

    def _arrived(self, keyed: KeyedTrial, finished: FinishedTrial) -> list[KeyedTrial]:
        """Keep a finished trial; return missing final trials of searches that it completes."""
        self._keys.check()
        if not self._store.put(keyed.document, finished) and not self._with_weights:
            raise NotKeptError
        del self._wanting[keyed.key]
        self._kept.add(keyed.key)
        searching = self._searching.get(keyed.key, [])
        if self._with_weights or searching:
            self._finished[keyed.key] = finished
        return [each for plan in searching for each in self._choose(plan)]

    def _known(self, name: str) -> list[KeyedTrial]:
        """Return a variant's search trials, and the final trials of searches that have chosen."""
        known: list[KeyedTrial] = []
        for plan in self._plans[name]:
            rate = self._chosen.get(plan)
            known += [*plan.searched, *([] if rate is None else plan.finals(rate))]
        return known

    def _look_up_search(self, plan: Plan) -> None:
        for each in plan.searched:
            if each.key in self._finished or each.key in self._wanting:
                continue
            if header := self._store.header(each.key):
                self._finished[each.key] = header.finished
            else:
                self._wanting[each.key] = each

    def _choose(self, plan: Plan) -> list[KeyedTrial]:
        """Choose the plan's learning rate, if its search is done, and look up the final trials.

        Returns:
            The final trials that are missing, without those already known to be.
        """
        found = [self._finished.get(each.key) for each in plan.searched]
        if plan in self._chosen or None in found:
            return []
        rate = plan.choose([each.result for each in found if each])
        self._chosen[plan] = rate
        wanting = []
        for each in plan.finals(rate):
            if each.key in self._wanting or each.key in self._kept:
                continue
            if self._is_kept(each.key):
                self._kept.add(each.key)
            else:
                self._wanting[each.key] = each
                wanting.append(each)
        return wanting

    def _is_kept(self, key: str) -> bool:
        if not self._with_weights:
            return key in self._store
        finished = self._store.trial(key)
        # An entry without weights: a search trial that was taken in from DVC's cache.
        if finished is None or not finished.result.weights:
            return False
        self._finished[key] = finished
        return True


def _beside(finished: FinishedTrial, workers: int) -> FinishedTrial:
    """Add to an observation how many trials ran side by side, at most."""
    result, observation = finished
    return FinishedTrial(
        result, observation and observation.model_copy(update={"workers": workers})
    )
