"""How sure a difference is: other seeds and other test images, answered together.

The model is one of random effects: a metric's pseudo-value of seed s and image i is a mean, plus
an effect of the seed, plus one of the image, plus the rest. Seeds of two variants are independent;
images are paired, as both variants are scored on the same ones. docs/statistics.md tells how well
this holds on real trainings.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from optledger.core.metric import Verdict

Sources = Literal["seeds and images", "seeds", "images"]
"""What else could have come out differently: an interval without the images is of this test set,
one without the seeds of these two models."""

MOST_SEEDS = 1_000_000
"""More is not looked for: what these do not show, no number of seeds will."""


@dataclass(frozen=True)
class Sample:
    """One variant's values of a metric.

    Attributes:
        seeds: the metric of each seed, shape (seeds,).
        images: pseudo-values, mean over the seeds, shape (images,); None where the predictions are
            not at hand.
        residual: mean square of what neither the seed nor the image explains; 0 where it is not
            known, as of one seed.
        counts: whether an image counts 1 or 0, right or wrong.
    """

    seeds: NDArray[np.float64]
    images: NDArray[np.float64] | None = None
    residual: float = 0.0
    counts: bool = False

    @property
    def count(self) -> int:
        """How many seeds there are."""
        return len(self.seeds)

    @property
    def mean(self) -> float:
        """The metric, mean over the seeds."""
        return float(np.mean(self.seeds))

    @property
    def variance(self) -> float:
        """Variance of the metric over seeds (ddof 1); infinite for one seed, which tells none.

        At least what the residual makes of it: seeds that happen to score alike, by mistakes on
        different images, are not without noise.
        """
        if self.count == 1:
            return math.inf
        least = 0.0 if self.images is None else self.residual / len(self.images)
        # Of the distances from the first, so that equal values have no variance at all.
        return max(float(np.var(self.seeds - self.seeds[0], ddof=1)), least)


def sample(pseudo_values: NDArray[np.float64], counts: bool = False) -> Sample:
    """Summarize pseudo-values, shape (seeds, images).

    The residual is that of a two-way layout without replication (Searle, Casella and McCulloch
    1992, Variance Components, section 4.3).

    Args:
        pseudo_values: what each image contributes to the metric of each seed.
        counts: whether they are 1 or 0, right or wrong.
    """
    seeds, images = pseudo_values.mean(axis=1), pseudo_values.mean(axis=0)
    rows, columns = pseudo_values.shape
    if rows < 2 or columns < 2:
        return Sample(seeds, images, counts=counts)
    rest = pseudo_values - seeds[:, np.newaxis] - images + seeds.mean()
    residual = float(np.sum(rest**2) / ((rows - 1) * (columns - 1)))
    return Sample(seeds, images, residual, counts)


class Estimate(Protocol):
    """A mean or a difference of means, and how far it may be off."""

    @property
    def value(self) -> float:
        """The estimate itself."""
        ...

    @property
    def sources(self) -> Sources:
        """What noise its interval has."""
        ...

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the ends of the interval that misses with probability `alpha`."""
        ...

    def p_value(self) -> float:
        """Return the alpha whose interval ends at 0."""
        ...


