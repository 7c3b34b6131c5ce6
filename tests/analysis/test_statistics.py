import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from optledger.analysis.statistics import (
    Howe,
    McNemar,
    Sample,
    Verdict,
    difference,
    mean,
    sample,
    sample_of_seeds,
    seeds_needed,
    seeds_to_settle,
    verdict,
)


def of_seeds(*values: float) -> Sample:
    """Return a sample without predictions."""
    return Sample(np.array(values))


def simulated(
    rng: np.random.Generator,
    image_effects: NDArray[np.float64],
    seeds: int,
    seed_deviation: float,
    residual_deviation: float = 1.0,
) -> NDArray[np.float64]:
    """Return pseudo-values, shape (seeds, images), of known components."""
    shape = (seeds, len(image_effects))
    return np.asarray(
        seed_deviation * rng.standard_normal((seeds, 1))
        + image_effects
        + residual_deviation * rng.standard_normal(shape)
    )


# Without predictions: Welch's test.


def test_without_predictions_it_is_welchs_interval() -> None:
    """Interval and p-value are SciPy's; the result is of this test set."""
    first, second = [0.978, 0.980, 0.979, 0.976], [0.975, 0.978, 0.971, 0.974, 0.976, 0.970]
    estimate = difference(of_seeds(*first), of_seeds(*second))
    test = stats.ttest_ind(first, second, equal_var=False)
    expected = test.confidence_interval(0.99)
    assert estimate.interval(0.01) == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert estimate.p_value() == pytest.approx(test.pvalue, rel=1e-8)
    assert estimate.sources == "seeds"


def test_a_mean_without_predictions_has_students_interval() -> None:
    """As SciPy's one-sample test has it."""
    values = [0.978, 0.980, 0.979, 0.976]
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    ends = mean(of_seeds(*values)).interval(0.05)
    assert ends == pytest.approx((expected.low, expected.high), rel=1e-9)


# With predictions.


def test_without_noise_of_seeds_it_is_the_normal_interval_of_paired_images() -> None:
    """Where all seeds agree, what is left is a z test of the images' differences."""
    rng = np.random.default_rng(0)
    first, second = rng.random(50), rng.random(50)
    second += first.mean() - second.mean()
    # Images that differ while every seed, and so its mean, is the same.
    estimate = difference(sample(np.tile(first, (3, 1))), sample(np.tile(second, (4, 1))))
    apart = first - second
    half = stats.norm.isf(0.025) * apart.std(ddof=1) / math.sqrt(50)
    expected = (apart.mean() - half, apart.mean() + half)
    assert estimate.interval(0.05) == pytest.approx(expected, abs=1e-12)
    assert estimate.sources == "seeds and images"


def test_half_width_by_hand() -> None:
    """Two seeds each: the t quantile of two degrees is 4.3027, the normal one 1.9600."""
    estimate = Howe(0.1, "seeds and images", 0.04, 2.0, 0.09)
    expected = math.sqrt(4.302653**2 * 0.04 + 1.959964**2 * 0.09)
    assert estimate.half_widths(0.05)[0] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("value", [0.02, -0.3, 1.0, 4.0])
def test_the_interval_of_the_p_value_ends_at_zero(value: float) -> None:
    """So that intervals and p-values never contradict each other."""
    estimate = Howe(value, "seeds and images", 0.04, 7.3, 0.09)
    low, high = estimate.interval(estimate.p_value())
    assert min(abs(low), abs(high)) == pytest.approx(0, abs=1e-8)


def test_few_seeds_have_a_p_value_at_any_degrees_of_freedom() -> None:
    """SciPy 1.17's t quantile is NaN at these, at an alpha of 1e-150."""
    degrees = 2.3089681990755913
    estimate = Howe(0.1, "seeds", 1e-4, degrees, 0.0)
    assert estimate.p_value() == pytest.approx(2 * stats.t.sf(10, degrees), rel=1e-8)


