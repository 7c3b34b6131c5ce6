"""Estimates, intervals and verdicts that allow for other seeds and other test images at once.

The model is one of random effects. A metric's pseudo-value of seed s and image i is a sum of four
parts: a mean, an effect of the seed, an effect of the image, and a remainder. Seeds of two variants
are independent. Images are paired, because both variants are scored on the same ones.
docs/statistics.md reports how well this holds on real trainings.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from optledger.core.errors import UserError
from optledger.core.metric import Verdict

Sources = Literal[
    "searches, seeds and images", "searches and seeds", "seeds and images", "seeds", "images"
]
"""The noise that an interval accounts for. Without images, it holds for this test set only; without
seeds, for these models only."""

MOST_SEEDS = 1_000_000
"""The most seeds that planning considers; a difference that needs more counts as out of reach."""

POWER = 0.8
"""The probability of a verdict with which the needed number of seeds is planned."""

SKEWNESS = -1.25
"""The assumed skewness over seeds where higher is better: some seeds fall far below the rest."""

# A variant whose seeds spread more than _UNLIKE times as far as another's is not equivalent to it.
_UNLIKE = 3.0
# With fewer seeds than _FEW_SEEDS, such a variant is never better either.
_FEW_SEEDS = 5


@dataclass(frozen=True)
class Sample:
    """One variant's values of a metric.

    Attributes:
        seeds: the metric of each seed, shape (seeds,). Where each block of seeds has its own
            search, the mean of each block, shape (blocks,).
        images: pseudo-value of each image, mean over the seeds, shape (images,); None without
            predictions.
        residual: mean square of what neither the seed nor the image explains; 0 where it is
            unknown, as with one seed.
        counts: whether each pseudo-value is 1 or 0, for right or wrong.
        skewness: the assumed skewness over seeds.
        earlier: samples of the first seeds alone, one for each look before the last of these seeds.
        block: number of seeds behind each value of `seeds`.
    """

    seeds: NDArray[np.float64]
    images: NDArray[np.float64] | None = None
    residual: float = 0.0
    counts: bool = False
    skewness: float = 0.0
    earlier: tuple["Sample", ...] = ()
    block: int = 1

    @property
    def count(self) -> int:
        """The number of independent values."""
        return len(self.seeds)

    @property
    def trained(self) -> int:
        """The number of seeds that were trained."""
        return self.count * self.block

    @property
    def mean(self) -> float:
        """The mean of the metric over the seeds."""
        return float(np.mean(self.seeds))

    @property
    def variance(self) -> float:
        """Variance of the metric over seeds (ddof 1); infinite for one seed, which shows no spread.

        It is at least the variance that the residual alone causes. Seeds that happen to score
        alike, by mistakes on different images, still have noise.
        """
        if self.count == 1:
            return math.inf
        least = 0.0 if self.images is None else self.residual / len(self.images)
        # Distances from the first value, so that equal values have a variance of exactly 0.
        return max(float(np.var(self.seeds - self.seeds[0], ddof=1)), least)

    def at(self, count: int) -> "Sample | None":
        """Return the sample that a look at `count` seeds saw; None if there are fewer seeds yet."""
        if self.trained < count:
            return None
        return next(each for each in (*self.earlier, self) if each.trained == count)


def sample(
    pseudo_values: NDArray[np.float64],
    counts: bool = False,
    skewness: float = 0.0,
    looks: Sequence[int] = (),
    block: int = 1,
) -> Sample:
    """Summarize pseudo-values, shape (seeds, images), also as each earlier look saw them.

    The residual is that of a two-way layout without replication (Searle, Casella and McCulloch
    1992, Variance Components, section 4.3).

    Args:
        pseudo_values: contribution of each image to the metric of each seed.
        counts: whether each pseudo-value is 1 or 0, for right or wrong.
        skewness: the assumed skewness over seeds.
        looks: numbers of seeds at which there is a look, ascending.
        block: number of consecutive seeds that share a search.

    Raises:
        UserError: the number of seeds is not a multiple of `block`.
    """
    earlier = tuple(
        sample(pseudo_values[:look], counts, skewness, block=block)
        for look in looks
        if look < len(pseudo_values)
    )
    pseudo_values = _blocks(pseudo_values, block).mean(axis=1)
    rows, columns = pseudo_values.shape
    seeds, images = pseudo_values.mean(axis=1), pseudo_values.mean(axis=0)
    residual = 0.0
    if rows > 1 and columns > 1:
        rest = pseudo_values - seeds[:, np.newaxis] - images + seeds.mean()
        residual = float(np.sum(rest**2) / ((rows - 1) * (columns - 1)))
    return Sample(seeds, images, residual, counts and block == 1, skewness, earlier, block)


def sample_of_seeds(
    seeds: NDArray[np.float64], skewness: float = 0.0, looks: Sequence[int] = (), block: int = 1
) -> Sample:
    """Summarize a metric without predictions: its intervals hold for this test set only.

    Args:
        seeds: the metric of each seed, shape (seeds,).
        skewness: the assumed skewness over seeds.
        looks: numbers of seeds at which there is a look, ascending.
        block: number of consecutive seeds that share a search.

    Raises:
        UserError: the number of seeds is not a multiple of `block`.
    """
    earlier = tuple(
        sample_of_seeds(seeds[:look], skewness, block=block) for look in looks if look < len(seeds)
    )
    means = _blocks(seeds, block).mean(axis=1)
    return Sample(means, skewness=skewness, earlier=earlier, block=block)


def _blocks(values: NDArray[np.float64], block: int) -> NDArray[np.float64]:
    """Group the values of seeds that share a search, along a new second axis."""
    if len(values) % block:
        allowed = f"a multiple of seeds.per_search, {block}, as dvc repro trains them"
        raise UserError(f"results: found {len(values)} seeds of a variant; allowed: {allowed}")
    return values.reshape(-1, block, *values.shape[1:])


class Estimate(Protocol):
    """A mean or a difference of means, and how far off it may be."""

    @property
    def value(self) -> float:
        """The estimate itself."""
        ...

    @property
    def sources(self) -> Sources:
        """The noise that the interval accounts for."""
        ...

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the ends of the interval that misses with probability `alpha`."""
        ...

    def p_value(self) -> float:
        """Return the alpha whose interval ends at 0."""
        ...

    @property
    def spreads(self) -> float:
        """The first variant's spread over seeds, divided by the second's."""
        ...

    @property
    def may_be_equivalent(self) -> bool:
        """Whether the spreads are alike enough for a verdict of equivalence."""
        ...


