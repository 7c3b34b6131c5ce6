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
from optledger.datasets.kinds import KINDS, Kind

_PIXELS, _ROWS = "images", "columns"
_LABELS, _NUMBERS = "labels", "numbers"


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


class Number(Section):
    """A target that is a number: its name, and what a model's outputs are on the scale of.

    Attributes:
        name: of the column of a table that has it.
        mean: of the train split.
        deviation: likewise.
    """

    name: str
    mean: float
    deviation: float = Field(gt=0)


Counts = dict[Literal["train", "validation"], list[NonNegativeInt]]


class Summary(Section):
    """data/prepared/summary.json: what is told of the train and the validation split.

    Attributes:
        classes: how many there are, where an example is of one.
        class_names: in their order, where they are not their numbers.
        columns: of a table, in the order that a model is given them.
        dataset: its name.
        examples: how many, by split.
        examples_per_class: likewise, in the order of the classes.
        examples_per_label: likewise, in the order of the labels.
        image_shape: rows and columns, and channels where there are several.
        labels: their names, where an example has several at once.
        number: where that is the target.
    """

    classes: PositiveInt | None = None
    class_names: list[str] | None = None
    columns: list[Column] | None = None
    dataset: str
    examples: dict[Literal["train", "validation"], NonNegativeInt]
    examples_per_class: Counts | None = None
    examples_per_label: Counts | None = None
    image_shape: list[PositiveInt] | None = None
    labels: list[str] | None = None
    number: Number | None = None

    @model_validator(mode="after")
    def _check_targets(self) -> Self:
        """Check that there is one kind of target, with a name and a count of each that it has."""
        kinds = [name for name in KINDS if getattr(self, name) is not None]
        if len(kinds) != 1:
            raise ValueError(f"one of {', '.join(KINDS)}")
        for counts in filter(None, (self.examples_per_class, self.examples_per_label)):
            complete = self.examples.keys() == counts.keys() == {"train", "validation"}
            if not complete or any(len(each) != self.outputs for each in counts.values()):
                raise ValueError(f"counts of both splits, and of each of {self.outputs} {kinds[0]}")
        if self.class_names is not None and len(self.class_names) != self.outputs:
            raise ValueError(f"{self.outputs} class_names")
        if (self.columns is None) == (self.image_shape is None):
            raise ValueError("columns or an image_shape")
        return self

    @property
    def kind(self) -> Kind:
        """What is told of an example."""
        return next(kind for name, kind in KINDS.items() if getattr(self, name) is not None)

    @property
    def outputs(self) -> int:
        """How many numbers a model returns."""
        return self.classes or len(self.labels or [""])

    @property
    def interface(self) -> Interface:
        """What a model takes, and what it tells."""
        columns = self.columns or []
        scale = {} if self.number is None else self.number.model_dump(exclude={"name"})
        return Interface(
            tuple(self.image_shape or [len(columns)]),
            self.outputs,
            tuple(column.mean for column in columns),
            tuple(column.deviation for column in columns),
            kind=self.kind.NAME,
            **scale,
        )

    @property
    def names(self) -> list[str]:
        """The names of the classes or labels, in their order; that of the number."""
        if self.number is not None:
            return [self.number.name]
        return self.class_names or self.labels or [str(number) for number in range(self.outputs)]

    @property
    def are_numbered(self) -> bool:
        """Whether there are classes without names of their own."""
        return self.classes is not None and self.class_names is None

    @property
    def counts(self) -> dict[str, list[int]]:
        """By split how many examples there are of each class, or with each label."""
        found = self.examples_per_class or self.examples_per_label or {}
        return {str(split): own for split, own in found.items()}

    @property
    def strata(self) -> list[int]:
        """How many train examples there are of each class, or in all."""
        counts = self.examples_per_class
        return [self.examples["train"]] if counts is None else counts["train"]


def read_summary(directory: Path = PREPARED) -> Summary:
    """Read summary.json."""
    path = directory / "summary.json"
    return validate(Summary, read_json(path), path)


def read_split(name: str, directory: Path = PREPARED) -> Examples:
    """Read the split `name`: train, validation or test."""
    return read_split_of(directory / f"{name}.npz")


def read_split_of(path: Path) -> Examples:
    """Read the split that a file holds."""
    arrays = read_npz(path)
    inputs = _ROWS if _ROWS in arrays else _PIXELS
    targets = _NUMBERS if _NUMBERS in arrays else _LABELS
    expected = {inputs: _expected(arrays, inputs), targets: _expected(arrays, targets)}
    check_arrays(path, arrays, expected)
    examples = Examples(arrays[inputs], arrays[targets])
    if len(examples.inputs) != len(examples.targets):
        found = f"{len(examples.inputs)} {inputs} and {len(examples.targets)} {targets}"
        raise UserError(f"{path}: found {found}; allowed: as many; dvc checkout brings it back")
    return examples


def _expected(arrays: Mapping[str, NDArray[Any]], name: str) -> tuple[type[np.generic], int]:
    dimensions = arrays[name].ndim if name in arrays else 0
    expected: dict[str, tuple[type[np.generic], int]] = {
        _ROWS: (np.float32, 2),
        _PIXELS: (np.uint8, 4 if dimensions == 4 else 3),
        _LABELS: (np.unsignedinteger, 2 if dimensions == 2 else 1),
        _NUMBERS: (np.float64, 1),
    }
    return expected[name]


def write_split(name: str, examples: Examples, directory: Path) -> None:
    """Write `examples` as the split `name`."""
    inputs = _ROWS if examples.inputs.ndim == 2 else _PIXELS
    targets = _NUMBERS if examples.targets.dtype.kind == "f" else _LABELS
    write_npz(directory / f"{name}.npz", {inputs: examples.inputs, targets: examples.targets})
