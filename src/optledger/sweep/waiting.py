"""The trials that wait for a worker, and which of them it takes."""

from collections import Counter, deque
from collections.abc import Iterable

from optledger.trials.trial import Trial


class Waiting:
    """Trials by variant: a worker stays with the variant whose epoch it has compiled.

    Otherwise it takes the variant that has most to do for each worker that is at it, so that the
    longest come first, and all workers are busy to the end.
    """

    def __init__(self) -> None:
        """Start with none."""
        # Of those variants that have some.
        self._waiting: dict[str, deque[Trial]] = {}
        self._epochs: Counter[str] = Counter()
        self._workers: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}

    def add(self, trials: Iterable[Trial]) -> None:
        """Add trials, which are taken in their order among those of their variant."""
        for trial in trials:
            self._waiting.setdefault(trial.name, deque()).append(trial)
            self._epochs[trial.name] += trial.specification.epochs

    def take(self, last: Trial | None) -> Trial | None:
        """Return what a worker is to do that had this trial last; None where nothing waits."""
        name = last.name if last else None
        if name not in self._waiting:
            name = max(self._waiting, key=self._load, default=None)
        if name is None:
            return None
        trial = self._waiting[name].popleft()
        if not self._waiting[name]:
            del self._waiting[name]
        self._workers[name] += 1
        self._epochs[name] -= trial.specification.epochs
        return trial

    def finished(self, trial: Trial, seconds_per_epoch: float) -> None:
        """Note that a worker is done with a trial, and what its epochs took."""
        self._workers[trial.name] -= 1
        self._seconds[trial.name] = seconds_per_epoch

    def _load(self, name: str) -> float:
        known = self._seconds.values()
        typical = sum(known) / len(known) if known else 1.0
        return self._epochs[name] * self._seconds.get(name, typical) / (self._workers[name] + 1)
