"""When a metric has stopped improving: what early stopping and convergence detection ask."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class Plateau(Protocol):
    """What is asked: which metric, and after how many epochs without an improvement it ends."""

    @property
    def monitor(self) -> str:
        """The metric, a column of history.csv."""
        ...

    @property
    def patience(self) -> int:
        """How many epochs have to follow the best one."""
        ...

    @property
    def min_delta(self) -> float:
        """By how much an improvement has to exceed the best before."""
        ...


def converged_epoch(history: Sequence[float], plateau: Plateau) -> int | None:
    """Return the epoch, from 1, that improved a metric last, if that is long enough ago.

    As Keras's EarlyStopping counts: an improvement is one by more than `min_delta` over the best
    before, and what is no improvement does not become the best.

    Args:
        history: the metric after each epoch so far; NaN is never an improvement.
        plateau: the metric's name, and how many epochs have to follow.

    Returns:
        The epoch, or None where fewer than `patience` epochs followed it, or none improved.
    """
    best, last = np.inf, 0
    for epoch, badness in enumerate(_badness(history, plateau), start=1):
        if badness < best - plateau.min_delta:
            best, last = badness, epoch
    return last if last and len(history) - last >= plateau.patience else None


def best_epoch(history: Sequence[float], plateau: Plateau) -> int:
    """Return the epoch, from 1, whose metric is the best; of equal ones, the first.

    Raises:
        ValueError: no metric is a number.
    """
    return int(np.nanargmin(_badness(history, plateau))) + 1


def _badness(history: Sequence[float], plateau: Plateau) -> list[float]:
    # Of losses and of RMSE, less is better.
    sign = -1 if plateau.monitor.endswith("accuracy") else 1
    return [sign * value for value in history]
