"""Every pair of variants on every metric: the difference, its interval and its verdict."""

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optledger.analysis.looks import levels
from optledger.analysis.preview import is_preview
from optledger.analysis.statistics import (
    POWER,
    SKEWNESS,
    Estimate,
    Sample,
    difference,
    image_variance,
    sample,
    seeds_needed,
    seeds_to_settle,
    verdict,
    verdict_chance,
)
from optledger.core.metric import METRICS, Metric, Verdict, metrics_in
from optledger.core.params import Comparison
from optledger.datasets.kinds import Kind

Samples = Mapping[str, Mapping[str, Sample]]
"""By variant and metric, the values of its seeds."""


def samples_of(
    kind: Kind,
    targets: NDArray[Any],
    values: NDArray[Any],
    losses: NDArray[np.float32],
    outputs: int,
    looks: Sequence[int] = (),
    block: int = 1,
) -> dict[str, Sample]:
    """Return one variant's sample of each metric.

    Args:
        kind: the kind of target.
        targets: true values in the kind's format, shape (items, ...).
        values: predicted values in the kind's format, shape (seeds, items, ...).
        losses: the loss of each item, shape (seeds, items); NaN where there is none.
        outputs: number of classes or labels.
        looks: numbers of seeds at which there is a look, ascending.
        block: number of consecutive seeds that share a search.
    """
    samples = {}
    for metric in (METRICS[name] for name in kind.METRICS):
        contributions = np.stack(
            [
                kind.pseudo_values(metric.name, targets, *seed, outputs)
                for seed in zip(values, losses, strict=True)
            ]
        )
        samples[metric.name] = sample(
            contributions, metric.is_mean_of_hits, assumed_skewness(metric), looks, block
        )
    return samples


def assumed_skewness(metric: Metric) -> float:
    """Return the assumed skewness over seeds: seeds lean towards bad values."""
    return -SKEWNESS if metric.lower_is_better else SKEWNESS


def judged_pairs(variants: int, comparison: Comparison) -> int:
    """Return the number of pairs whose intervals hold together for a metric."""
    if comparison.family == "baseline":
        return max(1, variants - 1)
    return max(1, math.comb(variants, 2))


def family_alpha(variants: int, comparison: Comparison) -> float:
    """Return the alpha of each interval with which all intervals of a metric hold together.

    This is Bonferroni's correction (Dunn 1961, JASA 56) over the pairs on the deciding metric. The
    other metrics move with that one and describe the same pairs: they are no further findings.
    """
    return comparison.alpha / judged_pairs(variants, comparison)


def comparisons(samples: Samples, comparison: Comparison) -> pd.DataFrame:
    """Compare all pairs of variants: a row per metric and pair, the deciding metric first.

    Args:
        samples: in the order of the leaderboard, so that a pair's first variant is the better one.
        comparison: the section of params.yaml.

    Returns:
        A table of these columns. A loss that a diverged seed lacks leaves the numbers of its pairs
        empty, unless an earlier look has decided. In a preview no pair is judged.

        - metric: the metric.
        - variant, against: the pair.
        - look: how many seeds each had at the look that decided, or at the last look if none did; 0
          before the first.
        - difference: the first's mean minus the second's, at that look.
        - low, high: the ends of its interval, cut to the range of possible differences.
        - half_width: half the length of the whole interval, which may reach farther on one side.
        - inner_low, inner_high: the ends of the narrower interval, which shows equivalence if it
          lies within the margin.
        - p_value: the p-value of this pair at this look alone.
        - p_adjusted: the p-value adjusted for the number of pairs and of looks; empty if not
          judged.
        - verdict: the verdict on the first variant.
        - noise: what noise the interval accounts for.
        - further_seeds: how many more seeds would settle an inconclusive pair; empty where one seed
          shows no spread. Before the first look, the seeds that are missing until it.
        - difference_of_all: the difference of all seeds.
    """
    family = judged_pairs(len(samples), comparison)
    trained = [each[comparison.metric].trained for each in samples.values()]
    few = is_preview(trained, comparison)
    rows = []
    for metric in deciding_first(comparison, next(iter(samples.values()))):
        for first, second in combinations(samples, 2):
            own, other = samples[first][metric], samples[second][metric]
            is_judged = not few and _is_judged(first, second, comparison)
            row = compared(own, other, metric, comparison, family, is_judged)
            is_open = row["verdict"] == "inconclusive"
            if comparison.looks and is_open and own.trained != other.trained:
                row |= {"verdict": "not pursued", "further_seeds": math.nan}
            rows.append({"metric": metric, "variant": first, "against": second, **row})
    return pd.DataFrame(rows, columns=["metric", "variant", "against", *COMPARED])


def _is_judged(first: str, second: str, comparison: Comparison) -> bool:
    match comparison.family:
        case "pairs":
            return True
        case "baseline":
            return comparison.baseline in (first, second)
        case _:
            return False


class Look(NamedTuple):
    """A pair as one look sees it.

    Attributes:
        seeds: number of seeds of each variant. Without declared looks the variants may differ, and
            it is the smaller number.
        estimate: the first's mean minus the second's.
        alpha: the probability with which the look's interval may miss.
    """

    seeds: int
    estimate: Estimate
    alpha: float


