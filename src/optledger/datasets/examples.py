"""Examples: what a model is given, and what it is to say of it."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Examples(NamedTuple):
    """Labelled examples.

    Attributes:
        inputs: images, uint8 of shape (examples, rows, columns) or (examples, rows, columns,
            channels); or the columns of a table, float32 of shape (examples, columns).
        targets: the number of each example's class, shape (examples,); uint8 up to 255 classes,
            and else uint16.
    """

    inputs: NDArray[Any]
    targets: NDArray[np.unsignedinteger[Any]]

    def take(self, indices: NDArray[Any]) -> "Examples":
        """Return the examples at `indices`, or where a mask is true."""
        return Examples(self.inputs[indices], self.targets[indices])
