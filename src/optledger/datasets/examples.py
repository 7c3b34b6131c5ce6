"""Labelled images."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Examples(NamedTuple):
    """Labelled images.

    Attributes:
        images: uint8, shape (examples, rows, columns).
        labels: uint8, shape (examples,).
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def take(self, indices: NDArray[np.intp]) -> "Examples":
        """Return the examples at `indices`."""
        return Examples(self.images[indices], self.labels[indices])