@dataclass(frozen=True)
class Howe:
    """An estimate with the noise of seeds and of images.

    Attributes:
        value: the estimate.
        sources: the noise that the interval accounts for.
        seed_variance: variance of the estimate due to seeds; infinite where a variant has one seed.
        degrees_of_freedom: those of `seed_variance`; infinite where that is 0.
        image_variance: variance of the estimate due to images; 0 where images are left out,
            infinite where there is only one.
        skewness: skewness of the estimate, from the assumed skewness over seeds.
        spreads: the first variant's spread over seeds, divided by the second's.
        open_end: -1 if the interval has no lower end, 1 if it has no upper end, else 0. An end is
            open where a variant has few seeds that spread far: nothing shows how bad it may be.
    """

    value: float
    sources: Sources
    seed_variance: float
    degrees_of_freedom: float
    image_variance: float
    skewness: float = 0.0
    spreads: float = 1.0
    open_end: int = 0

    @property
    def may_be_equivalent(self) -> bool:
        """Whether no variant's seeds spread more than `_UNLIKE` times as far as the other's."""
        return 1 / _UNLIKE <= self.spreads <= _UNLIKE

    def half_widths(self, alpha: float) -> tuple[float, float]:
        """Return how far the interval's ends lie below and above the value.

        The interval misses with probability `alpha`. It combines the seeds' t quantile and the
        images' normal quantile as Howe does: Approximate confidence limits on the mean of X + Y
        where X and Y are two tabled independent random variables, JASA 69 (1974), 789-794. The end
        towards which seeds lean is moved outwards by the first term of the t statistic's expansion
        for skewness (Johnson 1978, JASA 73; Hall 1992, JRSS B 54). The other end stays in place.
        """
        if math.isinf(self.seed_variance + self.image_variance):
            return math.inf, math.inf
        # The same as the quantiles of scipy.stats, and forty times as fast.
        t = -special.stdtrit(self.degrees_of_freedom, alpha / 2)
        images = special.ndtri(alpha / 2) * math.sqrt(self.image_variance)
        lean = self.skewness * (2 * t**2 + 1) / 6 if self.skewness else 0.0
        below, above = (
            math.inf
            if self.open_end == side
            else math.hypot((t + max(0.0, side * lean)) * math.sqrt(self.seed_variance), images)
            for side in (-1, 1)
        )
        return below, above

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the ends of the interval that misses with probability `alpha`."""
        below, above = self.half_widths(alpha)
        return self.value - below, self.value + above

    def _towards_zero(self, alpha: float) -> float:
        """Return the distance between the value and the end on the side of 0."""
        return self.half_widths(alpha)[0 if self.value > 0 else 1]

    def p_value(self) -> float:
        """Return the alpha whose interval ends at 0; 0 where it is below 1e-100."""
        distance = abs(self.value)
        # With an alpha of 1 the interval has no width, unless seeds lean.
        if distance <= self._towards_zero(1.0):
            return 1.0
        # For a smaller alpha, SciPy's t quantile is NaN at some degrees of freedom.
        smallest = math.log(1e-100)
        if self._towards_zero(math.exp(smallest)) <= distance:
            return 0.0
        root = optimize.brentq(
            lambda log_p: self._towards_zero(math.exp(log_p)) - distance, smallest, 0.0, xtol=1e-10
        )
        return math.exp(root)


@dataclass(frozen=True)
class McNemar:
    """The difference in accuracy of two models, one seed each, with the noise of images only.

    McNemar's exact test (1947, Psychometrika 12) decides whether it is 0. If it is, each image that
    only one model gets right is equally likely to be the first's or the second's.

    Attributes:
        first_alone: number of images that only the first model gets right.
        second_alone: number of images that only the second model gets right.
        images: number of images.
    """

    first_alone: int
    second_alone: int
    images: int

    sources: Sources = "images"
    spreads: float = 1.0
    may_be_equivalent: bool = True

    @property
    def value(self) -> float:
        """The difference, first minus second."""
        return (self.first_alone - self.second_alone) / self.images

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the ends of an interval that excludes 0 exactly where the test does.

        It multiplies two intervals of Clopper and Pearson's (1934, Biometrika 26). The first is for
        the first model's share of the images that only one model gets right. The second is for the
        share of such images among all. Each end is the product that makes the interval wider.
        """
        apart = self.first_alone + self.second_alone
        shares = _clopper_pearson(self.first_alone, apart, alpha)
        fewest, most = _clopper_pearson(apart, self.images, alpha)
        low, high = (2 * share - 1 for share in shares)
        return low * (most if low < 0 else fewest), high * (most if high > 0 else fewest)

    def p_value(self) -> float:
        """Return the two-sided p-value of the exact test."""
        apart = self.first_alone + self.second_alone
        return float(_binomial_test(self.first_alone, apart).pvalue) if apart else 1.0


