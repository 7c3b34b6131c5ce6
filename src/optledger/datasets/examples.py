"""Examples: the inputs of a model and the targets that it has to predict."""

from typing import Any, NamedTuple

from numpy.typing import NDArray


class Examples(NamedTuple):
    """Labelled examples.

    Attributes:
        inputs: images, uint8 of shape (examples, rows, columns) or (examples, rows, columns,
            channels); or the columns of a table, float32 of shape (examples, columns).
        targets: depending on the kind of target: the number of a class, shape (examples,), uint8
            for up to 255 classes and uint16 for more; 1 or 0 for each label, uint8 of shape
            (examples, labels); or a number, float64 of shape (examples,).
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]

    def take(self, indices: NDArray[Any]) -> "Examples":
        """Return the examples at `indices`, or those where a mask is true."""
        return Examples(self.inputs[indices], self.targets[indices])
