"""Every pair of variants on every metric: the difference, its interval and its verdict."""

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optledger.analysis.pseudo_values import pseudo_values
from optledger.analysis.statistics import Sample, difference, sample, seeds_to_settle, verdict
from optledger.analysis.summary import ranking
from optledger.core.metric import METRICS
from optledger.core.params import Comparison

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
    samples = {}
    for metric in METRICS:
        seeds = zip(predicted, losses, strict=True)
        values = [pseudo_values(metric, labels, *seed, classes) for seed in seeds]
        samples[metric] = sample(np.stack(values), counts=METRICS[metric].is_mean_of_hits)
    return samples


def family_alpha(variants: int, comparison: Comparison) -> float:
    """Return how often each interval may miss, so that a metric's together miss as often as stated.

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
        metric; variant and against, the pair; difference, the first minus the second, with low and
        high, the ends of its interval, within what a difference can be, and half_width, half of
        its length (McNemar's has longer and shorter sides); inner_low and inner_high, the ends of
        the narrower one that shows equivalence if it lies within the margin; p_value, and
        p_adjusted for the number of pairs; verdict, of the first; noise, its sources;
        further_seeds, where the verdict is inconclusive and there are seeds to tell the spread by:
        how many more would settle it.
        A loss that a diverged seed does not have leaves its differences empty.
    """
    family = max(1, math.comb(len(samples), 2))
    rows = [
        {
            "metric": metric,
            "variant": first,
            "against": second,
            **compared(samples[first][metric], samples[second][metric], metric, comparison, family),
        }
        for metric in deciding_first(comparison)
        for first, second in combinations(samples, 2)
    ]
    return pd.DataFrame(rows, columns=_COLUMNS)


def compared(
    first: Sample, second: Sample, metric: str, comparison: Comparison, family: int
) -> dict[str, object]:
    """Return the difference, its interval and its verdict: what a row of `comparisons` has.

    Args:
        first: what the verdict is of.
        second: what it is compared with.
        metric: what both are values of.
        comparison: the section of params.yaml.
        family: how many differences of this metric there are, whose intervals hold together.
    """
    alpha = (1 - comparison.confidence) / family
    margin = comparison.margin(metric)
    estimate = difference(first, second)
    row: dict[str, object] = {"noise": estimate.sources}
    if math.isnan(estimate.value):
        return row | {"verdict": "inconclusive"}
    low, high = estimate.interval(alpha)
    inner_low, inner_high = estimate.interval(2 * alpha)
    found = verdict(estimate, alpha, margin, METRICS[metric].lower_is_better)
    p_value = estimate.p_value()
    most = METRICS[metric].most
    row |= {
        "difference": _rounded(estimate.value),
        "half_width": _rounded((high - low) / 2),
        "low": _rounded(max(low, -most)),
        "high": _rounded(min(high, most)),
        "inner_low": _rounded(max(inner_low, -most)),
        "inner_high": _rounded(min(inner_high, most)),
        "p_value": p_value,
        "p_adjusted": min(1.0, p_value * family),
        "verdict": found,
    }
    if found == "inconclusive":
        needed = seeds_to_settle(first, second, margin, alpha)
        # Also of NaN, which max takes for less than 0.
        row["further_seeds"] = np.maximum(0.0, needed - min(first.count, second.count))
    return row


_COLUMNS = [
    *("metric", "variant", "against", "difference", "half_width", "low", "high"),
    *("inner_low", "inner_high"),
    *("p_value", "p_adjusted", "verdict", "noise", "further_seeds"),
]

# Of a difference of means of numbers up to 1, what is below it is the rounding of additions.
_DECIMALS = 12


def deciding_first(comparison: Comparison) -> list[str]:
    """Return the metrics, the deciding one first."""
    return [comparison.metric, *(metric for metric in METRICS if metric != comparison.metric)]


def _rounded(value: float) -> float:
    # Without the sign of a zero.
    return round(value, _DECIMALS) + 0.0


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
    # Of 0 less each, so that no zero has a sign.
    for low, high in (("low", "high"), ("inner_low", "inner_high")):
        turned[low], turned[high] = 0.0 - turned[high], 0.0 - turned[low]
    turned["difference"] = 0.0 - turned["difference"]
    turned["verdict"] = turned["verdict"].replace(_REVERSED)
    return pd.concat([straight, turned]).set_index("variant")


def leading_group(table: pd.DataFrame, metric: str, seeds: pd.DataFrame) -> list[str]:
    """Return the variants that are not shown to be worse than the best one, that one first.

    Args:
        table: as of `comparisons`.
        metric: the deciding one.
        seeds: results/seeds.csv; a variant with a diverged seed does not lead.
    """
    diverged = set(seeds.loc[seeds["diverged_epoch"].notna(), "variant"])
    candidates = [name for name in ranking(seeds, metric) if name not in diverged]
    if not candidates:
        return []
    verdicts = against(table, metric, candidates[0])["verdict"]
    return [candidates[0], *(name for name in candidates[1:] if verdicts[name] != "worse")]


def reference(leaderboard: pd.DataFrame) -> str:
    """Return the variant that others are held against: the best that leads, if any does.

    Args:
        leaderboard: results/leaderboard.csv. Its first may not lead, as a seed diverged.
    """
    leading = leaderboard[leaderboard["leading"] == 1]
    return str((leaderboard if leading.empty else leading)["variant"].iloc[0])


def plain_rows(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the rows of a table by its index, as of `against`: values by column."""
    return {
        str(name): {str(column): value for column, value in row.items()}
        for name, row in table.to_dict("index").items()
    }