class Pair:
    """Two samples, and their difference at each look that both have seeds for.

    Attributes:
        first: the sample whose mean comes first.
        second: the sample whose mean is subtracted.
        present: number of seeds that both have.
    """

    def __init__(self, first: Sample, second: Sample, comparison: Comparison) -> None:
        self.first, self.second = first, second
        self.present = min(first.trained, second.trained)
        # Plans add whole searches, each with this many seeds.
        self._block = max(first.block, second.block)
        self._rules = comparison
        self._seen: list[tuple[int, Estimate, float]] = []
        if not comparison.looks:
            # All seeds; one variant may have more of them than the other.
            self._seen = [(self.present, difference(first, second), math.inf)]
        for look in comparison.looks:
            own, other = first.at(look), second.at(look)
            if own is None or other is None:
                break
            self._seen.append((look, difference(own, other), _ratio(own, other)))

    def looks(self, alpha: float) -> list[Look]:
        """Return the looks that both have seeds for; empty before the first declared look.

        Args:
            alpha: the probability with which any of the declared looks may miss.
        """
        if not self._rules.looks:
            return [Look(seeds, estimate, alpha) for seeds, estimate, _ in self._seen]
        return [
            Look(seeds, estimate, self._levels(alpha, ratio)[place])
            for place, (seeds, estimate, ratio) in enumerate(self._seen)
        ]

    def widened(self, alpha: float) -> float:
        """Return the factor by which looks widen the interval; NaN before the first declared look.

        It compares the interval of the last look that both have seeds for with one at the full
        `alpha`. NaN, too, where no looks are declared.
        """
        looks = self.looks(alpha) if self._rules.looks else []
        if not looks:
            return math.nan
        estimate = looks[-1].estimate
        own, alone = (np.ptp(estimate.interval(level)) for level in (looks[-1].alpha, alpha))
        return float(own / alone) if alone else math.nan

    def seeds_to_settle(self, margin: float, alpha: float) -> float:
        """Return how many seeds would settle the pair, if the samples show the truth.

        Where looks are declared, the number is one that is not yet reached, or infinite if none of
        those would do.
        """
        if not self._rules.looks:
            return self._block * seeds_to_settle(self.first, self.second, margin, alpha)
        size = self.first.mean - self.second.mean
        return self._first_look(alpha, POWER, [size], margin, after=self.present)

    def seeds_to_show(self, size: float, alpha: float, power: float) -> float:
        """Return how many seeds would show a difference of `size`, whichever variant is ahead.

        Where looks are declared, the number is one of them, or infinite if none would do.
        """
        if not self._rules.looks or math.inf in (self.first.variance, self.second.variance):
            return self._block * seeds_needed(self.first, self.second, size, alpha, power)
        return self._first_look(alpha, power, [-size, size], 0.0, after=0)

    def _first_look(
        self, alpha: float, power: float, sizes: Sequence[float], margin: float, after: int
    ) -> float:
        """Return the first look of more than `after` seeds that would do; infinite if none."""
        every = self._levels(alpha, _ratio(self.first, self.second))
        for look, level in zip(self._rules.looks, every, strict=True):
            if look <= after:
                continue
            pair = self.first, self.second
            values = look // self._block
            chances = [verdict_chance(*pair, values, size, margin, level) for size in sizes]
            if min(chances) >= power:
                return look
        return math.inf

    def _levels(self, alpha: float, ratio: float) -> Sequence[float]:
        return levels(self._rules.looks, self._rules.shares, alpha, ratio)


def _ratio(first: Sample, second: Sample) -> float:
    """Return the variance over seeds, for one seed each, divided by the variance due to images."""
    images = image_variance([first, second])
    seeds = first.variance * first.block + second.variance * second.block
    ratio = seeds / images if images else math.inf
    # Where a seed lacks the loss, both variances are NaN.
    return math.inf if math.isnan(ratio) else ratio


def deciding_look(
    looks: Sequence[Look], margin: float, lower_is_better: bool = False
) -> tuple[Look, Verdict]:
    """Return the first look that comes to a verdict, or else the last one, and what it finds.

    Args:
        looks: at a pair, one or more.
        margin: the difference up to which both are as good as equal.
        lower_is_better: whether the metric is a loss.
    """
    for look in looks:
        found = verdict(look.estimate, look.alpha, margin, lower_is_better)
        if found != "inconclusive":
            return look, found
    return looks[-1], "inconclusive"