@dataclass(frozen=True)
class Howe:
    """An estimate with the noise of seeds and of images.

    Attributes:
        value: the estimate.
        sources: what of both is in it.
        seed_variance: of the estimate, from seeds; infinite where a variant has one seed.
        degrees_of_freedom: of that variance; infinite where it is 0.
        image_variance: of the estimate, from images; 0 where they are left out, infinite where
            there is one only.
    """

    value: float
    sources: Sources
    seed_variance: float
    degrees_of_freedom: float
    image_variance: float

    def half_width(self, alpha: float) -> float:
        """Return half the width of the interval that misses with probability `alpha`.

        The seeds' t quantile and the images' normal quantile, joined as Howe (1974), Approximate
        confidence limits on the mean of X + Y where X and Y are two tabled independent random
        variables, JASA 69:789-794.
        """
        if math.isinf(self.seed_variance + self.image_variance):
            return math.inf
        # Forty times as fast as the quantiles of scipy.stats, which are these.
        t = special.stdtrit(self.degrees_of_freedom, alpha / 2)
        z = special.ndtri(alpha / 2)
        return math.hypot(t * math.sqrt(self.seed_variance), z * math.sqrt(self.image_variance))

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the ends of the interval that misses with probability `alpha`."""
        half = self.half_width(alpha)
        return self.value - half, self.value + half

    def p_value(self) -> float:
        """Return the alpha whose interval ends at 0; 0 where it is below 1e-100."""
        distance = abs(self.value)
        if distance == 0 or math.isinf(self.seed_variance + self.image_variance):
            return 1.0
        # Of smaller ones, SciPy's t quantile is NaN at some degrees of freedom.
        smallest = math.log(1e-100)
        if self.half_width(math.exp(smallest)) <= distance:
            return 0.0
        root = optimize.brentq(
            lambda log_p: self.half_width(math.exp(log_p)) - distance, smallest, 0.0, xtol=1e-10
        )
        return math.exp(root)


@dataclass(frozen=True)
class McNemar:
    """The difference in accuracy of two models, one seed each: other images only.

    Whether it is 0 is McNemar's exact test (1947, Psychometrika 12): of the images that one model
    alone gets right, each is as likely the first's as the second's.

    Attributes:
        first_alone: images that the first alone gets right.
        second_alone: images that the second alone gets right.
        images: how many there are.
    """

    first_alone: int
    second_alone: int
    images: int

    sources: Sources = "images"

    @property
    def value(self) -> float:
        """The difference, first minus second."""
        return (self.first_alone - self.second_alone) / self.images

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the ends of an interval that excludes 0 exactly where the test does.

        Clopper and Pearson's (1934, Biometrika 26) for the share of the first among the images
        that tell the two apart, times theirs for how many of all images those are: the end of it
        that is farther from 0 on either side.
        """
        apart = self.first_alone + self.second_alone
        shares = _clopper_pearson(self.first_alone, apart, alpha)
        fewest, most = _clopper_pearson(apart, self.images, alpha)
        low, high = (2 * share - 1 for share in shares)
        return low * (most if low < 0 else fewest), high * (most if high > 0 else fewest)

    def p_value(self) -> float:
        """Return the exact test's p-value, two-sided."""
        apart = self.first_alone + self.second_alone
        return float(stats.binomtest(self.first_alone, apart).pvalue) if apart else 1.0


def _clopper_pearson(successes: int, trials: int, alpha: float) -> tuple[float, float]:
    if not trials:
        return 0.0, 1.0
    ends = stats.binomtest(successes, trials).proportion_ci(1 - alpha)
    return float(ends.low), float(ends.high)


def difference(first: Sample, second: Sample) -> Estimate:
    """Return the first's mean minus the second's.

    With one seed each and predictions it is of these two models; with one seed on one side only,
    or without predictions, nothing tells the noise and the interval has no ends.
    """
    if first.count == second.count == 1 and first.images is not None and second.images is not None:
        apart = first.images - second.images
        if first.counts and second.counts:
            return McNemar(int(np.sum(apart > 0)), int(np.sum(apart < 0)), len(apart))
        return Howe(float(apart.mean()), "images", 0.0, math.inf, _variance(apart) / len(apart))
    return _howe(first.mean - second.mean, [first, second])


def mean(variant: Sample) -> Howe:
    """Return a variant's mean; with one seed and predictions it is of this model."""
    if variant.count == 1 and variant.images is not None:
        variance = _variance(variant.images) / len(variant.images)
        return Howe(variant.mean, "images", 0.0, math.inf, variance)
    return _howe(variant.mean, [variant])


def _howe(value: float, samples: Sequence[Sample]) -> Howe:
    """Return the estimate of one sample's mean, or of the first's minus the second's.

    Seeds: the sum of the variants' variances of their means, with Welch's degrees of freedom (1947,
    Biometrika 34). Images: the variance of their effects, from which what the few seeds leave of
    the residual is taken away.
    """
    images = _image_variance(samples)
    sources: Sources = "seeds" if images is None else "seeds and images"
    parts = [each.variance / each.count for each in samples]
    total = sum(parts)
    if math.inf in parts:
        return Howe(value, sources, math.inf, 0.0, images or 0.0)
    squares = sum(part**2 / (each.count - 1) for part, each in zip(parts, samples, strict=True))
    degrees = total**2 / squares if squares else math.inf
    return Howe(value, sources, total, degrees, images or 0.0)


