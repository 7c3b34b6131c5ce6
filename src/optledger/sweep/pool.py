"""A pool that trains what is wanting, and keeps each trial as soon as it is finished."""

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
        searched: those of its searches, maybe without weights, in the order of the plans.
        learning_rates: the one given, or what each search has chosen.
        finals: those of its seeds, in their order.
    """

    searched: Sequence[FinishedTrial]
    learning_rates: Sequence[float]
    finals: Sequence[FinishedTrial]


class NotKeptError(Exception):
    """A trial could not be kept, and nobody else has a use for it."""


class Sweep:
    """The trials of some plans: looked up, and trained where they are wanting.

    Attributes:
        total: how many trials the plans have, as far as one can know; one that two variants share
            counts once.
        to_train: those that are wanting, as far as one can know before the searches have chosen.
        undecided: the variants of which that is all that one knows, as a search is not done.
    """

    def __init__(self, plans: Sequence[Plan], keys: Keys, store: Store, with_weights: bool) -> None:
        """Look up what is kept.

        Args:
            plans: of which variants, one or several for each.
            keys: that their keys are of.
            store: where finished trials are.
            with_weights: whether final trials are read with their weights, for whoever writes
                them down; otherwise it is enough that there are entries of their names.
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
        """Those that the trials import which are wanting."""
        return {name for each in self._wanting.values() for name in each.document["packages"]}

    @property
    def wanting(self) -> Sequence[KeyedTrial]:
        """The trials that are neither kept nor trained, as far as searches have chosen."""
        return list(self._wanting.values())

    def wanting_of(self, name: str) -> Sequence[KeyedTrial]:
        """Return those of a variant, whether or not another wants them, too."""
        return [each for each in self._known(name) if each.key in self._wanting]

    def counts(self, name: str) -> int:
        """Return how many trials a variant has."""
        return sum(plan.count for plan in self._plans[name])

    def to_come(self, name: str) -> int:
        """Return how many of them nobody knows yet, as a search has to choose their rate."""
        undecided = [plan for plan in self._plans[name] if plan not in self._chosen]
        return sum(plan.count - len(plan.searched) for plan in undecided)

    def run(self, workers: AbstractContextManager[Executor], progress: Progress) -> None:
        """Train all that is wanting; start no worker where that is nothing.

        Raises:
            UserError: a trial cannot be trained, or what it follows from has changed since; those
                that were finished before are kept.
            NotKeptError: a trial cannot be kept, and no weights are wanted.
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
        """Return the finished trials of each variant; only of a sweep with weights."""
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
        """Keep a finished trial; return the trials that are wanting since."""
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
        """Return a variant's search trials, and the final ones of searches that have chosen."""
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
            Those that are wanting since.
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
        # Of a search that was taken in without them.
        if finished is None or not finished.result.weights:
            return False
        self._finished[key] = finished
        return True


def _beside(finished: FinishedTrial, workers: int) -> FinishedTrial:
    """Note with how many others at most a trial was trained."""
    result, observation = finished
    return FinishedTrial(
        result, observation and observation.model_copy(update={"workers": workers})
    )