def _binomial_test(successes: int, trials: int) -> Any:
    # Imported here, as it takes as long as half of pandas, and models of one seed alone need it.
    from scipy import stats

    return stats.binomtest(successes, trials)


def _clopper_pearson(successes: int, trials: int, alpha: float) -> tuple[float, float]:
    if not trials:
        return 0.0, 1.0
    ends = _binomial_test(successes, trials).proportion_ci(1 - alpha)
    return float(ends.low), float(ends.high)


def difference(first: Sample, second: Sample) -> Estimate:
    """Return the first's mean minus the second's.

    With one seed each and predictions, the interval is for these two models. With one seed on one
    side only, or one seed each and no predictions, the noise is unknown and the interval has no
    ends.
    """
    if first.count == second.count == 1 and first.images is not None and second.images is not None:
        apart = first.images - second.images
        if first.counts and second.counts:
            return McNemar(int(np.sum(apart > 0)), int(np.sum(apart < 0)), len(apart))
        return Howe(float(apart.mean()), "images", 0.0, math.inf, _variance(apart) / len(apart))
    return _howe(first.mean - second.mean, [first, second])


def mean(variant: Sample) -> Howe:
    """Return a variant's mean; with one seed and predictions, its interval is for this model."""
    if variant.count == 1 and variant.images is not None:
        variance = _variance(variant.images) / len(variant.images)
        return Howe(variant.mean, "images", 0.0, math.inf, variance)
    return _howe(variant.mean, [variant])


_SOURCES: dict[tuple[bool, bool], Sources] = {
    (False, False): "seeds",
    (False, True): "searches and seeds",
    (True, False): "seeds and images",
    (True, True): "searches, seeds and images",
}
"""By whether there are predictions, and whether each block of seeds has its own search."""


