"""What a model takes and what it tells, whichever dataset that is of."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interface:
    """What a model takes, and what it tells.

    Attributes:
        shape: of an example: (rows, columns) or (rows, columns, channels) of an image with pixels
            from 0 to 255, or (columns,) of a table.
        outputs: how many numbers it returns: one for each class, one for each label, or one.
        means: of each column of a table, by which it is centred; empty for images.
        deviations: by which it is divided afterwards; likewise.
        kind: of the target, in `optledger.datasets.kinds`.
        mean: of the targets, where they are numbers: what an output of 0 stands for.
        deviation: of the targets: what an output of 1 is above it.
    """

    shape: tuple[int, ...]
    outputs: int
    means: tuple[float, ...] = ()
    deviations: tuple[float, ...] = ()
    kind: str = "classes"
    mean: float = 0.0
    deviation: float = 1.0

    @property
    def takes_images(self) -> bool:
        """Whether an example is an image."""
        return len(self.shape) > 1


def label_type(classes: int) -> type[np.uint8] | type[np.uint16]:
    """Return the type of the numbers of so many classes; its highest number stands for none."""
    return np.uint8 if classes <= np.iinfo(np.uint8).max else np.uint16


def no_class(classes: int) -> int:
    """Return the predicted class of an example for which a model's output is not finite."""
    return int(np.iinfo(label_type(classes)).max)
