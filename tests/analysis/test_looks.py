import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from boards import boards, seed_table
from optledger.analysis.comparisons import comparisons
from optledger.analysis.leading import leaders
from optledger.analysis.looks import any_error, levels
from optledger.analysis.markdown import answer, comparisons_text, leaderboard_text
from optledger.analysis.results import samples_of_seeds
from optledger.analysis.summary import ranking
from optledger.core.params import Comparison

LOOKS, SHARES = (5, 10, 20, 40), (0.1, 0.2, 0.3, 0.4)
LOOKED = Comparison(metric="accuracy", looks=LOOKS)


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (0.0, [0.50, 1.16, 1.91, 2.72]),
        (0.15, [0.50, 1.20, 2.06, 3.21]),
        (1.0, [0.50, 1.32, 2.53, 4.28]),
    ],
)
def test_levels_of_four_looks(images: float, expected: list[float]) -> None:
    """In %, where the images' variance is so much of the seeds' at the first look."""
    ratio = LOOKS[0] / images if images else math.inf
    found = [100 * level for level in levels(LOOKS, SHARES, 0.05, ratio)]
    assert found == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize("ratio", [math.inf, 20.0, 1.0])
@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_the_looks_miss_together_as_often_as_they_may(ratio: float, alpha: float) -> None:
    """Of 400,000 walks of sums of normal seeds beside common images: each look spends its share."""
    looks = (3, 4, 10, 11)
    rng = np.random.default_rng(0)
    steps = np.sqrt(np.diff([0, *looks])) * rng.standard_normal((400_000, len(looks)))
    images = 0.0 if math.isinf(ratio) else 1 / math.sqrt(ratio)
    means = np.cumsum(steps, axis=1) / looks + images * rng.standard_normal((400_000, 1))
    deviations = np.sqrt(1 / np.array(looks) + images**2)
    bounds = stats.norm.isf(np.array(levels(looks, SHARES, alpha, ratio)) / 2)
    beyond = np.abs(means / deviations) > bounds
    first = beyond & (np.cumsum(beyond, axis=1) == 1)
    expected = alpha * np.array(SHARES)
    assert first.mean(axis=0) == pytest.approx(expected, abs=4 * math.sqrt(0.08 / 400_000))


def test_one_look_has_all_of_it() -> None:
    """And many have no more than the union bound leaves, and no less."""
    assert levels((7,), (1.0,), 0.05, 3.0) == (0.05,)
    for ratio in (0.0, 1e-6, 0.3, 1e6, math.inf):
        found = levels(LOOKS, SHARES, 0.01, ratio)
        assert all(0.01 * share <= level for share, level in zip(SHARES, found, strict=True))
        assert found[-1] < 0.01
        assert all(first < second for first, second in pairwise(found))


def test_looks_that_nobody_declared_cost_confidence() -> None:
    """Of 400,000 walks, each look at the full level."""
    rng = np.random.default_rng(1)
    sums = np.cumsum(rng.standard_normal((400_000, 4)) * np.sqrt([5, 5, 10, 20]), axis=1)
    beyond = np.abs(sums) > stats.norm.isf(0.025) * np.sqrt(LOOKS)
    for count in (1, 2, 3, 4):
        expected = beyond[:, :count].any(axis=1).mean()
        assert any_error(LOOKS[:count], 0.05) == pytest.approx(expected, abs=0.002)


# An implementation apart from the product's: another way to bounds, and to intervals.


def _bounds(variances: NDArray[np.float64], alpha: float, noise: NDArray[np.float64]) -> float:
    """Return the last look's level, by quantiles of simulated walks."""
    correlation = np.sqrt(np.minimum.outer(variances, variances)) / np.sqrt(
        np.maximum.outer(variances, variances)
    )
    walks = np.abs(noise[:, : len(variances)] @ np.linalg.cholesky(correlation).T)
    shares = np.arange(1, 5) / 10
    inside = np.ones(len(walks), bool)
    level = 0.0
    for look in range(len(variances)):
        beyond = np.sort(np.where(inside, walks[:, look], 0.0))[::-1]
        bound = beyond[round(alpha * shares[look] * len(walks))]
        inside &= walks[:, look] <= bound
        level = float(2 * stats.norm.sf(bound))
    return level