def compared(
    first: Sample,
    second: Sample,
    metric: str,
    comparison: Comparison,
    family: int,
    is_judged: bool = True,
) -> dict[str, object]:
    """Compare two samples: return the difference, its interval and its verdict.

    The verdict is that of the first look that comes to one, whatever later looks see. The promise
    holds for all looks together. It would not hold for a look that is chosen afterwards.

    Args:
        first: the sample that the verdict is about.
        second: the sample that it is compared with.
        metric: the metric of both samples.
        comparison: the section of params.yaml.
        family: number of differences in this metric whose intervals hold together.
        is_judged: whether to give a verdict.

    Returns:
        The columns `COMPARED` of a row of `comparisons`; a column without a value may be missing.
    """
    margin, lower = comparison.margin(metric), METRICS[metric].lower_is_better
    alpha = comparison.alpha / family
    # A metric in the unit of the target may be of any size: round relative to that.
    told = METRICS[metric]
    size = 1.0 if told.unit else max(abs(first.mean), abs(second.mean)) or 1.0
    whole = _rounded(first.mean - second.mean, size)
    open_verdict: Verdict = "inconclusive" if is_judged else "not judged"
    pair = Pair(first, second, comparison)
    looks = pair.looks(alpha)
    if not looks:
        # The first declared look is not reached yet.
        wanted = comparison.looks[0] - pair.present
        unseen: dict[str, object] = {"look": 0, "half_width": math.inf, "verdict": open_verdict}
        return unseen | {"difference_of_all": whole, "further_seeds": wanted}
    look, found = deciding_look(looks, margin, lower) if is_judged else (looks[-1], open_verdict)
    estimate = look.estimate
    row: dict[str, object] = {"look": look.seeds, "noise": estimate.sources}
    if math.isnan(estimate.value):
        return row | {"verdict": open_verdict}
    low, high = estimate.interval(look.alpha)
    inner_low, inner_high = estimate.interval(2 * look.alpha)
    p_value = estimate.p_value()
    most = METRICS[metric].reach
    row |= {
        "difference": _rounded(estimate.value, size),
        "half_width": _rounded((high - low) / 2, size),
        "low": _rounded(max(low, -most), size),
        "high": _rounded(min(high, most), size),
        "inner_low": _rounded(max(inner_low, -most), size),
        "inner_high": _rounded(min(inner_high, most), size),
        "p_value": p_value,
        # No promise covers a pair that is not judged.
        "p_adjusted": min(1.0, p_value * comparison.alpha / look.alpha) if is_judged else None,
        "verdict": found,
        "difference_of_all": whole,
    }
    if found == "inconclusive":
        # Unlike max, np.maximum keeps a NaN.
        row["further_seeds"] = np.maximum(0.0, pair.seeds_to_settle(margin, alpha) - pair.present)
    return row


COMPARED = (
    *("look", "difference", "half_width", "low", "high", "inner_low", "inner_high"),
    *("p_value", "p_adjusted", "verdict", "noise", "further_seeds", "difference_of_all"),
)
"""The columns that `compared` fills."""

# For means of numbers up to 1, differences below these decimals are rounding errors of additions.
_DECIMALS = 12


def deciding_first(comparison: Comparison, names: Iterable[str]) -> list[str]:
    """Return the metrics that occur in `names`, after the deciding one."""
    return [comparison.metric, *(name for name in metrics_in(names) if name != comparison.metric)]


def _rounded(value: float, size: float) -> float:
    # Adding 0.0 removes the sign of a negative zero.
    return (value if math.isinf(value) else round(value / size, _DECIMALS) * size) + 0.0


_REVERSED = {"better": "worse", "worse": "better"}


def against(table: pd.DataFrame, metric: str, baseline: str) -> pd.DataFrame:
    """Return how every other variant compares with `baseline` on `metric`.

    Args:
        table: as returned by `comparisons`.
        metric: a metric of the table.
        baseline: the variant to appear in the column `against`.

    Returns:
        Rows of `table`, indexed by variant. Where the baseline came first, the pair is turned
        around: differences, intervals and verdict.
    """
    rows = table[table["metric"] == metric]
    straight = rows[rows["against"] == baseline]
    turned = rows[rows["variant"] == baseline].copy()
    turned["variant"], turned["against"] = turned["against"], baseline
    # Subtracting from 0.0 gives no negative zero.
    for low, high in (("low", "high"), ("inner_low", "inner_high")):
        turned[low], turned[high] = 0.0 - turned[high], 0.0 - turned[low]
    # Tables of earlier versions have no difference of all seeds.
    for each in turned.columns.intersection(["difference", "difference_of_all"]):
        turned[each] = 0.0 - turned[each]
    turned["verdict"] = turned["verdict"].replace(_REVERSED)
    return pd.concat([straight, turned]).set_index("variant")


def reference(leaderboard: pd.DataFrame) -> str:
    """Return the variant that others are compared with: the best of those that lead.

    Args:
        leaderboard: results/leaderboard.csv. Its first variant may not lead, for example because
            one of its seeds diverged. In a preview nobody leads: the first variant without a
            diverged seed is returned. Where every variant has one, the first.
    """
    for rows in (leaderboard["leading"] == 1, leaderboard["diverged_seeds"] == 0):
        if rows.any():
            return str(leaderboard.loc[rows, "variant"].iloc[0])
    return str(leaderboard["variant"].iloc[0])


def plain_rows(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the rows of a table by its index, each as values by column.

    Args:
        table: such as `against` returns.
    """
    return {
        str(name): {str(column): value for column, value in row.items()}
        for name, row in table.to_dict("index").items()
    }
