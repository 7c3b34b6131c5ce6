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
"""By variant and metric, its seeds' values."""


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
        kind: of target.
        targets: true values, as the kind has them, shape (items, ...).
        values: predicted ones, shape (seeds, items, ...).
        losses: shape (seeds, items); NaN where there is none.
        outputs: how many classes or labels there are.
        looks: numbers of seeds, ascending.
        block: how many seeds share a search.
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
            contributions, metric.is_mean_of_hits, leaning(metric), looks, block
        )
    return samples


def leaning(metric: Metric) -> float:
    """Return which way seeds may lean, and how far: towards what is bad."""
    return -SKEWNESS if metric.lower_is_better else SKEWNESS


def judged_pairs(variants: int, comparison: Comparison) -> int:
    """Return of how many pairs the verdicts on a metric hold together."""
    if comparison.family == "baseline":
        return max(1, variants - 1)
    return max(1, math.comb(variants, 2))


def family_alpha(variants: int, comparison: Comparison) -> float:
    """Return how often each interval may miss, so that a metric's together miss as often as stated.

    Bonferroni's (Dunn 1961, JASA 56) over the pairs on the deciding metric. The other metrics move
    with that one and describe the same pairs: they are no further findings.
    """
    return comparison.alpha / judged_pairs(variants, comparison)


def comparisons(samples: Samples, comparison: Comparison) -> pd.DataFrame:
    """Return a row per metric and pair of variants, the deciding metric first.

    Args:
        samples: in the order of the leaderboard, so that a pair's first variant is the better one.
        comparison: the section of params.yaml.

    Returns:
        metric; variant and against, the pair; look, how many seeds each had when it was decided,
        or now, where it is open; of them difference, the first minus the second, with low and
        high, the ends of its interval, within what a difference can be, and half_width, half of
        its length (which may reach farther on one side); inner_low and inner_high, the ends of
        the narrower one that shows equivalence if it lies within the margin; p_value, and
        p_adjusted for the number of pairs and of looks; verdict, of the first; noise, its sources;
        further_seeds, where the verdict is inconclusive and there are seeds to tell the spread by:
        how many more would settle it; difference_of_all, that of all seeds.
        A loss that a diverged seed does not have leaves its differences empty, but for a look that
        was before it. In a preview no pair is judged.
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
    return pd.DataFrame(rows, columns=["metric", "variant", "against", *FOUND])


def _is_judged(first: str, second: str, comparison: Comparison) -> bool:
    match comparison.family:
        case "pairs":
            return True
        case "baseline":
            return comparison.baseline in (first, second)
        case _:
            return False


class Look(NamedTuple):
    """What a look sees of a pair.

    Attributes:
        seeds: of each variant; where they differ and no looks are declared, the fewer.
        estimate: the first's mean less the second's.
        alpha: how often the look's interval may miss.
    """

    seeds: int
    estimate: Estimate
    alpha: float


class Pair:
    """Two samples, and what each look that both have seeds for sees of them.

    Attributes:
        first: whose mean comes first.
        second: whose mean is taken from it.
        present: how many seeds both have.
    """

    def __init__(self, first: Sample, second: Sample, comparison: Comparison) -> None:
        self.first, self.second = first, second
        self.present = min(first.trained, second.trained)
        # What is planned is more searches, each with as many seeds.
        self._block = max(first.block, second.block)
        self._rules = comparison
        self._seen: list[tuple[int, Estimate, float]] = []
        if not comparison.looks:
            # All seeds, of which the one may have more than the other.
            self._seen = [(self.present, difference(first, second), math.inf)]
        for look in comparison.looks:
            own, other = first.at(look), second.at(look)
            if own is None or other is None:
                break
            self._seen.append((look, difference(own, other), _ratio(own, other)))

    def looks(self, alpha: float) -> list[Look]:
        """Return the looks, of which any misses with this probability; none before the first."""
        if not self._rules.looks:
            return [Look(seeds, estimate, alpha) for seeds, estimate, _ in self._seen]
        return [
            Look(seeds, estimate, self._levels(alpha, ratio)[place])
            for place, (seeds, estimate, ratio) in enumerate(self._seen)
        ]

    def widened(self, alpha: float) -> float:
        """Return how many times as wide looks make the interval; NaN where none are declared.

        It is that of the last look that both have seeds for, beside one at the full `alpha`.
        """
        looks = self.looks(alpha) if self._rules.looks else []
        if not looks:
            return math.nan
        estimate = looks[-1].estimate
        own, alone = (np.ptp(estimate.interval(level)) for level in (looks[-1].alpha, alpha))
        return float(own / alone) if alone else math.nan

    def needed(self, margin: float, alpha: float) -> float:
        """Return how many seeds would settle it; of looks that are declared, if there are."""
        if not self._rules.looks:
            return self._block * seeds_to_settle(self.first, self.second, margin, alpha)
        size = self.first.mean - self.second.mean
        return self._first_look(alpha, POWER, [size], margin)

    def needed_for(self, size: float, alpha: float, power: float) -> float:
        """Return how many seeds would show a difference of this size, whoever is ahead."""
        if not self._rules.looks or math.inf in (self.first.variance, self.second.variance):
            return self._block * seeds_needed(self.first, self.second, size, alpha, power)
        return self._first_look(alpha, power, [-size, size], 0.0)

    def _first_look(
        self, alpha: float, power: float, sizes: Sequence[float], margin: float
    ) -> float:
        every = self._levels(alpha, _ratio(self.first, self.second))
        for look, level in zip(self._rules.looks, every, strict=True):
            pair = self.first, self.second
            values = look // self._block
            chances = [verdict_chance(*pair, values, size, margin, level) for size in sizes]
            if min(chances) >= power and (look > self.present or not margin):
                return look
        return math.inf

    def _levels(self, alpha: float, ratio: float) -> Sequence[float]:
        return levels(self._rules.looks, self._rules.shares, alpha, ratio)


def _ratio(first: Sample, second: Sample) -> float:
    """Return the variance of one seed each by that of the images."""
    images = image_variance([first, second])
    seeds = first.variance * first.block + second.variance * second.block
    ratio = seeds / images if images else math.inf
    # Of a loss that a seed lacks there is neither.
    return math.inf if math.isnan(ratio) else ratio


def decision(
    looks: Sequence[Look], margin: float, lower_is_better: bool = False
) -> tuple[Look, Verdict]:
    """Return the first look that comes to a verdict, or the last one, and its verdict.

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
    """Return the difference, its interval and its verdict: what a row of `comparisons` has.

    The verdict is that of the first look that comes to one, whatever later ones see: the promise
    is of all looks together, and would not hold for one that is chosen afterwards.

    Args:
        first: what the verdict is of.
        second: what it is compared with.
        metric: what both are values of.
        comparison: the section of params.yaml.
        family: how many differences of this metric there are, whose intervals hold together.
        is_judged: whether a verdict is given.
    """
    margin, lower = comparison.margin(metric), METRICS[metric].lower_is_better
    alpha = comparison.alpha / family
    # In the unit of a target, numbers may be of any size.
    told = METRICS[metric]
    size = 1.0 if told.unit else max(abs(first.mean), abs(second.mean)) or 1.0
    whole = _rounded(first.mean - second.mean, size)
    open_verdict: Verdict = "inconclusive" if is_judged else "not judged"
    pair = Pair(first, second, comparison)
    looks = pair.looks(alpha)
    if not looks:
        # Before the first look that is declared.
        wanted = comparison.looks[0] - pair.present
        unseen: dict[str, object] = {"look": 0, "half_width": math.inf, "verdict": open_verdict}
        return unseen | {"difference_of_all": whole, "further_seeds": wanted}
    look, found = decision(looks, margin, lower) if is_judged else (looks[-1], open_verdict)
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
        # Of what is not judged, nothing is promised.
        "p_adjusted": min(1.0, p_value * comparison.alpha / look.alpha) if is_judged else None,
        "verdict": found,
        "difference_of_all": whole,
    }
    if found == "inconclusive":
        # Also of NaN, which max takes for less than 0.
        row["further_seeds"] = np.maximum(0.0, pair.needed(margin, alpha) - pair.present)
    return row


