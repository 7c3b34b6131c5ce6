import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support

from optledger.datasets.kinds.classes import METRICS, evaluate, pseudo_values

CLASSES = 5
MACRO = ("precision", "recall", "f1")


def labelled(seed: int, images: int = 80) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return true and predicted labels, of which about three quarters agree."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, images, dtype=np.uint8)
    other = rng.integers(0, CLASSES, images, dtype=np.uint8)
    return labels, np.where(rng.random(images) < 0.7, labels, other)


def losses(images: int) -> NDArray[np.float32]:
    """Return a loss for each image."""
    return np.random.default_rng(3).exponential(size=images).astype(np.float32)


def numeric_influence(
    metric: str, labels: NDArray[np.uint8], predicted: NDArray[np.uint8]
) -> NDArray[np.float64]:
    """Return scikit-learn's metric differentiated by each image's weight, times the images."""
    step = 1e-6

    def score(weights: NDArray[np.float64]) -> float:
        scores = precision_recall_fscore_support(
            labels,
            predicted,
            labels=np.arange(CLASSES),
            sample_weight=weights,
            average="macro",
            zero_division=0,
        )
        return float(scores[MACRO.index(metric)])

    slopes = []
    for image in range(len(labels)):
        weights = np.ones(len(labels))
        weights[image] = 1 + step
        above = score(weights)
        weights[image] = 1 - step
        slopes.append((above - score(weights)) / (2 * step))
    return np.array(slopes) * len(labels)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seed", range(3))
def test_the_mean_is_the_metric(metric: str, seed: int) -> None:
    """As scikit-learn computes it."""
    labels, predicted = labelled(seed)
    each = losses(len(labels))
    expected = evaluate(labels, predicted, each, CLASSES).scores[metric]
    values = pseudo_values(metric, labels, predicted, each, CLASSES)
    assert values.mean() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("metric", MACRO)
def test_an_image_counts_for_what_its_weight_changes(metric: str) -> None:
    """The distance from the metric is its derivative by the image's weight, times the images."""
    labels, predicted = labelled(0)
    values = pseudo_values(metric, labels, predicted, losses(len(labels)), CLASSES)
    expected = numeric_influence(metric, labels, predicted)
    np.testing.assert_allclose(values - values.mean(), expected, atol=1e-6)


@pytest.mark.parametrize("metric", MACRO)
def test_a_class_that_never_occurs_has_no_influence(metric: str) -> None:
    """The values are as without it; where it is predicted, it counts."""
    labels, predicted = labelled(1)
    present = (labels != 4) & (predicted != 4)
    labels, predicted = labels[present], predicted[present]
    each = losses(len(labels))
    with_it = pseudo_values(metric, labels, predicted, each, CLASSES)
    without = pseudo_values(metric, labels, predicted, each, CLASSES - 1)
    np.testing.assert_array_equal(with_it, without)
    predicted = predicted.copy()
    predicted[:3] = 4
    values = pseudo_values(metric, labels, predicted, each, CLASSES)
    np.testing.assert_allclose(
        values - values.mean(), numeric_influence(metric, labels, predicted), atol=1e-6
    )


@pytest.mark.parametrize("metric", MACRO)
def test_a_prediction_that_is_no_class_is_wrong_for_the_true_class_alone(metric: str) -> None:
    """As a label beyond the classes is for scikit-learn."""
    labels, predicted = labelled(2)
    predicted = predicted.copy()
    predicted[::7] = 255
    values = pseudo_values(metric, labels, predicted, losses(len(labels)), CLASSES)
    np.testing.assert_allclose(
        values - values.mean(), numeric_influence(metric, labels, predicted), atol=1e-6
    )


def test_a_model_without_a_prediction_scores_nothing() -> None:
    """Every image of a diverged seed counts 0, and its loss is not a number."""
    labels, _ = labelled(0)
    nothing = np.full_like(labels, 255)
    none = np.full(len(labels), np.nan, dtype=np.float32)
    for metric in METRICS:
        values = pseudo_values(metric, labels, nothing, none, CLASSES)
        assert np.isnan(values).all() if metric == "loss" else not values.any()


def test_their_variance_is_that_of_f1_over_other_images() -> None:
    """Held against a bootstrap of the images, to what that one's 4,000 draws allow."""
    labels, predicted = labelled(5, images=2000)
    values = pseudo_values("f1", labels, predicted, losses(len(labels)), CLASSES)
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(4000):
        drawn = rng.integers(0, len(labels), len(labels))
        each = pseudo_values("f1", labels[drawn], predicted[drawn], losses(len(labels)), CLASSES)
        draws.append(each.mean())
    assert np.var(values, ddof=1) / len(values) == pytest.approx(np.var(draws), rel=0.06)
