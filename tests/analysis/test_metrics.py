import numpy as np
import pytest

from optledger.analysis.metrics import confusion_table, evaluate, per_class_table
from optledger.training.trial import NO_CLASS

LABELS = np.array([0, 0, 0, 1, 1, 2], np.uint8)

LOSSES = np.array([0.5, 0.1, 0.3, 0.2, 0.2, 0.5], np.float32)


def test_scores_by_hand() -> None:
    """Macro averages of three classes, counted by hand."""
    predicted = np.array([0, 0, 1, 1, 1, 0], np.uint8)
    result = evaluate(LABELS, predicted, LOSSES, classes=3)
    assert result.scores == pytest.approx(
        {
            "accuracy": 4 / 6,
            "precision": (2 / 3 + 2 / 3 + 0) / 3,
            "recall": (2 / 3 + 1 + 0) / 3,
            "f1": (2 / 3 + 4 / 5 + 0) / 3,
            "loss": 0.3,
        }
    )
    np.testing.assert_array_equal(result.confusion, [[2, 1, 0], [0, 2, 0], [1, 0, 0]])


def test_a_class_that_never_occurs_counts_as_zero() -> None:
    """Neither true nor predicted: its scores are 0, without a warning, and weigh in the mean."""
    result = evaluate(LABELS, LABELS, LOSSES, classes=4)
    assert result.scores["f1"] == pytest.approx(3 / 4)
    np.testing.assert_array_equal(result.per_class["recall"], [1, 1, 1, 0])


def test_a_diverged_model_scores_nothing() -> None:
    """Without a predicted class every score is 0, and the loss is not a number."""
    predicted = np.full(6, NO_CLASS, np.uint8)
    result = evaluate(LABELS, predicted, np.full(6, np.nan, np.float32), classes=3)
    assert [result.scores[name] for name in ("accuracy", "precision", "recall", "f1")] == [0] * 4
    assert np.isnan(result.scores["loss"])
    assert result.confusion.sum() == 0


def test_tables_of_seeds() -> None:
    """Per class the mean over the seeds; in the confusions their sum."""
    wrong = np.array([1, 0, 0, 1, 1, 2], np.uint8)
    evaluations = {"a": [evaluate(LABELS, each, LOSSES, 3) for each in (LABELS, wrong)]}
    per_class = per_class_table(evaluations)
    assert per_class["recall"].tolist() == pytest.approx([(1 + 2 / 3) / 2, 1, 1])
    confusion = confusion_table(evaluations)
    assert confusion["count"].sum() == 12
    assert confusion.query("actual == 0 and predicted == 1")["count"].item() == 1
