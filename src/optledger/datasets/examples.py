"""Labelled images, in memory and as the files of data/prepared/."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from optledger.formats import read_npz, write_npz
from optledger.paths import PREPARED


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


def read_split(name: str, directory: Path = PREPARED) -> Examples:
    """Read the split `name`: train, validation or test."""
    return Examples(**read_npz(directory / f"{name}.npz"))


def write_split(name: str, examples: Examples, directory: Path) -> None:
    """Write `examples` as the split `name`."""
    write_npz(directory / f"{name}.npz", examples._asdict())