def _howe(value: float, samples: Sequence[Sample]) -> Howe:
    """Estimate one sample's mean, or the first sample's mean minus the second's.

    Seeds: the sum of the variances of the variants' means, with Welch's degrees of freedom (1947,
    Biometrika 34). Images: the variance of their effects, minus the part of the residual that
    remains in a mean over few seeds.
    """
    images = image_variance(samples)
    sources = _SOURCES[images is not None, max(each.block for each in samples) > 1]
    parts = [each.variance / each.count for each in samples]
    total = sum(parts)
    if math.inf in parts:
        return Howe(value, sources, math.inf, 0.0, images or 0.0)
    squares = sum(part**2 / (each.count - 1) for part, each in zip(parts, samples, strict=True))
    degrees = total**2 / squares if squares else math.inf
    # The third cumulant of a mean of n seeds is that of one seed, divided by n squared.
    thirds = [
        each.skewness * part**1.5 / math.sqrt(each.count)
        for part, each in zip(parts, samples, strict=True)
    ]
    third = thirds[0] - sum(thirds[1:])
    skewness = third / total**1.5 if total else 0.0
    spreads = _spread_ratio(samples) if len(samples) > 1 else 1.0
    return Howe(
        *(value, sources, total, degrees, images or 0.0),
        *(skewness, spreads, _open_end(samples, spreads)),
    )


def _spread_ratio(samples: Sequence[Sample]) -> float:
    first, second = (math.sqrt(each.variance) for each in samples)
    if first == second:
        return 1.0
    return first / second if second else math.inf


def _open_end(samples: Sequence[Sample], spreads: float) -> int:
    """Return `Howe.open_end`: the end that few seeds with a wide spread cannot bound."""
    noisier, sign = (samples[0], -1) if spreads > 1 else (samples[-1], 1)
    if noisier.count >= _FEW_SEEDS or 1 / _UNLIKE <= spreads <= _UNLIKE or not noisier.skewness:
        return 0
    # Where the metric is a loss, seeds lean the other way.
    return sign if noisier.skewness < 0 else -sign


def image_variance(samples: Sequence[Sample]) -> float | None:
    """Return the estimate's variance due to images; None unless every sample has predictions."""
    effects = np.zeros(())
    for sign, each in zip((1, -1), samples, strict=False):
        if each.images is None:
            return None
        effects = effects + sign * each.images
    rest = sum(each.residual / each.count for each in samples)
    return max(0.0, _variance(effects) - rest) / len(effects)


def _variance(values: NDArray[np.float64]) -> float:
    return float(np.var(values, ddof=1)) if len(values) > 1 else math.inf


def verdict(
    estimate: Estimate, alpha: float, margin: float, lower_is_better: bool = False
) -> Verdict:
    """Return the verdict on the first variant.

    Args:
        estimate: the first's mean minus the second's.
        alpha: the probability with which better and worse together may be wrong, and that with
            which equivalent may be wrong; below 0.5.
        margin: the difference up to which both are as good as equal.
        lower_is_better: whether the metric is a loss.

    Returns:
        - equivalent, if the interval that misses with probability 2 * alpha lies within the margin,
          and the spreads over seeds allow it. These are two one-sided tests (Schuirmann 1987, J.
          Pharmacokinetics and Biopharmaceutics 15).
        - better or worse, else, if the interval of `alpha` excludes 0.
        - inconclusive, else.
    """
    low, high = estimate.interval(2 * alpha)
    if -margin <= low and high <= margin and estimate.may_be_equivalent:
        return "equivalent"
    low, high = estimate.interval(alpha)
    if low > 0:
        return "worse" if lower_is_better else "better"
    if high < 0:
        return "better" if lower_is_better else "worse"
    return "inconclusive"


def seeds_needed(
    first: Sample, second: Sample, size: float, alpha: float, power: float = POWER
) -> float:
    """Return how many seeds each variant needs to show a difference of `size`.

    A difference is shown if its interval excludes 0, here with probability `power`, whichever
    variant is ahead. The spreads over seeds and images are those of the samples. (Below the margin,
    the difference may still be called equivalent.)

    Returns:
        The smallest number of seeds, or of blocks where seeds share searches. Infinite if it is
        above `MOST_SEEDS`. That is so where the noise of images is too large, and only a larger
        test set would help. NaN where a variant has one seed, which shows no spread.
    """
    return _fewest(first, second, [-size, size], 0.0, alpha, power)


