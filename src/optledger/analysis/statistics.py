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

from optledger.core.errors import UserError
from optledger.core.metric import Verdict

Sources = Literal[
    "searches, seeds and images", "searches and seeds", "seeds and images", "seeds", "images"
]
"""What else could have come out differently: an interval without the images is of this test set,
one without the seeds of these two models."""

MOST_SEEDS = 1_000_000
"""More is not looked for: what these do not show, no number of seeds will."""

POWER = 0.8
"""How likely a verdict is to be, where it is said how many seeds it takes."""

SKEWNESS = -1.25
"""How seeds lean where higher is better, as far as anyone knows before: some fall far below."""

# Seeds whose spread is so many times that of others, or more, ...
_FAR = 3.0
# ... are not shown to be as good; and fewer than these, not to be better.
_FEW = 5


@dataclass(frozen=True)
class Sample:
    """One variant's values of a metric.

    Attributes:
        seeds: the metric of each seed, shape (seeds,); where each block of seeds has a search of
            its own, the mean of each block.
        images: pseudo-values, mean over the seeds, shape (images,); None where the predictions are
            not at hand.
        residual: mean square of what neither the seed nor the image explains; 0 where it is not
            known, as of one seed.
        counts: whether an image counts 1 or 0, right or wrong.
        skewness: which way seeds may lean, and how far.
        earlier: the same of the first seeds alone, for each look before these were all.
        block: how many seeds were trained for each of `seeds`.
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
        """How many independent values there are."""
        return len(self.seeds)

    @property
    def trained(self) -> int:
        """How many seeds were trained."""
        return self.count * self.block

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

    def at(self, count: int) -> "Sample | None":
        """Return what a look at so many seeds saw; None where there are not so many yet."""
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
    """Summarize pseudo-values, shape (seeds, images), and those of each look before.

    The residual is that of a two-way layout without replication (Searle, Casella and McCulloch
    1992, Variance Components, section 4.3).

    Args:
        pseudo_values: what each image contributes to the metric of each seed.
        counts: whether they are 1 or 0, right or wrong.
        skewness: which way seeds may lean, and how far.
        looks: numbers of seeds, ascending.
        block: how many seeds, one after the other, share a search; of them all a multiple.
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
    """Return what is known without predictions: of this test set.

    Args:
        seeds: the metric of each seed, shape (seeds,).
        skewness: which way seeds may lean, and how far.
        looks: numbers of seeds, ascending.
        block: as of `sample`.
    """
    earlier = tuple(
        sample_of_seeds(seeds[:look], skewness, block=block) for look in looks if look < len(seeds)
    )
    means = _blocks(seeds, block).mean(axis=1)
    return Sample(means, skewness=skewness, earlier=earlier, block=block)


