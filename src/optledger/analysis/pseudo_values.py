"""What each test image contributes to a metric: pseudo-values, whose mean is the metric.

Accuracy and loss are means over images. Macro precision, recall and F1 are not; they are replaced
by their linearization, the metric plus each image's influence on it, as for the delta method
(Hampel 1974, JASA 69; Davison and Hinkley 1997, Bootstrap Methods and Their Application, section
2.7).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# By metric: a class scores hits * true positives / (truth * its images + predicted * its
# predictions).
_MACRO = {"precision": (1, 0, 1), "recall": (1, 1, 0), "f1": (2, 1, 1)}


def pseudo_values(
    metric: str,
    labels: NDArray[Any],
    predicted: NDArray[Any],
    losses: NDArray[np.float32],
    classes: int,
) -> NDArray[np.float64]:
    """Return what each image contributes to `metric`, shape (images,); the mean is the metric.

    Args:
        metric: accuracy, precision, recall, f1 or loss, as `metrics.evaluate` has them.
        labels: true labels, shape (images,).
        predicted: predicted labels, shape (images,); one that is not below `classes` is none.
        losses: cross-entropy of each image in nats, shape (images,); NaN where there is none.
        classes: labels are below it. One that neither occurs nor is predicted is left out of the
            average, and no image has an influence on it.
    """
    if metric == "loss":
        return losses.astype(np.float64)
    right = labels == predicted
    if metric == "accuracy":
        return np.asarray(right, np.float64)
    hits, truth, prediction = _MACRO[metric]
    true_positives = np.bincount(labels[right], minlength=classes)
    images = np.bincount(labels, minlength=classes)
    predictions = np.bincount(predicted[predicted < classes], minlength=classes)
    denominator = truth * images + prediction * predictions
    # Without a case, true positives are 0 too, and so is all that follows.
    whole = 1 / np.maximum(denominator, 1)
    scores = hits * true_positives * whole
    # What one more image adds to a class's score: a right one, one of it that is taken for
    # another, and one of another that is taken for it.
    missed = -truth * scores * whole
    mistaken = -prediction * scores * whole
    gained = np.where(denominator > 0, hits * whole + missed + mistaken, 0.0)
    # A prediction that is no class stands for a further one, on which nothing depends.
    mistaken = np.append(mistaken, 0.0)[np.minimum(predicted, classes)]
    influence = np.where(right, gained[labels], missed[labels] + mistaken)
    occurs = images + predictions > 0
    return np.asarray(np.mean(scores[occurs]) + len(labels) / np.sum(occurs) * influence)
