import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from optledger.datasets.interface import no_class
from optledger.datasets.kinds.classes import confusion_table, evaluate, per_class_table, votes

MACRO = ("precision", "recall", "f1")

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


def test_a_class_that_never_occurs_is_left_out() -> None:
    """Neither true nor predicted: it has no scores, without a warning, and no part in the mean."""
    result = evaluate(LABELS, LABELS, LOSSES, classes=4)
    assert [result.scores[name] for name in MACRO] == [1, 1, 1]
    np.testing.assert_array_equal(result.per_class["recall"], [1, 1, 1, np.nan])
    table = per_class_table(
        {"a": [result, evaluate(LABELS, LABELS + 1, LOSSES, classes=4)]}, "wxyz"
    )
    # Only the second predicts it.
    assert table["recall"].tolist() == [0.5, 0.5, 0.5, 0]


@pytest.mark.parametrize("absent", [[], [0], [4], [1, 3]])
@pytest.mark.parametrize("predicted_anyway", [False, True])
def test_macro_averages_are_scikit_learn_s(absent: list[int], predicted_anyway: bool) -> None:
    """Over the labels that occur in either, by its own default."""
    rng = np.random.default_rng(len(absent))
    labels = rng.choice([label for label in range(6) if label not in absent], 200).astype(np.uint8)
    predicted = np.where(rng.random(200) < 0.7, labels, rng.permutation(labels)).astype(np.uint8)
    if predicted_anyway:
        predicted[:5] = 4
    scores = evaluate(labels, predicted, np.zeros(200, np.float32), classes=6).scores
    expected = precision_recall_fscore_support(labels, predicted, average="macro", zero_division=0)
    assert [scores[name] for name in MACRO] == pytest.approx(expected[:3], rel=1e-14)


def test_a_diverged_model_scores_nothing() -> None:
    """Without a predicted class every score is 0, and the loss is not a number."""
    predicted = np.full(6, no_class(3), np.uint8)
    result = evaluate(LABELS, predicted, np.full(6, np.nan, np.float32), classes=3)
    assert [result.scores[name] for name in ("accuracy", "precision", "recall", "f1")] == [0] * 4
    assert np.isnan(result.scores["loss"])
    assert result.confusion.sum() == 0


def test_tables_of_seeds() -> None:
    """Per class the mean over the seeds; in the confusions their sum."""
    wrong = np.array([1, 0, 0, 1, 1, 2], np.uint8)
    evaluations = {"a": [evaluate(LABELS, each, LOSSES, 3) for each in (LABELS, wrong)]}
    per_class = per_class_table(evaluations, list("abc"))
    assert per_class["recall"].tolist() == pytest.approx([(1 + 2 / 3) / 2, 1, 1])
    confusion = confusion_table(evaluations, list("abc"))
    assert confusion["count"].sum() == 12
    assert confusion.query("actual == 'a' and predicted == 'b'")["count"].item() == 1


def test_pairs_of_many_classes_that_nobody_mistakes_are_not_told() -> None:
    """A thousand classes would have a million rows a variant."""
    labels = np.arange(300, dtype=np.uint16)
    predicted = labels.copy()
    predicted[7] = 299
    result = evaluate(labels, predicted, np.zeros(300, np.float32), classes=300)
    confusion = confusion_table({"a": [result]}, [f"c{label}" for label in labels])
    assert len(confusion) == 300
    mistaken = confusion[confusion["actual"] != confusion["predicted"]]
    assert mistaken.to_numpy().tolist() == [["a", "c7", "c299", 1]]


def test_votes_are_counted_by_class() -> None:
    """A model that predicts nothing votes for no class."""
    predicted = np.array([[0, 2, 1, 1], [0, 2, 0, 1], [0, 1, 0, 255], [1, 1, 0, 1]], np.uint8)
    assert votes(predicted, 3).tolist() == [[3, 1, 0], [0, 2, 2], [3, 1, 0], [0, 3, 0]]