def test_the_residual_is_that_of_least_squares() -> None:
    """Of a fit of an effect for each seed and image, by NumPy's solver."""
    values = np.random.default_rng(1).random((4, 6))
    seeds, images = np.indices(values.shape)
    design = np.hstack([np.eye(4)[seeds.ravel()], np.eye(6)[images.ravel()]])
    fit = design @ np.linalg.lstsq(design, values.ravel(), rcond=None)[0]
    expected = np.sum((values.ravel() - fit) ** 2) / (24 - 4 - 6 + 1)
    assert sample(values).residual == pytest.approx(expected, rel=1e-10)


def test_seeds_that_share_a_search_are_one_value() -> None:
    """So that a look at so many seeds sees half as many independent values."""
    values = np.random.default_rng(3).random((6, 9))
    found = sample(values, looks=[4], block=2)
    means = values.reshape(3, 2, 9).mean(axis=1)
    assert (found.count, found.trained) == (3, 6)
    assert found.seeds.tolist() == means.mean(axis=1).tolist()
    assert found.residual == pytest.approx(sample(means).residual, rel=1e-12)
    early = found.at(4)
    assert early
    assert early.seeds.tolist() == means[:2].mean(axis=1).tolist()
    assert found.at(8) is None
    without = sample_of_seeds(values.mean(axis=1), looks=[4], block=2)
    assert without.seeds == pytest.approx(found.seeds, rel=1e-12)
    assert without.at(4)


def test_what_searches_differ_by_is_in_the_interval_of_blocks() -> None:
    """The truth is missed in 5 % of simulated pairs; of seeds alone in far more."""
    rng = np.random.default_rng(4)
    missed = {1: 0, 2: 0}
    for _ in range(2000):
        first, second = (np.repeat(rng.normal(0, 2, 5), 2) + rng.normal(0, 1, 10) for _ in range(2))
        for block in missed:
            pair = (sample_of_seeds(each, block=block) for each in (first, second))
            low, high = difference(*pair).interval(0.05)
            missed[block] += not low <= 0 <= high
    assert missed[2] == pytest.approx(100, abs=30)
    assert missed[1] > 300


def test_known_components_are_found() -> None:
    """Over 2,000 simulated pairs the two terms are on average what they estimate."""
    rng = np.random.default_rng(2)
    seed_terms, image_terms = [], []
    for _ in range(2000):
        effects = rng.standard_normal((2, 60))
        first = sample(simulated(rng, effects[0], 4, 0.3))
        second = sample(simulated(rng, effects[1], 6, 0.5))
        estimate = difference(first, second)
        assert isinstance(estimate, Howe)
        seed_terms.append(estimate.seed_variance)
        image_terms.append(estimate.image_variance)
    # The residual, 1, is of both: it averages out over images as over seeds.
    expected = (0.09 + 1 / 60) / 4 + (0.25 + 1 / 60) / 6
    assert np.mean(seed_terms) == pytest.approx(expected, rel=0.03)
    assert np.mean(image_terms) == pytest.approx(2 / 60, rel=0.03)


@pytest.mark.parametrize(("seeds", "most"), [(3, 0.07), (5, 0.06), (10, 0.06)])
@pytest.mark.parametrize("image_deviation", [0.0, 1.5])
def test_intervals_of_simulated_pairs_miss_as_often_as_they_say(
    seeds: int, most: float, image_deviation: float
) -> None:
    """5 % of 4,000, whichever noise is the larger; with 3 seeds a little more."""
    rng = np.random.default_rng(3)
    missed = 0
    for _ in range(4000):
        effects = image_deviation * rng.standard_normal((2, 40))
        groups = [sample(simulated(rng, each, seeds, 0.4)) for each in effects]
        low, high = difference(groups[0], groups[1]).interval(0.05)
        missed += not low <= 0 <= high
    assert 0.02 < missed / 4000 < most


