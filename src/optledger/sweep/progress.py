"""Shows the progress of trials: a bar on a terminal, else a line for each trial."""

import sys
import time
from collections.abc import Callable
from datetime import timedelta

from tqdm import tqdm

from optledger.core.metric import METRICS
from optledger.datasets.kinds import KINDS
from optledger.trials.trial import Trial, TrialResult


class Progress:
    """Shows the progress of the trials of one variant, or of several.

    Attributes:
        trials_done: how many trials are done.
        whereabouts: returns where the trials run, in words; empty if on this machine.
    """

    def __init__(self, name: str, trials: int, epochs: int) -> None:
        """Start the clock.

        Args:
            name: what to call the trials.
            trials: how many trials are to be trained.
            epochs: the most epochs of all trials together.
        """
        self._name = name
        self._trials = trials
        self.trials_done = 0
        self._epochs_left = epochs
        self._epochs_done = 0
        self._epochs: dict[Trial, int] = {}
        self._started = time.perf_counter()
        self._first_epoch: float | None = None
        self.whereabouts: Callable[[], str] = str
        self._bar = tqdm(total=epochs, unit="epoch", leave=False, disable=not sys.stderr.isatty())

    def __enter__(self) -> "Progress":
        """Show the bar."""
        self._describe()
        return self

    def __exit__(self, *exception: object) -> None:
        """Remove the bar."""
        self._bar.close()

    def advance(self, trial: Trial, epochs: int) -> None:
        """Show how many epochs a trial has done: fewer than before if it starts anew."""
        self._first_epoch = self._first_epoch or time.perf_counter()
        further = epochs - self._epochs.get(trial, 0)
        self._epochs[trial] = epochs
        self._epochs_done += further
        self._epochs_left -= further
        self._bar.update(further)

    def finished(self, trial: Trial, result: TrialResult) -> None:
        """Show that a trial is done; without a bar, print how it came out."""
        # If the trial ended early, its other epochs are not waited for.
        self._epochs_left -= trial.specification.epochs - self._epochs.pop(trial, 0)
        self.trials_done += 1
        self._describe()
        if self._bar.disable:
            outcome = _outcome(result, KINDS[trial.specification.interface.kind].SCORE)
            print(f"{trial}: {outcome} ({self._state()})", flush=True)

    def summary(self) -> str:
        """Return in one line the work done and its time, with the start of the workers."""
        seconds = time.perf_counter() - self._started
        return (
            f"{self._name}: {self.trials_done} trials, {self._epochs_done} epochs in "
            f"{seconds:.0f} s, {self._epochs_done / seconds:.1f} epochs a second"
        )

    def _describe(self) -> None:
        self._bar.total = self._epochs_done + self._epochs_left
        self._bar.set_description(
            f"{self._name}: {self.trials_done} of {self._trials} trials{self._where()}",
            refresh=True,
        )

    def _state(self) -> str:
        """Return the work done, its speed and the time left.

        The speed leaves out the first epoch, which compiles.
        """
        seconds = time.perf_counter() - (self._first_epoch or self._started)
        rate = max(self._epochs_done - 1, 1) / seconds
        left = timedelta(seconds=round(self._epochs_left / rate))
        return (
            f"{self.trials_done} of {self._trials} trials, {rate:.1f} epochs a second, {left} left"
            f"{self._where()}"
        )

    def _where(self) -> str:
        where = self.whereabouts()
        return f", {where}" if where else ""


def _outcome(result: TrialResult, score: str) -> str:
    kept = result.kept
    if kept is None:
        return "diverged at epoch {} in step {}".format(*(result.divergence or ()))
    metric, name = METRICS[score], score.replace("_", " ")
    outcome = (
        f"train {name} {metric.formatted(kept.train_score)}, "
        f"validation {name} {metric.formatted(kept.validation_score)}"
    )
    if result.kept_epoch == len(result.history):
        return outcome
    return f"{outcome} at epoch {result.kept_epoch} of {len(result.history)}"