def test_an_independent_implementation_decides_alike_and_errs_as_seldom() -> None:
    """Equal pairs of leaning seeds, looked at four times: at most 5 % are called different."""
    rng = np.random.default_rng(2)
    noise = rng.standard_normal((300_000, 4))
    own = [_bounds(1 / np.array(LOOKS[: k + 1]), 0.05, noise) for k in range(4)]
    drawn = -stats.gamma.rvs(2.56, size=(3000, 2, 40), random_state=rng)
    called = np.zeros(3000, bool)
    close = np.zeros(3000, bool)
    for look, level in zip(LOOKS, own, strict=True):
        seen = drawn[:, :, :look]
        means, errors = seen.mean(axis=2), seen.var(axis=2, ddof=1) / look
        total = errors.sum(axis=1)
        t = stats.t.isf(level / 2, total**2 / (errors**2).sum(axis=1) * (look - 1))
        thirds = -1.25 * errors**1.5 / math.sqrt(look)
        lean = (thirds[:, 0] - thirds[:, 1]) / total**1.5 * (2 * t**2 + 1) / 6
        difference, error = means[:, 0] - means[:, 1], np.sqrt(total)
        low = difference - (t + np.maximum(0, -lean)) * error
        high = difference + (t + np.maximum(0, lean)) * error
        called |= (low > 0) | (high < 0)
        close |= np.minimum(abs(low), abs(high)) < 0.02 * error
    assert called.mean() < 0.05 + 2 * math.sqrt(0.05 * 0.95 / 3000)
    for number in range(400):
        values = 0.9 + 1e-4 * drawn[number]
        seeds = seed_table(a=values[0].tolist(), b=values[1].tolist())
        without_margin = LOOKED.model_copy(
            update={"margins": LOOKED.margins.model_copy(update={"accuracy": 1e-9})}
        )
        row = comparisons(samples_of_seeds(["a", "b"], seeds, LOOKS), without_margin).iloc[0]
        decided = row["verdict"] in ("better", "worse")
        assert decided == called[number] or close[number]


# What stands on a page.


