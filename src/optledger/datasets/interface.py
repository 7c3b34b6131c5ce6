"""The inputs and outputs of a model, independent of the dataset that it is trained on."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interface:
    """The inputs and outputs of a model.

    Attributes:
        shape: the shape of an example: (rows, columns) or (rows, columns, channels) for an image
            with pixels from 0 to 255, or (columns,) for a row of a table.
        outputs: how many numbers the model returns: one for each class, one for each label, or one.
        means: the mean of each column of a table, which is subtracted; empty for images.
        deviations: the deviation of each column, by which the difference is divided; empty for
            images.
        kind: the name of the kind of target, in `optledger.datasets.kinds`.
        mean: the mean of targets that are numbers: an output of 0 stands for it.
        deviation: the deviation of targets that are numbers: an output of 1 stands for a number
            that is this much above the mean.
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
    """Return the type that holds the numbers of so many classes.

    No class has the highest number of the type, so this number stands for no class.
    """
    return np.uint8 if classes <= np.iinfo(np.uint8).max else np.uint16


def no_class(classes: int) -> int:
    """Return the number that stands for no class, predicted where an output is not finite."""
    return int(np.iinfo(label_type(classes)).max)