def _blocks(values: NDArray[np.float64], block: int) -> NDArray[np.float64]:
    """Return values of seeds with those that share a search together, along a new second axis."""
    if len(values) % block:
        allowed = f"a multiple of seeds.per_search, {block}, as dvc repro trains them"
        raise UserError(f"results: found {len(values)} seeds of a variant; allowed: {allowed}")
    return values.reshape(-1, block, *values.shape[1:])


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

    @property
    def spreads(self) -> float:
        """How many times as far the first one's seeds spread as the second's."""
        ...

    @property
    def may_be_equivalent(self) -> bool:
        """Whether an interval within the margin shows that nothing more is the matter."""
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
        skewness: of the estimate, as far as seeds make it lean.
        spreads: how many times as far the first variant's seeds spread as the second's.
        open_end: -1 where nothing tells how low the difference may be, as the first variant has
            few seeds that spread far; 1 where nothing tells how high; else 0.
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
        """Whether the one spreads about as far as the other."""
        return 1 / _FAR <= self.spreads <= _FAR

    def half_widths(self, alpha: float) -> tuple[float, float]:
        """Return how far the ends of the interval that misses with `alpha` are from the value.

        The seeds' t quantile and the images' normal quantile, joined as Howe (1974), Approximate
        confidence limits on the mean of X + Y where X and Y are two tabled independent random
        variables, JASA 69:789-794. The end towards which seeds lean is farther by the first term
        of the t statistic's expansion for skewness (Johnson 1978, JASA 73; Hall 1992, JRSS B 54);
        the other is not nearer.
        """
        if math.isinf(self.seed_variance + self.image_variance):
            return math.inf, math.inf
        # Forty times as fast as the quantiles of scipy.stats, which are these.
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
        """Return how far the end on the side of 0 is from the value."""
        return self.half_widths(alpha)[0 if self.value > 0 else 1]

    def p_value(self) -> float:
        """Return the alpha whose interval ends at 0; 0 where it is below 1e-100."""
        distance = abs(self.value)
        # At 1 the interval ends at its value, but where seeds lean.
        if distance <= self._towards_zero(1.0):
            return 1.0
        # Of smaller ones, SciPy's t quantile is NaN at some degrees of freedom.
        smallest = math.log(1e-100)
        if self._towards_zero(math.exp(smallest)) <= distance:
            return 0.0
        root = optimize.brentq(
            lambda log_p: self._towards_zero(math.exp(log_p)) - distance, smallest, 0.0, xtol=1e-10
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
    spreads: float = 1.0
    may_be_equivalent: bool = True

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


_SOURCES: dict[tuple[bool, bool], Sources] = {
    (False, False): "seeds",
    (False, True): "searches and seeds",
    (True, False): "seeds and images",
    (True, True): "searches, seeds and images",
}
"""By whether there are predictions, and whether blocks of seeds have searches of their own."""


def _howe(value: float, samples: Sequence[Sample]) -> Howe:
    """Return the estimate of one sample's mean, or of the first's minus the second's.

    Seeds: the sum of the variants' variances of their means, with Welch's degrees of freedom (1947,
    Biometrika 34). Images: the variance of their effects, from which what the few seeds leave of
    the residual is taken away.
    """
    images = image_variance(samples)
    sources = _SOURCES[images is not None, max(each.block for each in samples) > 1]
    parts = [each.variance / each.count for each in samples]
    total = sum(parts)
    if math.inf in parts:
        return Howe(value, sources, math.inf, 0.0, images or 0.0)
    squares = sum(part**2 / (each.count - 1) for part, each in zip(parts, samples, strict=True))
    degrees = total**2 / squares if squares else math.inf
    # The third cumulant of a mean is that of a seed by the square of how many there are.
    thirds = [
        each.skewness * part**1.5 / math.sqrt(each.count)
        for part, each in zip(parts, samples, strict=True)
    ]
    third = thirds[0] - sum(thirds[1:])
    skewness = third / total**1.5 if total else 0.0
    spreads = _times_as_far(samples) if len(samples) > 1 else 1.0
    return Howe(
        *(value, sources, total, degrees, images or 0.0),
        *(skewness, spreads, _open_end(samples, spreads)),
    )


def _times_as_far(samples: Sequence[Sample]) -> float:
    first, second = (math.sqrt(each.variance) for each in samples)
    if first == second:
        return 1.0
    return first / second if second else math.inf


def _open_end(samples: Sequence[Sample], spreads: float) -> int:
    """Return which end few seeds that spread far do not tell, as of `Howe`."""
    noisier, sign = (samples[0], -1) if spreads > 1 else (samples[-1], 1)
    if noisier.count >= _FEW or 1 / _FAR <= spreads <= _FAR or not noisier.skewness:
        return 0
    # Where the metric is a loss, seeds lean the other way.
    return sign if noisier.skewness < 0 else -sign


def image_variance(samples: Sequence[Sample]) -> float | None:
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
    """Return with how many seeds each a difference of `size` would be seen.

    Seen is: its interval excludes 0, with probability `power`, at the spread over seeds and images
    that these samples have, whichever of the two is ahead. (It may still be called equivalent, if
    it is below the margin.)

    Returns:
        The smallest number. Infinite where that is above `MOST_SEEDS`, as where the images alone
        forbid it and only a larger test set would help; NaN where a variant has one seed, which
        tells no spread.
    """
    return _fewest(first, second, [-size, size], 0.0, alpha, power)


def seeds_to_settle(
    first: Sample, second: Sample, margin: float, alpha: float, power: float = POWER
) -> float:
    """Return with how many seeds each a verdict would be given, if variants are as they seem.

    That is: equivalent, better or worse, with probability `power`.

    Returns:
        The number; infinite or NaN as of `seeds_needed`.
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

    counts = range(2, MOST_SEEDS + 1)
    place = bisect_left(counts, True, key=suffice)
    return counts[place] if place < len(counts) else math.inf


# Midpoints of equal shares of a distribution.
_SHARES = (np.arange(16) + 0.5) / 16


def verdict_chance(
    first: Sample, second: Sample, seeds: int, size: float, margin: float, alpha: float
) -> float:
    """Return how likely a difference of `size` is shown not to be 0, or to be within the margin.

    The estimate is normal; the variances from seeds that an experiment finds, and with them its
    degrees of freedom, are independent chi-square ones about the true, which are averaged over.

    Args:
        first: its variance of seeds counts as true.
        second: likewise; and so does the variance of their difference from images.
        seeds: of each variant.
        size: the true difference, the first less the second.
        margin: 0 where equivalence does not count.
        alpha: as of `verdict`.
    """
    images = image_variance([first, second]) or 0.0
    error = math.sqrt((first.variance + second.variance) / seeds + images)
    if error == 0:
        return 1.0 if size or margin else 0.0
    found = special.gammaincinv((seeds - 1) / 2, _SHARES) * 2 / (seeds - 1)
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
    far, further = apart > _FAR**2, apart < _FAR**-2
    is_open = {side: np.zeros(len(own), bool) for side in (-1, 1)}
    if seeds < _FEW and first.skewness:
        lower = first.skewness < 0
        is_open = {-1: far if lower else further, 1: further if lower else far}

    def half_width(alpha: float, side: int) -> NDArray[np.float64]:
        t, z = -special.stdtrit(degrees, alpha / 2), special.ndtri(alpha / 2)
        t = t + np.maximum(0.0, side * skewness * (2 * t**2 + 1) / 6)
        half = np.hypot(t * np.sqrt(total), z * math.sqrt(images))
        return np.where(is_open[side], np.inf, half)

    def below(place: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(special.ndtr((place - size) / error))

    low, high = -half_width(alpha, 1), half_width(alpha, -1)
    chance = 1 - (below(high) - below(low))
    least, most = half_width(2 * alpha, -1) - margin, margin - half_width(2 * alpha, 1)
    # What is shown to be equivalent, and would not be shown to be apart.
    within = below(np.minimum(most, high)) - below(np.maximum(least, low))
    alike = (margin > 0) & (most > least) & ~far & ~further
    return float(np.mean(chance + np.where(alike, np.maximum(0.0, within), 0.0)))
