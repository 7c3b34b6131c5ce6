"""Examples: what a model is given, and what it is to say of it."""

from typing import Any, NamedTuple

from numpy.typing import NDArray


class Examples(NamedTuple):
    """Labelled examples.

    Attributes:
        inputs: images, uint8 of shape (examples, rows, columns) or (examples, rows, columns,
            channels); or the columns of a table, float32 of shape (examples, columns).
        targets: what is to be told of each example, as its kind reads it: the number of a class,
            shape (examples,), uint8 up to 255 classes and else uint16; 1 or 0 for each label,
            uint8 of shape (examples, labels); or a number, float64 of shape (examples,).
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]

    def take(self, indices: NDArray[Any]) -> "Examples":
        """Return the examples at `indices`, or where a mask is true."""
        return Examples(self.inputs[indices], self.targets[indices])
