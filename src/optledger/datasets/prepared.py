"""The files of data/prepared/: splits, and what is told of them."""

from pathlib import Path
from typing import Literal, Self

import numpy as np
from pydantic import NonNegativeInt, PositiveInt, model_validator

from optledger.core.documents import Section, validate
from optledger.core.errors import UserError
from optledger.core.formats import read_json, read_npz, write_npz
from optledger.core.paths import PREPARED
from optledger.datasets.examples import Examples


class Summary(Section):
    """data/prepared/summary.json: what is told of the train and the validation split.

    Attributes:
        classes: how many there are.
        dataset: its name.
        examples: how many, by split.
        examples_per_class: likewise, in the order of the classes.
        image_shape: rows and columns.
    """

    classes: PositiveInt
    dataset: str
    examples: dict[Literal["train", "validation"], NonNegativeInt]
    examples_per_class: dict[Literal["train", "validation"], list[NonNegativeInt]]
    image_shape: list[PositiveInt]

    @model_validator(mode="after")
    def _check_splits(self) -> Self:
        """Check that both splits have a count, and every class one in each."""
        counts = self.examples_per_class
        complete = self.examples.keys() == counts.keys() == {"train", "validation"}
        if not complete or any(len(each) != self.classes for each in counts.values()):
            raise ValueError(f"counts of both splits, and of each of {self.classes} classes")
        return self


def read_summary(directory: Path = PREPARED) -> Summary:
    """Read summary.json."""
    path = directory / "summary.json"
    return validate(Summary, read_json(path), path)


def read_split(name: str, directory: Path = PREPARED) -> Examples:
    """Read the split `name`: train, validation or test."""
    path = directory / f"{name}.npz"
    arrays = read_npz(path, {"images": (np.uint8, 3), "labels": (np.uint8, 1)})
    examples = Examples(arrays["images"], arrays["labels"])
    if len(examples.images) != len(examples.labels):
        found = f"{len(examples.images)} images and {len(examples.labels)} labels"
        raise UserError(f"{path}: found {found}; allowed: as many; dvc checkout brings it back")
    return examples


def write_split(name: str, examples: Examples, directory: Path) -> None:
    """Write `examples` as the split `name`."""
    write_npz(directory / f"{name}.npz", examples._asdict())
