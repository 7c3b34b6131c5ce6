"""How far a variant's trials are: a bar on a terminal, else a line for each trial."""

import sys
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from tqdm import tqdm

from optledger.execution.executor import Executor, Report
from optledger.trials.trial import FinishedTrial, Trial, TrialResult


class Progress:
    """Runs a variant's trials and shows how far they are."""

    def __init__(self, name: str, trials: int, epochs: int) -> None:
        """Start the clock for so many trials with so many epochs each."""
        self._name = name
        self._trials = trials
        self._trials_done = 0
        self._epochs_left = trials * epochs
        self._epochs_done = 0
        self._started = time.perf_counter()
        self._first_epoch: float | None = None
        self._bar = tqdm(
            total=trials * epochs, unit="epoch", leave=False, disable=not sys.stderr.isatty()
        )

    def __enter__(self) -> "Progress":
        """Show the bar."""
        self._describe()
        return self

    def __exit__(self, *exception: object) -> None:
        """Remove the bar."""
        self._bar.close()

    def run(
        self,
        pool: Executor,
        train: Callable[[Trial, Report], FinishedTrial],
        trials: Sequence[Trial],
    ) -> list[FinishedTrial]:
        """Run trials by `train`; return them in their order."""
        done: dict[int, FinishedTrial] = {}
        epochs = [0] * len(trials)

        def advance(place: int, epoch: int) -> None:
            self._advance(epoch - epochs[place])
            epochs[place] = epoch

        for place, finished in pool.run(train, trials, advance):
            done[place] = finished
            # A trial that ended early leaves nothing to wait for.
            self._epochs_left -= trials[place].specification.epochs - epochs[place]
            self._trials_done += 1
            self._describe()
            if self._bar.disable:
                print(f"{trials[place]}: {_outcome(finished.result)} ({self._state()})", flush=True)
        return [done[place] for place in range(len(trials))]

    def summary(self) -> str:
        """Return in one line what was done in what time, the start of the workers included."""
        seconds = time.perf_counter() - self._started
        return (
            f"{self._name}: {self._trials_done} trials, {self._epochs_done} epochs in "
            f"{seconds:.0f} s, {self._epochs_done / seconds:.1f} epochs a second"
        )

    def _advance(self, epochs: int) -> None:
        self._first_epoch = self._first_epoch or time.perf_counter()
        self._epochs_done += epochs
        self._epochs_left -= epochs
        self._bar.update(epochs)

    def _describe(self) -> None:
        self._bar.total = self._epochs_done + self._epochs_left
        self._bar.set_description(
            f"{self._name}: {self._trials_done} of {self._trials} trials", refresh=True
        )

    def _state(self) -> str:
        """Return what is done, how fast, and the time left; the first epoch also compiles."""
        seconds = time.perf_counter() - (self._first_epoch or self._started)
        rate = max(self._epochs_done - 1, 1) / seconds
        left = timedelta(seconds=round(self._epochs_left / rate))
        return (
            f"{self._trials_done} of {self._trials} trials, {rate:.1f} epochs a second, {left} left"
        )


def _outcome(result: TrialResult) -> str:
    kept = result.kept
    if kept is None:
        return "diverged at epoch {} in step {}".format(*(result.divergence or ()))
    outcome = (
        f"train accuracy {kept.train_accuracy:.4f}, "
        f"validation accuracy {kept.validation_accuracy:.4f}"
    )
    if result.kept_epoch == len(result.history):
        return outcome
    return f"{outcome} at epoch {result.kept_epoch} of {len(result.history)}"