def test_the_standard_error_is_that_of_a_bootstrap() -> None:
    """Of 4,000 draws of seeds, for each variant its own, and of images, the same for both."""
    rng = np.random.default_rng(4)
    effects = rng.standard_normal((2, 400))
    values = [simulated(rng, each, 30, 0.1, 0.5) for each in effects]
    draws = []
    for _ in range(4000):
        images = rng.integers(0, 400, 400)
        means = [each[rng.integers(0, 30, 30)][:, images].mean() for each in values]
        draws.append(means[0] - means[1])
    estimate = difference(*map(sample, values))
    assert isinstance(estimate, Howe)
    error = math.sqrt(estimate.seed_variance + estimate.image_variance)
    assert error == pytest.approx(np.std(draws), rel=0.05)


# One seed each.


@pytest.mark.parametrize(("first", "second"), [(5, 1), (0, 4), (3, 3), (7, 0), (0, 0), (2, 9)])
def test_mcnemars_p_value_by_enumeration(first: int, second: int) -> None:
    """Of all ways in which the images that tell the models apart can fall, equally likely."""
    images = first + second
    ways = [abs(2 * sum(way) - images) for way in product((0, 1), repeat=images)]
    expected = np.mean(np.array(ways) >= abs(first - second))
    assert McNemar(first, second, 100).p_value() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("alpha", [0.3, 0.05, 0.01])
def test_mcnemars_interval_agrees_with_its_p_value(alpha: float) -> None:
    """It excludes 0 exactly where the p-value is below alpha, and always holds the estimate."""
    for first, second in product(range(14), repeat=2):
        estimate = McNemar(first, second, 40)
        low, high = estimate.interval(alpha)
        assert low <= estimate.value <= high
        assert (low > 0 or high < 0) == (estimate.p_value() < alpha)


@pytest.fixture(scope="module")
def intervals_of_20_images() -> dict[tuple[int, int, int], tuple[float, float]]:
    """McNemar's interval of each outcome: right by one alone, by the other alone, and the rest."""
    outcomes = [(first, second) for first in range(21) for second in range(21 - first)]
    return {
        (first, second, 20 - first - second): McNemar(first, second, 20).interval(0.05)
        for first, second in outcomes
    }


@pytest.mark.parametrize("apart", [0.0, 0.02, 0.2, 0.6])
@pytest.mark.parametrize("share", [0.5, 0.7, 1.0])
def test_mcnemars_interval_covers_by_enumeration(
    apart: float,
    share: float,
    intervals_of_20_images: dict[tuple[int, int, int], tuple[float, float]],
) -> None:
    """Of all outcomes of 20 images, weighted by their probability, at most 5 % are missed."""
    truth, missed = apart * (2 * share - 1), 0.0
    shares = [apart * share, apart * (1 - share), 1 - apart]
    for counts, (low, high) in intervals_of_20_images.items():
        if not low - 1e-12 <= truth <= high + 1e-12:
            missed += stats.multinomial.pmf(counts, 20, shares)
    assert missed <= 0.05


def test_one_seed_each_is_of_these_two_models() -> None:
    """Accuracy takes McNemar's test; a metric that is no count, the normal interval of images."""
    right = np.array([[1, 1, 1, 0, 1, 1.0]]), np.array([[1, 0, 0, 1, 0, 1.0]])
    assert difference(*(sample(each, counts=True) for each in right)) == McNemar(3, 1, 6)
    losses = np.random.default_rng(0).random((2, 1, 30))
    estimate = difference(*map(sample, losses))
    assert isinstance(estimate, Howe)
    test = stats.norm.interval(0.95, scale=np.std(losses[0] - losses[1], ddof=1) / math.sqrt(30))
    assert estimate.half_widths(0.05)[0] == pytest.approx(test[1], rel=1e-9)
    assert estimate.sources == "images"


def test_models_that_agree_on_every_image_may_still_differ_on_others() -> None:
    """No image tells them apart, and the interval is what a rate of none in so many leaves."""
    low, high = McNemar(0, 0, 1000).interval(0.05)
    assert (low, high) == pytest.approx((-0.00368, 0.00368), rel=0.01)
    assert verdict(McNemar(0, 0, 1000), 0.05, margin=0.005) == "equivalent"
    assert verdict(McNemar(0, 0, 100), 0.05, margin=0.005) == "inconclusive"


