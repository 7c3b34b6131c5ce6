"""The search for a variant's learning rate, on the validation split."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from optledger.core.formats import SIGNIFICANT_DIGITS
from optledger.core.params import Range, Search, Variant
from optledger.trials.trial import TrialResult

# What a computed learning rate keeps: what people write, and what every processor agrees on.
_SIGNIFICANT_DIGITS = 3


def candidates(variant: Variant, search: Search) -> list[float]:
    """Return the learning rates to try, in ascending order; none where it is given."""
    match variant.learning_rate:
        case Range(low=low, high=high):
            if search.strategy == "grid":
                places = np.linspace(0, 1, search.trials)
            else:
                places = np.random.default_rng(search.seed).random(search.trials)
            rates = {_rounded(low * (high / low) ** place) for place in places}
            return sorted(min(max(rate, low), high) for rate in rates)
        case tuple() as grid:
            if search.strategy == "grid" or len(grid) <= search.trials:
                return list(grid)
            rng = np.random.default_rng(search.seed)
            return [grid[place] for place in sorted(rng.permutation(len(grid))[: search.trials])]
        case _:
            return []


def choose(variant: Variant, results: Sequence[TrialResult]) -> float:
    """Return the learning rate that is given, or that of the best search trial.

    The best has the highest validation accuracy with the weights that it keeps; of equal ones, the
    lower validation loss, then the lower learning rate. One that diverged is worse than any other.
    Figures count as search.csv has them, so that whoever reads the table arrives at the same rate.
    """
    if isinstance(variant.learning_rate, float):
        return variant.learning_rate
    return min(results, key=_badness).learning_rate


def edge(learning_rate: float, tried: Sequence[float]) -> Literal["lowest", "highest"] | None:
    """Return which end of the learning rates that were tried this one is, if it is one."""
    if not tried or min(tried) < learning_rate < max(tried):
        return None
    return "lowest" if learning_rate == min(tried) else "highest"


def _badness(result: TrialResult) -> tuple[bool, float, float, float]:
    kept = result.kept
    if kept is None:
        return True, 0.0, 0.0, result.learning_rate
    accuracy, loss = map(_as_written, (kept.validation_accuracy, kept.validation_loss))
    return False, -accuracy, loss, result.learning_rate


def _as_written(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def _rounded(rate: float) -> float:
    return float(f"{rate:.{_SIGNIFICANT_DIGITS}g}")
