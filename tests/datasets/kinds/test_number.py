import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics

from optledger.core.errors import UserError
from optledger.datasets.kinds import number
from optledger.datasets.kinds.number import Target

NO_LOSSES = np.zeros(50, np.float32)


def predicted(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return true and predicted numbers."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(100, 30, 50)
    return truth, truth + rng.normal(3, 10, 50)


def reference(
    metric: str,
    truth: NDArray[np.float64],
    found: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> float:
    """Return scikit-learn's metric."""
    of = {
        "rmse": metrics.root_mean_squared_error,
        "mae": metrics.mean_absolute_error,
        "r2": metrics.r2_score,
    }[metric]
    return float(of(truth, found, sample_weight=weights))


@pytest.mark.parametrize("metric", number.METRICS)
@pytest.mark.parametrize("seed", range(3))
def test_scores_and_influences_are_scikit_learn_s(metric: str, seed: int) -> None:
    """The mean is the metric, and each item adds what its weight does."""
    truth, found = predicted(seed)
    scores = number.evaluate(truth, found, NO_LOSSES, 1).scores
    assert scores[metric] == pytest.approx(reference(metric, truth, found, np.ones(50)))
    values = number.pseudo_values(metric, truth, found, NO_LOSSES, 1)
    step = 1e-6
    for item in range(0, 50, 7):
        ends = [np.ones(50), np.ones(50)]
        ends[0][item], ends[1][item] = 1 - step, 1 + step
        low, high = (reference(metric, truth, found, weights) for weights in ends)
        slope = (high - low) / (2 * step) * 50
        assert values[item] - scores[metric] == pytest.approx(slope, rel=1e-4, abs=1e-4)


def test_a_perfect_model_has_no_error() -> None:
    """And no division by it."""
    truth = np.array([1.0, 2.0, 4.0])
    scores = number.evaluate(truth, truth, NO_LOSSES[:3], 1).scores
    assert scores == {"rmse": 0.0, "mae": 0.0, "r2": 1.0}


def test_a_model_that_diverged_has_no_score() -> None:
    """Not 0, which would be the best."""
    truth, found = predicted(0)
    scores = number.evaluate(truth, np.full_like(found, np.nan), NO_LOSSES, 1).scores
    assert all(map(np.isnan, scores.values()))


def test_numbers_are_read_from_texts_too() -> None:
    """As a column of several types has them."""
    values = np.array(["1", 2.5, 3], dtype=object)
    assert number.read("x", values, Target(deviation=1.0), str).tolist() == [1, 2.5, 3]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (np.array([1.0, np.nan, np.inf]), "x: 2 targets that are no numbers: nan at 1, inf"),
        (np.array(["1", "many"], dtype=object), "1 targets that are no numbers: 'many' at 1"),
        (np.array([2, 2]), "x: every target is 2"),
        (np.array([[1, 2], [3, 4]]), r"found targets of shape \(2, 2\); allowed: one number"),
        (np.array([1, 1e30]), r"1 targets that are no numbers: 1e\+30 at 1; .* up to 1e\+15"),
    ],
    ids=["not finite", "a text", "one number", "two", "huge"],
)
def test_what_is_no_number_is_one_line(values: NDArray[np.generic], line: str) -> None:
    """With the place."""
    with pytest.raises(UserError, match=line):
        number.read("x", values, Target(deviation=1.0), str)


def test_the_scale_is_exact_far_from_zero() -> None:
    """As of a time in seconds, whose deviation is small beside it."""
    numbers = 1_723_456_789.4 + np.array([-11.0, 0.0, 3.0, 8.0])
    told = number.summary(Target(deviation=1.0), {"train": numbers})["number"]
    assert told["mean"] == pytest.approx(numbers.mean(), abs=1e-4)
    assert told["deviation"] == pytest.approx(numbers.std(), rel=1e-5)


def test_a_mistake_is_an_error_of_more_than_twice_the_rmse() -> None:
    """Of each model by itself."""
    truth = np.zeros(10)
    found = np.ones((2, 10))
    found[0, 3] = 9.0
    assert np.argwhere(number.are_wrong(truth, found)).tolist() == [[0, 3]]
    assert number.votes(found, 1)[3] == 5.0