@pytest.mark.parametrize(
    "pair",
    [
        (of_seeds(0.9), of_seeds(0.8, 0.7, 0.9)),
        (of_seeds(0.9), of_seeds(0.8)),
        (sample(np.ones((1, 4))), sample(np.eye(3, 4))),
    ],
)
def test_one_seed_without_its_like_says_nothing(pair: tuple[Sample, Sample]) -> None:
    """One on one side, or without predictions: nobody knows how far seeds spread."""
    estimate = difference(*pair)
    assert estimate.interval(0.05) == (-math.inf, math.inf)
    assert estimate.p_value() == 1
    assert verdict(estimate, 0.05, margin=0.01) == "inconclusive"
    assert math.isnan(seeds_needed(*pair, size=0.01, alpha=0.05))


# Without variance.


def test_equal_values_are_equivalent() -> None:
    """Seeds that do not spread at all and models that agree everywhere leave no noise."""
    same = sample(np.tile([1.0, 0.1, 1.0], (3, 1)))
    estimate = difference(same, same)
    assert estimate.interval(0.05) == (0, 0)
    assert estimate.p_value() == 1
    assert verdict(estimate, 0.05, margin=1e-9) == "equivalent"
    assert seeds_needed(same, same, size=0.01, alpha=0.05) == 2


def test_a_difference_without_noise_is_certain() -> None:
    """Its p-value is 0."""
    estimate = difference(of_seeds(0.3, 0.3), of_seeds(0.1, 0.1, 0.1))
    assert estimate.p_value() == 0
    assert verdict(estimate, 0.05, margin=0.01) == "better"


def test_a_missing_loss_is_no_estimate() -> None:
    """A seed that diverged has none, and no verdict is made without it."""
    estimate = difference(of_seeds(0.3, math.nan), of_seeds(0.1, 0.2))
    assert math.isnan(estimate.value)
    assert verdict(estimate, 0.05, margin=0.01) == "inconclusive"


# Verdicts.


@pytest.mark.parametrize(
    ("value", "lower_is_better", "expected"),
    [
        (0.0, False, "equivalent"),
        (0.35, False, "equivalent"),
        (0.40, False, "inconclusive"),
        (0.48, False, "inconclusive"),
        (0.50, False, "inconclusive"),
        (0.60, False, "better"),
        (-0.60, False, "worse"),
        (0.60, True, "worse"),
        (-0.60, True, "better"),
        (-0.35, True, "equivalent"),
    ],
)
def test_the_order_of_verdicts(value: float, lower_is_better: bool, expected: Verdict) -> None:
    """Within the margin of 0.85 by 1.645 errors of 0.3; else apart from 0 by 1.960 of them."""
    estimate = Howe(value, "seeds and images", 0.0, math.inf, 0.09)
    assert verdict(estimate, 0.05, 0.85, lower_is_better) == expected


def test_what_is_apart_but_within_the_margin_is_equivalent() -> None:
    """A real difference that nobody cares for."""
    estimate = Howe(0.002, "seeds and images", 0.0, math.inf, 1e-8)
    assert estimate.p_value() < 1e-9
    assert verdict(estimate, 0.05, margin=0.003) == "equivalent"


# How many seeds.


@pytest.mark.parametrize("size", [0.2, 0.45, 0.7, 1.5])
@pytest.mark.parametrize("image_deviation", [0.0, 0.7])
def test_as_many_seeds_as_are_needed_show_a_difference(size: float, image_deviation: float) -> None:
    """In about 80 % of 2,000 simulated experiments with that many, of known components."""
    rng = np.random.default_rng(7)

    def pair(seeds: int, shift: float) -> list[Sample]:
        effects = image_deviation * rng.standard_normal((2, 120))
        first, second = (sample(simulated(rng, each, seeds, 0.3, 0.3)) for each in effects)
        assert first.images is not None
        return [replace(first, seeds=first.seeds + shift, images=first.images + shift), second]

    needed = [seeds_needed(*pair(200, 0.0), size, alpha=0.01) for _ in range(9)]
    count = np.median(needed)
    if math.isinf(count):
        # The images alone: the root of 2 / 120 of their deviation, 2.58 + 0.84 times.
        assert size < 3.42 * image_deviation * math.sqrt(2 / 120) * 1.1
        return
    shown = 0
    for _ in range(2000):
        low, _ = difference(*pair(int(count), size)).interval(0.01)
        shown += low > 0
    assert shown / 2000 > 0.77
    assert shown / 2000 < 0.88 or count <= 4