def looked(comparison: Comparison, **accuracies: list[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the leaderboard and the comparisons of these seeds."""
    return boards(seed_table(**accuracies), comparison)


def spread(mean: float, count: int, width: float = 0.001) -> list[float]:
    """Return so many seeds about a mean, always the same ones."""
    places = np.tile([-1.0, 1.0, 0.5, -0.5, 0.0], count // 5 + 1)[:count]
    return (mean + width * places).tolist()


def test_a_verdict_is_that_of_the_first_look_that_decided() -> None:
    """With its figures; what later seeds say stands beside it, and moves nothing."""
    late = [*spread(0.95, 5), *spread(0.90, 5)]
    table, pairs = looked(LOOKED, a=late, b=spread(0.93, 10))
    row = pairs.iloc[0]
    # The better of all seeds stands first.
    assert (row["variant"], row["against"]) == ("b", "a")
    assert (row["look"], row["verdict"]) == (5, "worse")
    assert row["difference"] == pytest.approx(-0.02)
    assert row["difference_of_all"] == pytest.approx(0.93 - 0.925)
    assert table["leading"].tolist() == [0, 1]


def test_before_the_first_look_nothing_is_judged() -> None:
    """As where a revision has fewer seeds than the rules of the other one look at."""
    table, pairs = looked(LOOKED, a=spread(0.9, 3), b=spread(0.5, 3))
    row = pairs.iloc[0]
    assert (row["look"], row["verdict"], row["further_seeds"]) == (0, "not judged", 2)
    assert table["leading"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("looks", "count", "few"),
    [((10, 20), 9, True), ((10, 20), 10, False), ((2, 10), 2, True), ((2, 10), 10, False)],
)
def test_a_preview_ends_at_a_look_of_five_seeds_or_more(
    looks: tuple[int, ...], count: int, few: bool
) -> None:
    """Not at one of fewer, and not before the first one."""
    comparison = Comparison(metric="accuracy", looks=looks)
    table, pairs = looked(comparison, a=spread(0.9, count), b=spread(0.5, count))
    assert (pairs.iloc[0]["verdict"] == "not judged") == few
    said = answer(table, pairs, comparison)
    assert said.startswith("Preview") == few
    assert ("seeds.count: 10" in said) == few


def test_open_verdicts_ask_for_a_declared_look() -> None:
    """Or for none, where no look is likely to settle it."""
    values = np.random.default_rng(0).normal(0, 0.002, (2, 5))
    _, pairs = looked(LOOKED, a=(0.902 + values[0]).tolist(), b=(0.9 + values[1]).tolist())
    row = pairs.iloc[0]
    assert row["verdict"] == "inconclusive"
    assert row["further_seeds"] in (5, 15, 35)
    only = LOOKED.model_copy(update={"looks": (5, 6)})
    _, pairs = looked(only, a=(0.9005 + values[0]).tolist(), b=(0.9 + values[1]).tolist())
    assert pairs.iloc[0]["further_seeds"] == math.inf


def test_an_open_pair_without_a_margin_asks_for_further_seeds() -> None:
    """A look that is reached settles nothing more, though the seeds after it spread less."""
    places = np.concatenate([spread(0.0, 5, 1.0), spread(0.0, 14, 0.1)])
    seeds = pd.DataFrame(
        {
            "variant": np.repeat(["a", "b"], 19),
            "seed": np.tile(range(19), 2),
            "rmse": np.concatenate([10 + places, 11.4 + places]),
        }
    )
    comparison = Comparison(metric="rmse", looks=(5, 20))
    row = comparisons(samples_of_seeds(["a", "b"], seeds, comparison.looks), comparison).iloc[0]
    assert (row["look"], row["verdict"], row["further_seeds"]) == (5, "inconclusive", 1)


def test_families_judge_what_they_promise() -> None:
    """The baseline's pairs at the level of as many; with best, none, and who leads is told."""
    values = {"a": spread(0.95, 5), "b": spread(0.93, 5), "c": spread(0.9, 5)}
    for family, judged in {"pairs": 3, "baseline": 2, "best": 0}.items():
        comparison = Comparison(metric="accuracy", family=family, baseline="b")
        table, pairs = looked(comparison, **values)
        own = pairs[pairs["metric"] == "accuracy"]
        assert (own["verdict"] != "not judged").sum() == judged
        assert table["first"].tolist() == [1, 0, 0]
        assert leaderboard_text(table, pairs, comparison)
        assert comparisons_text(pairs, table, comparison)


def test_who_was_left_behind_is_judged_at_common_looks() -> None:
    """Its open pairs are not pursued; the others go on, and one may be first all the same."""
    values = np.random.default_rng(1).normal(0, 0.002, (3, 20))
    table, pairs = looked(
        LOOKED,
        a=(0.95 + values[0]).tolist(),
        b=(0.94 + values[1]).tolist(),
        c=(0.9395 + values[2])[:5].tolist(),
    )
    own = pairs[pairs["metric"] == "accuracy"].set_index(["variant", "against"])
    assert own.loc[("b", "c"), "verdict"] == "not pursued"
    assert own.loc[("b", "c"), "look"] == 5
    assert math.isnan(own.loc[("b", "c"), "further_seeds"])
    assert table.set_index("variant")["first"].to_dict() == {"a": 1, "b": 0, "c": 0}
    assert leaderboard_text(table, pairs, LOOKED)
    assert comparisons_text(pairs, table, LOOKED)


def test_nobody_leads_where_every_variant_diverged() -> None:
    """A single sound variant leads alone."""
    for last, group in {0.91: ["a"], 0.0: []}.items():
        seeds = seed_table(a=[*spread(0.9, 4), last])
        samples = samples_of_seeds(ranking(seeds, "accuracy"), seeds)
        pairs = comparisons(samples, Comparison(metric="accuracy"))
        assert leaders(samples, pairs, Comparison(metric="accuracy"), seeds).group == group


def test_a_circle_of_looks_leaves_the_last_one() -> None:
    """Each of three was shown to be behind another at some look, so that nobody would lead."""
    a = [*spread(0.95, 5), *spread(0.90, 5)]
    b = [*spread(0.93, 5), *spread(0.93, 5)]
    comparison = Comparison(metric="accuracy", looks=(5, 10), family="best")
    table, _ = looked(comparison, a=a, b=b)
    assert table["leading"].sum() >= 1


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_page_never_contradicts_itself(data: st.DataObject) -> None:
    """Whatever the seeds, looks and families: who leads is nobody's loser, and someone leads."""
    count = data.draw(st.sampled_from([2, 3, 5, 10]), "seeds")
    looks = data.draw(st.sampled_from([(), (2, 3, 5, 10), (2, 5, 10), (3, 10)]), "looks")
    looks = () if count not in looks else looks
    family = data.draw(st.sampled_from(["pairs", "baseline", "best"]), "family")
    names = "abcdef"[: data.draw(st.integers(2, 6), "variants")]
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6), "random"))
    values = {
        name: np.clip(
            0.9
            + rng.normal(0, 0.004)
            + np.repeat(rng.normal(0, 0.01, 5), 2)[:count] * rng.integers(0, 2)
            + rng.normal(0, rng.choice([1e-4, 1e-3, 1e-2]), count),
            0.01,
            1,
        ).tolist()
        for name in names
    }
    if rng.integers(0, 4) == 0:
        values["a"][-1] = 0.0
    comparison = Comparison(metric="accuracy", looks=looks, family=family, baseline="a")
    table, pairs = looked(comparison, **values)
    board = table.set_index("variant")
    group = board.index[board["leading"] == 1].tolist()
    sound = board.index[board["diverged_seeds"] == 0].tolist()
    few = count < (5 if not looks else next(look for look in looks if look >= 5))
    assert bool(group) == (bool(sound) and not few)
    own = pairs[pairs["metric"] == "accuracy"]
    losers = {
        row["against"] if row["verdict"] == "better" else row["variant"]
        for row in own.to_dict("records")
        if row["verdict"] in ("better", "worse") and {row["variant"], row["against"]} <= {*sound}
    }
    # But for a circle, who leads has lost to nobody.
    assert not losers & {*group} or losers >= {*sound}
    first = board.index[board["first"] == 1].tolist()
    assert len(first) <= 1
    if first:
        assert group == first
        pair = own[(own["variant"] == first[0]) | (own["against"] == first[0])]
        assert not (pair["verdict"] == "equivalent").any()
    said = answer(table, pairs, comparison)
    assert said.endswith(".")
    assert said.startswith("Preview of ") == few
    assert (few or not sound) == (table["champion"].sum() == 0)
    assert not few or (own["verdict"] == "not judged").all()
    assert leaderboard_text(table, pairs, comparison)
    assert comparisons_text(pairs, table, comparison)