def _image_variance(samples: Sequence[Sample]) -> float | None:
    """Return the estimate's variance from images; None where not every sample has predictions."""
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
    """Return what a difference amounts to for the first variant.

    Args:
        estimate: the first minus the second.
        alpha: how often better and worse may be wrong, both together, and equivalent; below 0.5.
        margin: the difference up to which both are as good as equal.
        lower_is_better: whether the metric is a loss.

    Returns:
        equivalent, if the interval that misses with probability 2 * alpha lies within the margin:
        two one-sided tests (Schuirmann 1987, J. Pharmacokinetics and Biopharmaceutics 15); else
        better or worse, if the interval of `alpha` excludes 0; else inconclusive.
    """
    low, high = estimate.interval(2 * alpha)
    if -margin <= low and high <= margin:
        return "equivalent"
    low, high = estimate.interval(alpha)
    if low > 0:
        return "worse" if lower_is_better else "better"
    if high < 0:
        return "better" if lower_is_better else "worse"
    return "inconclusive"


def seeds_needed(
    first: Sample, second: Sample, size: float, alpha: float, power: float = 0.8
) -> float:
    """Return with how many seeds each a difference of `size` would be seen.

    Seen is: its interval excludes 0, with probability `power`, at the spread over seeds and images
    that these samples have. (It may still be called equivalent, if it is below the margin.)

    Returns:
        The smallest number. Infinite where that is above `MOST_SEEDS`, as where the images alone
        forbid it and only a larger test set would help; NaN where a variant has one seed, which
        tells no spread.
    """
    return _fewest(first, second, size, 0.0, alpha, power)


def seeds_to_settle(
    first: Sample, second: Sample, margin: float, alpha: float, power: float = 0.8
) -> float:
    """Return with how many seeds each a verdict would be given, if variants are as they seem.

    That is: equivalent, better or worse, with probability `power`.

    Returns:
        The number; infinite or NaN as of `seeds_needed`.
    """
    return _fewest(first, second, abs(first.mean - second.mean), margin, alpha, power)


def _fewest(
    first: Sample, second: Sample, size: float, margin: float, alpha: float, power: float
) -> float:
    variances = (first.variance, second.variance)
    if math.inf in variances:
        return math.nan
    images = _image_variance([first, second]) or 0.0

    def suffice(count: int) -> bool:
        return _verdict_chance(variances, images, count, size, margin, alpha) >= power

    counts = range(2, MOST_SEEDS + 1)
    place = bisect_left(counts, True, key=suffice)
    return counts[place] if place < len(counts) else math.inf


# Midpoints of equal shares of a distribution.
_SHARES = (np.arange(16) + 0.5) / 16


def _verdict_chance(
    variances: tuple[float, float],
    images: float,
    seeds: int,
    size: float,
    margin: float,
    alpha: float,
) -> float:
    """Return how likely a difference of `size` is shown not to be 0, or to be within the margin.

    The estimate is normal; the variances from seeds that an experiment finds, and with them its
    degrees of freedom, are independent chi-square ones about the true, which are averaged over.

    Args:
        variances: of the two variants' seeds.
        images: variance of the difference from images.
        seeds: of each variant.
        size: the true difference.
        margin: 0 where equivalence does not count.
        alpha: as of `verdict`.
    """
    total = sum(variances) / seeds
    error = math.sqrt(total + images)
    if error == 0:
        return 1.0 if size or margin else 0.0
    spread = special.gammaincinv((seeds - 1) / 2, _SHARES) * 2 / (seeds - 1) / seeds
    first, second = variances[0] * spread[:, np.newaxis], variances[1] * spread
    found = first + second
    squares = first**2 + second**2
    degrees = np.divide(found**2, squares, out=np.full_like(found, np.inf), where=squares > 0)
    degrees *= seeds - 1

    def half_widths(alpha: float) -> NDArray[np.float64]:
        t, z = special.stdtrit(degrees, alpha / 2), special.ndtri(alpha / 2)
        return np.asarray(np.hypot(t * np.sqrt(found), z * math.sqrt(images)))

    def within(ends: NDArray[np.float64]) -> NDArray[np.float64]:
        shares = special.ndtr((ends - size) / error) - special.ndtr((-ends - size) / error)
        return np.asarray(shares)

    equivalent = within(np.maximum(0.0, margin - half_widths(2 * alpha)))
    return float(1 - np.mean(np.maximum(0.0, within(half_widths(alpha)) - equivalent)))
