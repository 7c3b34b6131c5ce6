"""The search for a variant's learning rate, on the validation split."""

import math
from collections.abc import Collection, Sequence
from typing import Literal

import numpy as np

from optledger.core.formats import SIGNIFICANT_DIGITS
from optledger.core.metric import METRICS, Metric
from optledger.core.params import Range, Search, Variant
from optledger.trials.trial import TrialResult

# Digits of a computed learning rate: as many as people write, and the same on every processor.
_SIGNIFICANT_DIGITS = 3


def candidates(variant: Variant, search: Search) -> list[float]:
    """Return the learning rates to try, in ascending order; none if the variant gives its own."""
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
    """Return the learning rate that the variant gives, or the best of those that were tried.

    These criteria decide, one after the other:

    - fewer trials that diverged;
    - a better validation score of the kept weights, as the mean over trials that did not diverge;
    - a lower validation loss, as the same mean;
    - a lower learning rate.

    Figures are rounded as in search.csv, so that readers of the table arrive at the same rate.

    Args:
        variant: the variant whose learning rate is chosen.
        results: the results of its search trials.
        score: the name of the score.
    """
    if isinstance(variant.learning_rate, float):
        return variant.learning_rate
    by_rate: dict[float, list[TrialResult]] = {}
    for result in results:
        by_rate.setdefault(result.learning_rate, []).append(result)
    return min(by_rate, key=lambda rate: (*_badness(by_rate[rate], METRICS[score]), rate))


def edge(learning_rate: float, tried: Collection[float]) -> Literal["lowest", "highest"] | None:
    """Return whether a learning rate is the lowest or highest of those tried; None if neither."""
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
    """Return the mean of figures, rounded as in the tables; their order does not change it."""
    written = [float(f"{value:.{SIGNIFICANT_DIGITS}g}") for value in values]
    return math.fsum(written) / len(written)


def _rounded(rate: float) -> float:
    return float(f"{rate:.{_SIGNIFICANT_DIGITS}g}")
