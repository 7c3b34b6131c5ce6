"""Every pair of variants on every metric: the difference, its interval and its verdict."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optledger.analysis.pseudo_values import pseudo_values
from optledger.analysis.statistics import Sample, difference, sample, seeds_needed, verdict
from optledger.analysis.summary import METRICS
from optledger.params import Comparison

Samples = Mapping[str, Mapping[str, Sample]]
"""By variant and metric, its seeds' values."""


def samples_of(
    labels: NDArray[np.uint8],
    predicted: NDArray[np.uint8],
    losses: NDArray[np.float32],
    classes: int,
) -> dict[str, Sample]:
    """Return one variant's sample of each metric.

    Args:
        labels: true labels, shape (images,).
        predicted: predicted labels, shape (seeds, images); not below `classes` where there is none.
        losses: cross-entropy in nats, shape (seeds, images); NaN where there is none.
        classes: labels are below it.
    """
    return {
        metric: sample(
            np.stack(
                [
                    pseudo_values(metric, labels, *seed, classes)
                    for seed in zip(predicted, losses, strict=True)
                ]
            )
        )
        for metric in METRICS
    }


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
        first; noise, its sources; further_seeds, where the verdict is inconclusive.
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


def further_seeds(first: Sample, second: Sample, margin: float, alpha: float) -> float:
    """Return how many seeds more would settle what is inconclusive, if it is what it seems.

    That is, show the difference not to be 0, or to lie within the margin, whichever has the larger
    distance to be told.

    Returns:
        The number for each variant, with a power of 80 %; infinite, if no number of seeds would.
        One, where a variant has a single seed: a second one shows how far seeds spread, of which
        nothing is known yet.
    """
    present = min(first.count, second.count)
    if present == 1:
        return 1
    distance = abs(first.mean - second.mean)
    needed = seeds_needed(first, second, max(distance, margin - distance), alpha)
    return max(0, needed - present)


_REVERSED = {"better": "worse", "worse": "better"}


def against(table: pd.DataFrame, metric: str, baseline: str) -> pd.DataFrame:
    """Return how every other variant compares with `baseline` on `metric`.

    Args:
        table: as of `comparisons`.
        metric: one of its metrics.
        baseline: the variant to stand in the column `against`.

    Returns:
        Rows of `table` by variant, turned where the baseline stood first.
    """
    rows = table[table["metric"] == metric]
    straight = rows[rows["against"] == baseline]
    turned = rows[rows["variant"] == baseline].copy()
    turned["variant"], turned["against"] = turned["against"], baseline
    turned["low"], turned["high"] = -turned["high"], -turned["low"]
    turned["difference"] = -turned["difference"]
    turned["verdict"] = turned["verdict"].replace(_REVERSED)
    return pd.concat([straight, turned]).set_index("variant")


def leading_group(table: pd.DataFrame, metric: str, candidates: Sequence[str]) -> list[str]:
    """Return the variants that are not shown to be worse than the best one.

    Args:
        table: as of `comparisons`.
        metric: the deciding one.
        candidates: the variants without a diverged seed, the best first.
    """
    if not candidates:
        return []
    verdicts = against(table, metric, candidates[0])["verdict"]
    return [candidates[0], *(name for name in candidates[1:] if verdicts[name] != "worse")]
