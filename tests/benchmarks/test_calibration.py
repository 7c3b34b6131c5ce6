import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

import calibration
from calibration import (
    ADVICE,
    PAIRS,
    SINGLE,
    TABLES,
    VERDICTS,
    Drawn,
    Population,
    Question,
    Scenario,
    Share,
    Trials,
    excludes_zero,
    is_called,
    is_significant,
    markdown,
    misses,
    proportions_differ,
    run,
    scenarios,
)
from optledger.analysis.statistics import Howe, Sample, difference, sample
from optledger.datasets.kinds.classes import evaluate

CLASSES = 4


def of_losses(**variants: NDArray[np.float64]) -> Population:
    """Return variants with these losses, shape (seeds, images)."""
    return Population(
        labels=np.zeros(next(iter(variants.values())).shape[1], np.uint8),
        classes=CLASSES,
        variants={
            name: Trials(np.zeros(losses.shape, np.uint8), losses.astype(np.float32))
            for name, losses in variants.items()
        },
    )


def simulated() -> Population:
    """Return two variants of sixty seeds with normal quantiles, and a third with skewed ones."""
    rng = np.random.default_rng(0)
    ranks = (np.arange(60) + 0.5) / 60
    seeds = {
        "first": 0.5 * stats.norm.ppf(ranks),
        "second": stats.norm.ppf(ranks),
        "skewed": 1.5 * stats.expon.ppf(ranks) ** 2,
    }
    return of_losses(
        **{
            name: rng.permutation(each)[:, np.newaxis]
            + 2 * rng.standard_normal(40)
            + rng.standard_normal((60, 40))
            for name, each in seeds.items()
        }
    )


def classified() -> Population:
    """Return sixty seeds each of adam, sgd and gd, right on most of 50 images."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, CLASSES, 50, dtype=np.uint8)
    variants = {}
    for name, skill in (("adam", 1.5), ("sgd", 1.7), ("gd", 0.8)):
        # The easier the image and the better the seed, the more often.
        ease = skill + rng.standard_normal(50) + 0.2 * rng.standard_normal((60, 1))
        right = rng.standard_normal((60, 50)) < ease
        other = rng.integers(0, CLASSES, (60, 50), dtype=np.uint8)
        losses = rng.exponential(size=(60, 50)).astype(np.float32)
        variants[name] = Trials(np.where(right, labels, other), losses)
    return Population(labels, CLASSES, variants)


def guessed() -> Population:
    """Return adam, sgd and gd, each wrong on 2 % of 2,000 images: for each seed others."""
    rng = np.random.default_rng(2)
    labels = rng.integers(0, CLASSES, 2000, dtype=np.uint8)
    variants = {}
    for name in ("adam", "sgd", "gd"):
        wrong = rng.random((60, 2000)) < 0.02
        losses = rng.exponential(size=(60, 2000)).astype(np.float32)
        variants[name] = Trials(np.where(wrong, (labels + 1) % CLASSES, labels), losses)
    return Population(labels, CLASSES, variants)


def asked(happens: Callable[[Drawn], bool], limited: bool = True) -> tuple[Question]:
    """Return a question."""
    return (Question("table", "what", happens, limited),)


def drawn(scenario: Scenario, population: Population, draws: int = 20) -> list[Drawn]:
    """Return all pairs of so many experiments."""
    found: list[Drawn] = []

    def note(pair: Drawn) -> bool:
        found.append(pair)
        return False

    run(replace(scenario, questions=asked(note)), population, draws, np.random.default_rng(0))
    return found


# What is found out.


@pytest.mark.parametrize("images", ["drawn", "left out"])
def test_intervals_of_normal_seeds_pass(images: Literal["drawn", "left out"]) -> None:
    """Also where one variant spreads twice as far as the other."""
    question = asked(partial(misses, alpha=0.05))
    scenario = Scenario(("first", "second"), 5, question, "loss", images=images)
    (share,) = run(scenario, simulated(), 2000, np.random.default_rng(0))
    assert 0.02 < share.value <= share.limit
    assert share.passes


def test_skewed_seeds_are_found_out() -> None:
    """The t quantile is for normal ones."""
    scenario = Scenario(("skewed", "first"), 5, asked(partial(misses, alpha=0.05)), "loss")
    (share,) = run(scenario, simulated(), 1000, np.random.default_rng(0))
    assert share.value > 0.1
    assert not share.passes


@pytest.mark.parametrize("part", ["seed_variance", "image_variance"])
def test_an_interval_without_half_of_its_noise_is_found_out(
    part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of seeds or of images."""

    def broken(first: Sample, second: Sample) -> Howe:
        estimate = difference(first, second)
        assert isinstance(estimate, Howe)
        return replace(estimate, **{part: 0.0})

    monkeypatch.setattr(calibration, "difference", broken)
    scenario = Scenario(("first", "second"), 5, asked(partial(misses, alpha=0.05)), "loss")
    (share,) = run(scenario, simulated(), 500, np.random.default_rng(0))
    assert not share.passes