@pytest.mark.parametrize("distance", [0.0, 0.1, 0.2, 0.4])
def test_as_many_seeds_as_settle_it_give_a_verdict(distance: float) -> None:
    """In about 80 % of 2,000 experiments: equivalent within 0.3, or else better."""
    rng = np.random.default_rng(8)
    large = [Sample(0.3 * rng.standard_normal(4000)) for _ in range(2)]
    first, second = (Sample(each.seeds - each.seeds.mean()) for each in large)
    first = Sample(first.seeds + distance)
    count = int(seeds_to_settle(first, second, margin=0.3, alpha=0.01))
    settled = 0
    for _ in range(2000):
        draws = 0.3 * rng.standard_normal((2, count))
        estimate = difference(Sample(draws[0] + distance), Sample(draws[1]))
        settled += verdict(estimate, 0.01, margin=0.3) != "inconclusive"
    assert 0.77 < settled / 2000 < 0.84


@pytest.mark.parametrize(("size", "alpha"), [(0.5, 0.05), (1.5, 0.05), (0.6, 0.005)])
def test_power_is_that_of_the_noncentral_t(size: float, alpha: float) -> None:
    """With equal spread, without images and with some seeds, the number is SciPy's."""
    pair = of_seeds(0.0, 1.0, 2.0), of_seeds(3.0, 4.0, 5.0)

    def power(count: int) -> float:
        degrees = 2 * (count - 1)
        end = stats.t.isf(alpha / 2, degrees)
        return float(stats.nct.sf(end, degrees, size / math.sqrt(2 / count)))

    expected = next(count for count in range(2, 1000) if power(count) >= 0.8)
    assert seeds_needed(*pair, size, alpha) == pytest.approx(expected, abs=1, rel=0.01)


def test_one_seed_tells_nobody_how_many_are_needed() -> None:
    """Nor does it where the other variant has several."""
    pair = of_seeds(0.9), of_seeds(0.8, 0.7)
    assert math.isnan(seeds_needed(*pair, size=0.01, alpha=0.05))
    assert math.isnan(seeds_to_settle(*pair, margin=0.01, alpha=0.05))


def test_seeds_that_score_alike_by_different_mistakes_are_not_without_noise() -> None:
    """Their variance is at least what the residual of their images makes of it."""
    all_right, mistaken = np.ones((2, 20)), np.ones((2, 20))
    mistaken[[0, 1], [3, 7]] = 0
    estimate = difference(sample(all_right), sample(mistaken))
    assert estimate.value == pytest.approx(0.05)
    assert estimate.interval(0.05)[0] < 0
    assert verdict(estimate, 0.05, margin=0.01) == "inconclusive"


def test_one_image_tells_nothing_of_others() -> None:
    """Neither with several seeds nor with one."""
    for seeds in (1, 2):
        values = np.arange(2.0 * seeds).reshape(2, seeds, 1)
        estimate = difference(*map(sample, values))
        assert estimate.interval(0.05) == (-math.inf, math.inf)
        assert estimate.p_value() == 1


def test_no_number_of_seeds_outdoes_a_small_test_set() -> None:
    """Where the images' noise alone is too large, the answer is infinite, as beyond the most."""
    rng = np.random.default_rng(0)
    effects = rng.standard_normal((2, 50))
    pair = [sample(simulated(rng, each, 5, 0.1)) for each in effects]
    assert seeds_needed(*pair, size=0.1, alpha=0.05) == math.inf
    assert 2 <= seeds_needed(*pair, size=2.0, alpha=0.05) < 10
    noisy = of_seeds(-100, 100)
    assert seeds_needed(noisy, noisy, size=0.01, alpha=0.05) == math.inf
