"""Detects when a metric has stopped improving, for early stopping and for convergence."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np


class Plateau(Protocol):
    """The definition of a plateau: a metric, and how long it has to stay without improvement."""

    @property
    def monitor(self) -> str:
        """The metric, a column of history.csv."""
        ...

    @property
    def patience(self) -> int:
        """How many epochs without an improvement make a plateau."""
        ...

    @property
    def min_delta(self) -> float:
        """The amount by which an improvement has to exceed the best value so far."""
        ...


def converged_epoch(history: Sequence[float], plateau: Plateau) -> int | None:
    """Return the last epoch that improved a metric, once enough epochs have followed it.

    Improvements count as in Keras's EarlyStopping. An epoch is an improvement if it is better than
    the best so far by more than `min_delta`. Only an improvement becomes the new best.

    Args:
        history: the metric after each epoch so far; NaN is never an improvement.
        plateau: the metric's name, `patience` and `min_delta`.

    Returns:
        The epoch, from 1. None if fewer than `patience` epochs followed it, or if none improved.
    """
    best, last = np.inf, 0
    for epoch, badness in enumerate(_badness(history, plateau), start=1):
        if badness < best - plateau.min_delta:
            best, last = badness, epoch
    return last if last and len(history) - last >= plateau.patience else None


def best_epoch(history: Sequence[float], plateau: Plateau) -> int:
    """Return the epoch, from 1, whose metric is the best; of equal ones, the first.

    Raises:
        ValueError: every value is NaN.
    """
    return int(np.nanargmin(_badness(history, plateau))) + 1


def _badness(history: Sequence[float], plateau: Plateau) -> list[float]:
    # A lower loss or RMSE is better.
    sign = -1 if plateau.monitor.endswith("accuracy") else 1
    return [sign * value for value in history]
