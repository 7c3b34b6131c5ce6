"""The test images that most models get wrong."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def hardest(wrong: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the items that more than half of the models get wrong, the most often wrong first.

    Args:
        wrong: whether a model gets an item wrong, shape (models, items).

    Returns:
        Indices of the items; ties in the order of the items.
    """
    times: NDArray[Any] = np.sum(wrong, axis=0)
    order = np.argsort(-times, kind="stable")
    return np.asarray(order[2 * times[order] > len(wrong)])
