"""The files of data/prepared/: splits, and what is told of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from optledger.core.documents import Section, validate
from optledger.core.errors import UserError
from optledger.core.formats import check_arrays, read_json, read_npz, write_npz
from optledger.core.paths import PREPARED
from optledger.datasets.examples import Examples
from optledger.datasets.interface import Interface

_PIXELS, _ROWS = "images", "columns"


class Column(Section):
    """A column of a table, as a model is given it: its name, and how it is scaled.

    Attributes:
        name: as the table has it, or column=value of a category.
        mean: of the train split.
        deviation: likewise; 1 where all its values are the same.
    """

    name: str
    mean: float
    deviation: float = Field(gt=0)


class Summary(Section):
    """data/prepared/summary.json: what is told of the train and the validation split.

    Attributes:
        classes: how many there are.
        class_names: in their order, where they are not their numbers.
        columns: of a table, in the order that a model is given them.
        dataset: its name.
        examples: how many, by split.
        examples_per_class: likewise, in the order of the classes.
        image_shape: rows and columns, and channels where there are several.
    """

    classes: PositiveInt
    class_names: list[str] | None = None
    columns: list[Column] | None = None
    dataset: str
    examples: dict[Literal["train", "validation"], NonNegativeInt]
    examples_per_class: dict[Literal["train", "validation"], list[NonNegativeInt]]
    image_shape: list[PositiveInt] | None = None

    @model_validator(mode="after")
    def _check_splits(self) -> Self:
        """Check that both splits have a count, every class one in each, and a name if any has."""
        counts = self.examples_per_class
        complete = self.examples.keys() == counts.keys() == {"train", "validation"}
        if not complete or any(len(each) != self.classes for each in counts.values()):
            raise ValueError(f"counts of both splits, and of each of {self.classes} classes")
        if self.class_names is not None and len(self.class_names) != self.classes:
            raise ValueError(f"{self.classes} class_names")
        if (self.columns is None) == (self.image_shape is None):
            raise ValueError("columns or an image_shape")
        return self

    @property
    def interface(self) -> Interface:
        """What a model takes, and what it tells apart."""
        if self.columns is None:
            return Interface(tuple(self.image_shape or ()), self.classes)
        return Interface(
            (len(self.columns),),
            self.classes,
            tuple(column.mean for column in self.columns),
            tuple(column.deviation for column in self.columns),
        )

    @property
    def names(self) -> list[str]:
        """The names of the classes, in their order."""
        return self.class_names or [str(number) for number in range(self.classes)]


def read_summary(directory: Path = PREPARED) -> Summary:
    """Read summary.json."""
    path = directory / "summary.json"
    return validate(Summary, read_json(path), path)


def read_split(name: str, directory: Path = PREPARED) -> Examples:
    """Read the split `name`: train, validation or test."""
    path = directory / f"{name}.npz"
    arrays = read_npz(path)
    kind = _ROWS if _ROWS in arrays else _PIXELS
    check_arrays(path, arrays, {kind: _expected(arrays, kind), "labels": (np.unsignedinteger, 1)})
    examples = Examples(arrays[kind], arrays["labels"])
    if len(examples.inputs) != len(examples.targets):
        found = f"{len(examples.inputs)} {kind} and {len(examples.targets)} labels"
        raise UserError(f"{path}: found {found}; allowed: as many; dvc checkout brings it back")
    return examples


def _expected(arrays: Mapping[str, NDArray[Any]], kind: str) -> tuple[type[np.generic], int]:
    if kind == _ROWS:
        return np.float32, 2
    return np.uint8, 4 if kind in arrays and arrays[kind].ndim == 4 else 3


def write_split(name: str, examples: Examples, directory: Path) -> None:
    """Write `examples` as the split `name`."""
    kind = _ROWS if examples.inputs.ndim == 2 else _PIXELS
    write_npz(directory / f"{name}.npz", {kind: examples.inputs, "labels": examples.targets})
