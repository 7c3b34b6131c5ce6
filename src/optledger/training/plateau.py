"""When a metric has stopped improving: what early stopping and convergence detection ask."""

from collections.abc import Sequence

import numpy as np

from optledger.params import Plateau


def plateau_start(history: Sequence[float], plateau: Plateau) -> int | None:
    """Return the epoch, from 1, after which a metric did not improve for `patience` epochs.

    As Keras's EarlyStopping counts: an improvement is one by more than `min_delta` over the best
    before, and what is no improvement does not become the best.

    Args:
        history: the metric after each epoch; NaN is never an improvement.
        plateau: the metric's name, and when it counts as a plateau.

    Returns:
        The last epoch that improved before the first plateau, or None where there was none.
    """
    best, at = np.inf, 0
    for epoch, badness in enumerate(_badness(history, plateau), start=1):
        if badness < best - plateau.min_delta:
            best, at = badness, epoch
        elif at and epoch - at >= plateau.patience:
            return at
    return None


def best_epoch(history: Sequence[float], plateau: Plateau) -> int:
    """Return the epoch, from 1, whose metric is the best; of equal ones, the first.

    Raises:
        ValueError: no metric is a number.
    """
    return int(np.nanargmin(_badness(history, plateau))) + 1


def _badness(history: Sequence[float], plateau: Plateau) -> list[float]:
    sign = -1 if plateau.monitor.endswith("accuracy") else 1
    return [sign * value for value in history]
