"""The test images that most models get wrong."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def hardest(labels: NDArray[Any], predicted: NDArray[Any]) -> NDArray[np.intp]:
    """Return the images that more than half of the models get wrong, those most often wrong first.

    Args:
        labels: true labels, shape (images,).
        predicted: predicted labels, shape (models, images).

    Returns:
        Their indices; ties in the order of the images.
    """
    wrong = np.sum(predicted != labels, axis=0)
    order = np.argsort(-wrong, kind="stable")
    return np.asarray(order[2 * wrong[order] > len(predicted)])


def votes(predicted: NDArray[Any], classes: int) -> NDArray[np.intp]:
    """Return how many models predict each class of each image, shape (images, classes).

    Args:
        predicted: predicted labels, shape (models, images); not below `classes` where there is
            none, which is a vote for no class.
        classes: how many there are.
    """
    return np.stack([np.sum(predicted == each, axis=0) for each in range(classes)], axis=1)
