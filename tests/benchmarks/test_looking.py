import numpy as np
import pytest
from numpy.typing import NDArray

from calibration import Population, Trials
from looking import (
    LOOKS,
    Group,
    Kind,
    LeadsAlone,
    Searched,
    Urn,
    kinds,
    run,
    search_shares,
    summarized,
)
from optledger.analysis.statistics import SKEWNESS, Sample, sample

IMAGES = 400


def right(rng: np.random.Generator, skill: float, spread: float) -> NDArray[np.bool_]:
    """Return which images sixty seeds get right: the easier, and the better the seed, the more."""
    ease = skill + rng.standard_normal(IMAGES) + spread * rng.standard_normal((60, 1))
    return np.asarray(rng.standard_normal((60, IMAGES)) < ease)


@pytest.fixture(scope="module")
def population() -> Population:
    """Adam, SGD and gd, which spreads."""
    rng = np.random.default_rng(0)
    labels = np.zeros(IMAGES, np.uint8)
    variants = {
        name: Trials(
            np.where(right(rng, skill, spread), 0, 1).astype(np.uint8),
            np.zeros((60, IMAGES), np.float32),
        )
        for name, skill, spread in (("adam", 2.0, 0.1), ("sgd", 2.1, 0.1), ("gd", 0.5, 0.5))
    }
    return Population(labels, 2, variants)


def test_what_is_summarized_quickly_is_what_the_pipeline_makes() -> None:
    """Of each look, every number of it."""
    rng = np.random.default_rng(1)
    hits = right(rng, 2.0, 0.2)[:40].astype(np.uint8)
    images = rng.integers(IMAGES, size=250)
    quick = summarized(hits, images, LOOKS)
    slow = sample(hits[:, images].astype(float), True, SKEWNESS, LOOKS)
    pairs: list[tuple[Sample, Sample]] = list(
        zip((*quick.earlier, quick), (*slow.earlier, slow), strict=True)
    )
    assert len(pairs) == 4
    for own, other in pairs:
        assert own.images is not None
        assert own.seeds == pytest.approx(other.seeds)
        assert own.images == pytest.approx(other.images)
        assert own.residual == pytest.approx(other.residual)
        assert (own.counts, own.skewness) == (other.counts, other.skewness)


def test_equal_variants_are_seldom_called_different(population: Population) -> None:
    """By declared looks; looks at the full level are caught."""
    pairs = [each for each in kinds(population) if "adam against adam" in str(each.questions)]
    shares = {share.question.what: share for share in run(pairs[0], population, 300, _rng())}
    called, missed, naive = shares.values()
    assert called.value < 0.05 + 3 * 0.0126
    assert missed.value < 0.05 + 3 * 0.0126
    assert naive.value > called.value


def test_every_kind_is_asked(population: Population) -> None:
    """Each question has an answer, of a few draws here."""
    for kind in kinds(population):
        shares = run(kind, population, 2 * kind.scale, _rng())
        assert len(shares) == len(kind.questions)
        assert all(share.draws == 2 for share in shares)


def test_a_far_leader_leads_alone(population: Population) -> None:
    """In every draw."""
    groups = (Group("adam", 0.2), Group("adam"), Group("sgd", -0.05))
    kind = Kind(groups, {"alone": ("table", False, LeadsAlone())})
    (share,) = run(kind, population, 5, _rng())
    assert share.value == 1
    assert Urn(population, LOOKS).draw(groups, _rng()).best == "0"


def test_the_search_is_noise_that_no_final_seed_takes_away() -> None:
    """Two rates that are equal in validation and 3 points apart on the test images."""
    rng = np.random.default_rng(2)
    near = 0.9 + 0.002 * rng.standard_normal(60)
    searched = Searched(
        {0.1: near, 0.3: rng.permutation(near)},
        {
            rate: right(rng, skill, 0.05).astype(np.uint8)
            for rate, skill in ((0.1, 2.0), (0.3, 2.6))
        },
    )
    assert searched.gap == pytest.approx(0)
    one, five, wider = search_shares("adam", searched, [1], 100, rng)
    assert one.value > 0.2
    assert five.value < one.value
    assert wider.value > 1


def _rng() -> np.random.Generator:
    return np.random.default_rng(3)
