"""The search for a variant's learning rate, on the validation split."""

import math
from collections.abc import Collection, Sequence
from typing import Literal

import numpy as np

from optledger.core.formats import SIGNIFICANT_DIGITS
from optledger.core.metric import METRICS, Metric
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


def choose(variant: Variant, results: Sequence[TrialResult], score: str) -> float:
    """Return the learning rate that is given, or the best of those that were tried.

    The best has the best validation score with the weights that its trials keep, mean over their
    seeds; of equal ones, the lower validation loss, then the lower learning rate. One of which
    fewer trials diverged is better than any other. Figures count as search.csv has them, so that
    whoever reads the table arrives at the same rate.

    Args:
        variant: whose it is.
        results: of the search trials.
        score: what the score is called.
    """
    if isinstance(variant.learning_rate, float):
        return variant.learning_rate
    by_rate: dict[float, list[TrialResult]] = {}
    for result in results:
        by_rate.setdefault(result.learning_rate, []).append(result)
    return min(by_rate, key=lambda rate: (*_badness(by_rate[rate], METRICS[score]), rate))


def edge(learning_rate: float, tried: Collection[float]) -> Literal["lowest", "highest"] | None:
    """Return which end of the learning rates that were tried this one is, if it is one."""
    if not tried or min(tried) < learning_rate < max(tried):
        return None
    return "lowest" if learning_rate == min(tried) else "highest"


def _badness(results: Sequence[TrialResult], score: Metric) -> tuple[int, float, float]:
    kept = [result.kept for result in results if result.kept]
    diverged = len(results) - len(kept)
    if not kept:
        return diverged, 0.0, 0.0
    found = _mean([each.validation_score for each in kept])
    return diverged, score.worse(found), _mean([each.validation_loss for each in kept])


def _mean(values: Sequence[float]) -> float:
    """Return the mean of figures as they are written, which no order of additions changes."""
    written = [float(f"{value:.{SIGNIFICANT_DIGITS}g}") for value in values]
    return math.fsum(written) / len(written)


def _rounded(rate: float) -> float:
    return float(f"{rate:.{_SIGNIFICANT_DIGITS}g}")