def test_pairs_without_a_correction_for_their_number_are_found_out() -> None:
    """Ten pairs at 5 % each are wrong in far more than 5 % of tables; at 0.5 % they are not."""
    population = simulated()
    for alpha, passes in ((0.05, False), (0.005, True)):
        question = asked(partial(excludes_zero, alpha=alpha))
        scenario = Scenario(("first",) * 5, 5, question, "loss", images="kept", disjoint=True)
        (share,) = run(scenario, population, 500, np.random.default_rng(0))
        assert share.passes is passes


# How experiments are drawn.


def test_groups_are_of_the_same_images() -> None:
    """Where the image alone decides, two variants never differ, though each mean does."""
    losses = np.tile(np.arange(30.0), (60, 1))
    pairs = drawn(Scenario(("a", "b"), 3, (), "loss"), of_losses(a=losses, b=losses))
    assert {pair.estimate.value for pair in pairs} == {0}
    assert len({pair.groups[0].mean for pair in pairs}) > 10


def test_groups_are_of_their_own_seeds() -> None:
    """With replacement; where they are disjoint, without, in the group and between groups."""
    population = of_losses(a=np.tile(np.arange(60.0)[:, np.newaxis], (1, 7)))
    repeated = 0
    for pair in drawn(Scenario(("a", "a"), 20, (), "loss"), population):
        first, second = (list(group.seeds) for group in pair.groups)
        assert first != second
        repeated += len(set(first)) < 20
    assert repeated > 10
    scenario = Scenario(("a",) * 3, 20, (), "loss", images="kept", disjoint=True)
    pairs = drawn(scenario, population, draws=1)
    assert len(pairs) == 3
    for pair in pairs:
        seeds = np.concatenate([group.seeds for group in pair.groups])
        assert len(set(seeds)) == 40
        assert pair.alike
        assert pair.truth == 0


def test_what_is_drawn_is_what_the_pipeline_makes_of_it() -> None:
    """Metrics are those of the images drawn, each as often as it was; also F1."""
    population = classified()
    rng = np.random.default_rng(0)
    seeds, images = rng.integers(60, size=4), rng.integers(50, size=50)
    trials = population.variants["adam"]
    for metric in ("accuracy", "f1", "loss"):
        expected = [
            evaluate(
                population.labels[images],
                trials.classes[seed][images],
                trials.losses[seed][images],
                CLASSES,
            ).scores[metric]
            for seed in seeds
        ]
        found = population.sample(metric, "adam", seeds, images)
        assert found.seeds == pytest.approx(expected, rel=1e-6)