FOUND = (
    *("look", "difference", "half_width", "low", "high", "inner_low", "inner_high"),
    *("p_value", "p_adjusted", "verdict", "noise", "further_seeds", "difference_of_all"),
)
"""What `compared` finds, as columns."""

# Of a difference of means of numbers up to 1, what is below it is the rounding of additions.
_DECIMALS = 12


def deciding_first(comparison: Comparison, names: Iterable[str]) -> list[str]:
    """Return the metrics that are among some names, the deciding one first."""
    return [comparison.metric, *(name for name in metrics_in(names) if name != comparison.metric)]


def _rounded(value: float, size: float) -> float:
    # Without the sign of a zero.
    return (value if math.isinf(value) else round(value / size, _DECIMALS) * size) + 0.0


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


def reference(leaderboard: pd.DataFrame) -> str:
    """Return the variant that others are held against: the best that leads.

    Args:
        leaderboard: results/leaderboard.csv. Its first may not lead, as a seed diverged. In a
            preview nobody does, and it is the first of which no seed diverged.
    """
    for rows in (leaderboard["leading"] == 1, leaderboard["diverged_seeds"] == 0):
        if rows.any():
            return str(leaderboard.loc[rows, "variant"].iloc[0])
    return str(leaderboard["variant"].iloc[0])


def plain_rows(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the rows of a table by its index, as of `against`: values by column."""
    return {
        str(name): {str(column): value for column, value in row.items()}
        for name, row in table.to_dict("index").items()
    }
