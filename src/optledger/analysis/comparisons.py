"""Every pair of variants on every metric: the difference, its interval and its verdict."""

import math
from collections.abc import Mapping
from itertools import combinations

import pandas as pd

from optledger.analysis.statistics import Sample, difference, seeds_needed, verdict
from optledger.analysis.summary import METRICS
from optledger.params import Comparison

Samples = Mapping[str, Mapping[str, Sample]]
"""By variant and metric, its seeds' values."""


def family_alpha(variants: int, comparison: Comparison) -> float:
    """Return how often each interval may miss, so that all pairs' together miss as often as stated.

    Bonferroni's (Dunn 1961, JASA 56) over the pairs on the deciding metric. The other metrics move
    with that one and describe the same pairs: they are no further findings.
    """
    return (1 - comparison.confidence) / max(1, math.comb(variants, 2))


def comparisons(samples: Samples, comparison: Comparison) -> pd.DataFrame:
    """Return a row per metric and pair of variants, the deciding metric first.

    Args:
        samples: in the order of the leaderboard, so that a pair's first variant is the better one.
        comparison: the section of params.yaml.

    Returns:
        metric; variant and against, the pair; difference, the first minus the second, with
        half_width, low and high; p_value, and p_adjusted for the number of pairs; verdict, of the
        first; noise, its sources; further_seeds, where the verdict is inconclusive: how many more
        of them it takes to see a difference as large as the margin, or inf if none would.
        A loss that a diverged seed does not have leaves its differences empty.
    """
    rows = [
        _row(metric, pair, samples, comparison)
        for metric in _deciding_first(comparison)
        for pair in combinations(samples, 2)
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)


_COLUMNS = [
    *("metric", "variant", "against", "difference", "half_width", "low", "high"),
    *("p_value", "p_adjusted", "verdict", "noise", "further_seeds"),
]

# Of a difference of means of numbers up to 1, what is below it is the rounding of additions.
_DECIMALS = 12


def _deciding_first(comparison: Comparison) -> list[str]:
    return [comparison.metric, *(metric for metric in METRICS if metric != comparison.metric)]


def _row(
    metric: str, pair: tuple[str, str], samples: Samples, comparison: Comparison
) -> dict[str, object]:
    first, second = (samples[name][metric] for name in pair)
    alpha = family_alpha(len(samples), comparison)
    margin = getattr(comparison.margins, metric)
    estimate = difference(first, second)
    row: dict[str, object] = {
        "metric": metric,
        "variant": pair[0],
        "against": pair[1],
        "noise": estimate.sources,
    }
    if math.isnan(estimate.value):
        return row | {"verdict": "inconclusive"}
    low, high = (round(end, _DECIMALS) for end in estimate.interval(alpha))
    found = verdict(estimate, alpha, margin, lower_is_better=metric == "loss")
    p_value = estimate.p_value()
    row |= {
        "difference": round(estimate.value, _DECIMALS),
        "half_width": (high - low) / 2,
        "low": low,
        "high": high,
        "p_value": p_value,
        "p_adjusted": min(1.0, p_value * math.comb(len(samples), 2)),
        "verdict": found,
    }
    if found == "inconclusive":
        row["further_seeds"] = further_seeds(first, second, margin, alpha)
    return row


def further_seeds(first: Sample, second: Sample, size: float, alpha: float) -> float:
    """Return how many seeds more it takes to see a difference of `size`; 0 if these suffice.

    Infinite, if no number of seeds helps. One, where a variant has a single seed: a second one
    shows how far seeds spread, of which nothing is known yet.
    """
    present = min(first.count, second.count)
    if present == 1:
        return 1
    return max(0, seeds_needed(first, second, size, alpha) - present)