def test_the_truth_is_of_all_seeds_and_images() -> None:
    """A difference of two means over both; of a group alone, the mean."""
    population = simulated()
    first, second = (population.variants[name].losses.mean() for name in ("first", "second"))
    pair = drawn(Scenario(("first", "second"), 3, (), "loss"), population, draws=1)[0]
    assert pair.truth == pytest.approx(first - second, abs=1e-6)
    (alone,) = drawn(Scenario(("first",), 3, (), "loss"), population, draws=1)
    assert alone.truth == pytest.approx(first, abs=1e-6)
    assert alone.estimate.value == alone.groups[0].mean != alone.truth


def test_the_truth_of_one_seed_each_is_of_the_two_models() -> None:
    """On all images: kept as they are, they leave nothing to estimate."""
    population = classified()
    for pair in drawn(Scenario(("adam", "sgd"), 1, (), images="kept"), population):
        assert pair.estimate.value == pytest.approx(pair.truth, abs=1e-12)
        assert pair.estimate.sources == "images"
    pairs = drawn(Scenario(("adam", "sgd"), 1, ()), population)
    assert any(pair.estimate.value != pytest.approx(pair.truth, abs=1e-12) for pair in pairs)


def test_without_predictions_it_is_of_this_test_set() -> None:
    """The images are as they are, and no sample has any."""
    population = simulated()
    for pair in drawn(Scenario(("first", "second"), 3, (), "loss", images="left out"), population):
        assert pair.estimate.sources == "seeds"
        assert set(pair.groups[0].seeds) <= set(population.sample("loss", "first").seeds)


# What may happen.


def test_another_true_difference_is_a_constant_added_to_one_variant() -> None:
    """The estimate is that of shifted pseudo-values, whose true difference is the one asked for."""
    population = simulated()
    first, second = (population.variants[name].losses.astype(float) for name in ("first", "second"))
    shift = 0.7 - (first.mean() - second.mean())
    whole = Drawn(
        (), difference(sample(first), sample(second)), first.mean() - second.mean(), False
    )
    assert whole.at(0.7).value == pytest.approx(0.7, abs=1e-12)
    seeds = np.array([[1, 5, 5], [2, 9, 4]])
    groups = first[seeds[0]], second[seeds[1]]
    part = replace(whole, estimate=difference(*map(sample, groups)))
    expected = difference(sample(groups[0] + shift), sample(groups[1]))
    for alpha in (0.5, 0.01):
        assert part.at(0.7).interval(alpha) == pytest.approx(expected.interval(alpha), rel=1e-9)


def of(value: float, truth: float = 0.0, alike: bool = False) -> Drawn:
    """Return an estimate whose interval of 5 % reaches 0.0196 to each side."""
    return Drawn((), Howe(value, "seeds and images", 0.0, math.inf, 0.01**2), truth, alike)


def test_what_may_happen_by_hand() -> None:
    """The margin is 0.003, and a standard error 0.01 or, of what is equivalent, 0.001."""
    assert misses(of(0.02), alpha=0.05)
    assert not misses(of(0.019), alpha=0.05)
    assert not misses(of(0.02, truth=0.001), alpha=0.05)
    assert excludes_zero(of(-0.02), alpha=0.05)
    assert not excludes_zero(of(-0.02), alpha=0.01)
    assert not excludes_zero(of(0.02, truth=0.02), alpha=0.05, size=0.0)
    assert is_called(of(0.02), ("better", "worse"), alpha=0.05)
    assert not is_called(of(0.02), ("worse",), alpha=0.05)
    assert is_called(of(0.02, truth=0.05), ("worse",), alpha=0.05, size=0.0)
    assert is_significant(of(0.02), alpha=0.05)
    assert not is_significant(of(0.019), alpha=0.05)
    fine = Howe(0.005, "seeds and images", 0.0, math.inf, 0.001**2)
    assert is_called(Drawn((), fine, 0.004, False), ("equivalent",), alpha=0.05, size=0.0)
    assert not is_called(Drawn((), fine, 0.005, False), ("equivalent",), alpha=0.05, size=0.003)
    # Of a variant and itself no other difference can be asked.
    assert not is_called(Drawn((), fine, 0.004, True), ("equivalent",), alpha=0.05, size=0.0)


