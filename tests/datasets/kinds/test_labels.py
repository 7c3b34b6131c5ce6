import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics

from optledger.core.errors import UserError
from optledger.datasets.kinds import labels
from optledger.datasets.kinds.labels import NO_LABELS, Target

LABELS = 4
TARGET = Target(labels=("a", "b", "c", "d"))


def predicted(seed: int, items: int = 60) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return true and predicted labels, of which about four in five agree."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 2, (items, LABELS), dtype=np.uint8)
    other = rng.integers(0, 2, (items, LABELS), dtype=np.uint8)
    return truth, np.where(rng.random((items, LABELS)) < 0.6, truth, other)


def losses(items: int) -> NDArray[np.float32]:
    """Return a loss for each item."""
    return np.random.default_rng(3).exponential(size=items).astype(np.float32)


def reference(
    metric: str, truth: NDArray[np.uint8], found: NDArray[np.uint8], weights: NDArray[np.float64]
) -> float:
    """Return scikit-learn's metric."""
    if metric == "subset_accuracy":
        return float(metrics.accuracy_score(truth, found, sample_weight=weights))
    average = metric.removesuffix("_f1")
    return float(metrics.f1_score(truth, found, average=average, sample_weight=weights))


SCORES = [name for name in labels.METRICS if name != "loss"]


@pytest.mark.parametrize("metric", SCORES)
@pytest.mark.parametrize("seed", range(3))
def test_scores_and_influences_are_scikit_learn_s(metric: str, seed: int) -> None:
    """The mean is the metric, and each item adds what its weight does."""
    truth, found = predicted(seed)
    each, items = losses(len(truth)), len(truth)
    scores = labels.evaluate(truth, found, each, LABELS).scores
    assert scores[metric] == pytest.approx(reference(metric, truth, found, np.ones(items)))
    values = labels.pseudo_values(metric, truth, found, each, LABELS)
    step = 1e-6
    for item in range(0, items, 7):
        ends = [np.ones(items), np.ones(items)]
        ends[0][item], ends[1][item] = 1 - step, 1 + step
        low, high = (reference(metric, truth, found, weights) for weights in ends)
        slope = (high - low) / (2 * step) * items
        assert values[item] - scores[metric] == pytest.approx(slope, abs=1e-5)


def test_figures_by_label_are_scikit_learn_s() -> None:
    """Precision, recall and F1 of each."""
    truth, found = predicted(1)
    by_label = labels.evaluate(truth, found, losses(60), LABELS).per_class
    expected = metrics.precision_recall_fscore_support(truth, found, average=None)
    for name, values in zip(("precision", "recall", "f1"), expected, strict=False):
        np.testing.assert_allclose(by_label[name], values)


def test_a_label_that_never_occurs_is_left_out() -> None:
    """Neither true nor predicted: it has no figures, and no part in the mean."""
    truth, found = predicted(2)
    truth[:, 3] = found[:, 3] = 0
    result = labels.evaluate(truth, found, losses(60), LABELS)
    assert np.isnan(result.per_class["f1"]).tolist() == [False, False, False, True]
    assert result.scores["macro_f1"] == pytest.approx(np.mean(result.per_class["f1"][:3]))
    counts = {"test": labels.counts(truth, LABELS)}
    (note,) = labels.notes(counts, TARGET.labels)
    assert note.startswith("No test example is of label d (of 4): macro_f1 is an average over")


def test_a_model_that_diverged_scores_nothing() -> None:
    """It has no label and no loss."""
    truth, found = predicted(0)
    nothing = np.full_like(found, NO_LABELS)
    lost = np.full(len(truth), np.nan, np.float32)
    scores = labels.evaluate(truth, nothing, lost, LABELS).scores
    assert [scores[name] for name in SCORES] == [0, 0, 0]
    assert np.isnan(scores["loss"])
    assert labels.votes(np.stack([found, nothing]), LABELS).max() == 1
    assert labels.are_wrong(truth, np.stack([truth, nothing])).mean(axis=1).tolist() == [0, 1]


@pytest.mark.parametrize(
    "values",
    [
        np.array([[0, 1, 1, 0]]),
        np.array([[0.0, 1.0, 1.0, 0.0]]),
        np.array([[False, True, True, False]]),
        np.array([["0", "TRUE", "1", "false"]], dtype=object),
    ],
    ids=["integers", "floats", "booleans", "texts"],
)
def test_labels_are_0_and_1_or_words_for_them(values: NDArray[np.generic]) -> None:
    """As tables and arrays have them."""
    assert labels.read("x", values, TARGET, str).tolist() == [[0, 1, 1, 0]]


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (np.array([[0, 1, 2, 0]]), "x: 1 labels that are not 0 or 1: 2 at 0"),
        (np.array([[0, 1, np.nan, 0]]), "x: 1 labels that are not 0 or 1: nan at 0"),
        (np.array([[0, 1]]), r"found targets of shape \(1, 2\); allowed: \(items, 4\)"),
        (np.array([["a"] * 4]), "found targets of type <U1; allowed: 0 and 1"),
    ],
    ids=["two", "nan", "few", "texts"],
)
def test_what_is_no_label_is_one_line(values: NDArray[np.generic], line: str) -> None:
    """With the place."""
    with pytest.raises(UserError, match=line):
        labels.read("x", values, TARGET, str)
