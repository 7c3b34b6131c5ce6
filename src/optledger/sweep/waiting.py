"""The trials that wait for a worker, and the order in which workers take them."""

from collections import Counter, deque
from collections.abc import Iterable

from optledger.trials.trial import Trial


class Waiting:
    """Trials by variant: a worker stays with the variant whose epoch it has compiled.

    When this variant has no trials left, the worker takes the variant with the most work for each
    of its workers. So the longest variants come first, and all workers are busy to the end.
    """

    def __init__(self) -> None:
        """Start with no trials."""
        # Only variants with waiting trials are in here.
        self._waiting: dict[str, deque[Trial]] = {}
        self._epochs: Counter[str] = Counter()
        self._workers: Counter[str] = Counter()
        self._seconds: dict[str, float] = {}

    def add(self, trials: Iterable[Trial]) -> None:
        """Add trials. Workers take those of one variant in this order."""
        for trial in trials:
            self._waiting.setdefault(trial.name, deque()).append(trial)
            self._epochs[trial.name] += trial.specification.epochs

    def take(self, last: Trial | None) -> Trial | None:
        """Return a worker's next trial, given its last one; None if no trial waits."""
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
        """Record that a worker has finished a trial, and how long its epochs took."""
        self._workers[trial.name] -= 1
        self._seconds[trial.name] = seconds_per_epoch

    def _load(self, name: str) -> float:
        known = self._seconds.values()
        typical = sum(known) / len(known) if known else 1.0
        return self._epochs[name] * self._seconds.get(name, typical) / (self._workers[name] + 1)