def seeds_to_settle(
    first: Sample, second: Sample, margin: float, alpha: float, power: float = POWER
) -> float:
    """Return how many seeds each variant needs for a verdict, if the samples show the truth.

    The verdict is equivalent, better or worse, and is reached with probability `power`.

    Returns:
        The smallest number, with the units and special values of `seeds_needed`.
    """
    return _fewest(first, second, [first.mean - second.mean], margin, alpha, power)


def _fewest(
    first: Sample,
    second: Sample,
    sizes: Sequence[float],
    margin: float,
    alpha: float,
    power: float,
) -> float:
    if math.inf in (first.variance, second.variance):
        return math.nan

    def suffice(count: int) -> bool:
        return all(
            verdict_chance(first, second, count, size, margin, alpha) >= power for size in sizes
        )

    if not suffice(MOST_SEEDS):
        return math.inf
    # Most answers are small: they lie below the first of 2, 4, 8, ... that suffices.
    least, most = 2, 2
    while most < MOST_SEEDS and not suffice(most):
        least, most = most + 1, 2 * most
    return least + bisect_left(range(least, min(most, MOST_SEEDS)), True, key=suffice)


# Midpoints of 16 equal shares of a distribution.
_MIDPOINTS = (np.arange(16) + 0.5) / 16


def verdict_chance(
    first: Sample, second: Sample, seeds: int, size: float, margin: float, alpha: float
) -> float:
    """Return how likely a difference is shown not to be 0, or to be within the margin.

    The estimate is normal. The variances over seeds that an experiment finds are independent and
    chi-square around the true ones. The result is an average over these variances, and so over the
    degrees of freedom.

    Args:
        first: sample whose variance over seeds counts as true.
        second: the same of the other variant. The variance of their difference due to images counts
            as true, too.
        seeds: number of seeds of each variant.
        size: the true difference, the first's mean minus the second's.
        margin: the difference up to which both are as good as equal; 0 leaves equivalence out.
        alpha: the level, as in `verdict`.
    """
    images = image_variance([first, second]) or 0.0
    error = math.sqrt((first.variance + second.variance) / seeds + images)
    if error == 0:
        return 1.0 if size or margin else 0.0
    found = special.gammaincinv((seeds - 1) / 2, _MIDPOINTS) * 2 / (seeds - 1)
    own, other = (
        each.reshape(-1)
        for each in np.meshgrid(first.variance * found / seeds, second.variance * found / seeds)
    )
    total = own + other
    with np.errstate(divide="ignore", invalid="ignore"):
        degrees = np.where(total > 0, total**2 / (own**2 + other**2) * (seeds - 1), np.inf)
        thirds = (first.skewness * own**1.5 - second.skewness * other**1.5) / math.sqrt(seeds)
        skewness = np.where(total > 0, thirds / total**1.5, 0.0)
        apart = np.where(own == other, 1.0, own / other)
    far, further = apart > _UNLIKE**2, apart < _UNLIKE**-2
    is_open = {side: np.zeros(len(own), bool) for side in (-1, 1)}
    if seeds < _FEW_SEEDS and first.skewness:
        lower = first.skewness < 0
        is_open = {-1: far if lower else further, 1: further if lower else far}

    def half_widths(alpha: float) -> list[NDArray[np.float64]]:
        """Return how far the intervals reach below the estimates, and how far above them."""
        t, z = -special.stdtrit(degrees, alpha / 2), special.ndtri(alpha / 2)
        sides = {
            side: t + np.maximum(0.0, side * skewness * (2 * t**2 + 1) / 6) for side in (1, -1)
        }
        return [
            np.where(is_open[side], np.inf, np.hypot(t * np.sqrt(total), z * math.sqrt(images)))
            for side, t in sides.items()
        ]

    def below(place: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(special.ndtr((place - size) / error))

    below_it, above_it = half_widths(alpha)
    low, high = -below_it, above_it
    chance = 1 - (below(high) - below(low))
    if margin == 0:
        return float(np.mean(chance))
    below_it, above_it = half_widths(2 * alpha)
    least, most = above_it - margin, margin - below_it
    # Estimates that show equivalence but no difference: those that show both are counted above.
    within = below(np.minimum(most, high)) - below(np.maximum(least, low))
    alike = (most > least) & ~far & ~further
    return float(np.mean(chance + np.where(alike, np.maximum(0.0, within), 0.0)))