@pytest.mark.parametrize("right", [(95, 80), (90, 85), (99, 93), (50, 50), (100, 100)])
def test_proportions_differ_where_pearsons_test_says_so(right: tuple[int, int]) -> None:
    """Without a correction, of a two by two table."""
    rows = [np.repeat([[1.0, 0.0]], [each, 100 - each], axis=1) for each in right]
    pair = replace(of(0.0), groups=tuple(map(sample, rows)))
    table = [[each, 100 - each] for each in right]
    apart = right[0] != right[1] and stats.chi2_contingency(table, correction=False).pvalue < 0.05
    assert proportions_differ(pair, alpha=0.05) == apart


# What is made of it.


def test_limits() -> None:
    """Two standard errors of 5 % above it, whatever the share is; with 3 seeds 6.5 %."""
    (error,), (other,) = asked(bool), asked(bool, limited=False)
    assert Share(error, 5, 0, 4000).limit == pytest.approx(0.0568920, abs=1e-7)
    assert Share(error, 1, 900, 1000).limit == pytest.approx(0.0637840, abs=1e-7)
    assert Share(error, 3, 0, 4000).limit == 0.065
    assert Share(error, 3, 260, 4000).passes
    assert not Share(error, 3, 261, 4000).passes
    assert Share(error, 5, 227, 4000).passes
    assert not Share(error, 5, 228, 4000).passes
    assert Share(other, 5, 4000, 4000).passes
    assert Share(other, 5, 1000, 4000).error == pytest.approx(math.sqrt(0.25 * 0.75 / 4000))


def test_a_table_shows_what_fails() -> None:
    """In bold, in the column of its seeds, above the limits."""
    (error,), (other,) = asked(bool), asked(bool, limited=False)
    shares = [
        Share(error, 3, 300, 4000),
        Share(error, 10, 200, 4000),
        Share(replace(other, what="power"), 10, 3200, 4000),
    ]
    assert markdown(shares) == (
        "**table**\n\n"
        "| by seeds of each variant | 3 | 10 |\n"
        "| --- | --: | --: |\n"
        "| what | **7.5 ± 0.4** | 5.0 ± 0.3 |\n"
        "| power |  | 80.0 ± 0.6 |\n"
        "| at most | 6.5 | 5.7 |\n"
    )


def test_the_same_generator_gives_the_same_shares() -> None:
    """And another one others."""
    scenario = Scenario(("first", "second"), 3, asked(partial(misses, alpha=0.5)), "loss")
    population = simulated()
    found = [run(scenario, population, 300, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize(
    ("population", "advised"), [(classified(), False), (guessed(), True)], ids=["few", "many"]
)
def test_all_that_is_asked_can_be_answered(population: Population, advised: bool) -> None:
    """Every question of every scenario, each in one cell of its table.

    No number of seeds is advised where the images are too few.
    """
    rng = np.random.default_rng(0)
    asked_of_all = scenarios(population, rng)
    shares = [share for each in asked_of_all for share in run(each, population, 2, rng)]
    cells = {(share.question.table, share.question.what, share.seeds) for share in shares}
    assert len(cells) == len(shares)
    text = markdown(shares)
    for title in (PAIRS, TABLES, VERDICTS, SINGLE):
        assert f"**{title}**" in text
    assert (ADVICE in text) is advised
    assert text.count("±") == len(shares)


def test_advised_seeds_see_what_they_were_advised_for() -> None:
    """In about 80 % of experiments."""
    population = guessed()
    rng = np.random.default_rng(0)
    advised = [
        each
        for each in scenarios(population, rng)
        if each.questions[0].what == "0.3: interval excludes 0"
    ]
    (share, *_) = run(advised[0], population, 400, rng)
    assert 0.72 < share.value < 0.88
