"""The files of data/prepared/: the splits and their summary."""

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
    """A column of a table as a model takes it: its name, and how it is scaled.

    Attributes:
        name: the name in the table, or column=value for a value of a category.
        mean: the mean over the train split.
        deviation: the standard deviation over the train split; 1 where all values are the same.
    """

    name: str
    mean: float
    deviation: float = Field(gt=0)


class Number(Section):
    """A target that is a number: its name, and the scale of a model's outputs.

    Attributes:
        name: the name of the column of a table that holds it, or else `number`.
        mean: the mean over the train split.
        deviation: the standard deviation over the train split; 1 where all values are the same.
    """

    name: str
    mean: float
    deviation: float = Field(gt=0)


Counts = dict[Literal["train", "validation"], list[NonNegativeInt]]


class Summary(Section):
    """data/prepared/summary.json: a description of the train and the validation split.

    Exactly one of `classes`, `labels` and `number` is there, depending on the kind of target.

    Attributes:
        classes: how many classes there are.
        class_names: the names of the classes, in their order, unless these are their numbers.
        columns: the columns of a table, in the order that a model takes them.
        dataset: the name of the dataset.
        examples: the number of examples, by split.
        examples_per_class: the number of examples of each class, by split, in the order of the
            classes.
        examples_per_label: the number of examples with each label, by split, in the order of the
            labels.
        image_shape: rows and columns, and channels where there are several.
        labels: the names of the labels, in their order.
        number: the name and the scale of the number.
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
        """Check that there is one kind of target and of inputs, with complete names and counts."""
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
        """The kind of target."""
        return next(kind for name, kind in KINDS.items() if getattr(self, name) is not None)

    @property
    def outputs(self) -> int:
        """How many numbers a model returns."""
        return self.classes or len(self.labels or [""])

    @property
    def interface(self) -> Interface:
        """The inputs and outputs of a model."""
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
        """The names of the classes or labels, in their order, or the name of the number."""
        if self.number is not None:
            return [self.number.name]
        return self.class_names or self.labels or [str(number) for number in range(self.outputs)]

    @property
    def are_numbered(self) -> bool:
        """Whether there are classes whose names are their numbers."""
        return self.classes is not None and self.class_names is None

    @property
    def counts(self) -> dict[str, list[int]]:
        """The number of examples of each class or with each label, by split."""
        found = self.examples_per_class or self.examples_per_label or {}
        return {str(split): own for split, own in found.items()}

    @property
    def strata(self) -> list[int]:
        """The number of train examples of each class, or in all if there are no classes."""
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
    """Read the split in a file.

    Raises:
        UserError: the arrays in the file are not those of a split.
    """
    arrays = read_npz(path)
    inputs = _ROWS if _ROWS in arrays else _PIXELS
    targets = _NUMBERS if _NUMBERS in arrays else _LABELS
    expected = {inputs: _expected(arrays, inputs), targets: _expected(arrays, targets)}
    check_arrays(path, arrays, expected)
    examples = Examples(arrays[inputs], arrays[targets])
    if len(examples.inputs) != len(examples.targets):
        found = f"{len(examples.inputs)} {inputs} and {len(examples.targets)} {targets}"
        raise UserError(f"{path}: has {found}, which do not match; dvc checkout brings it back")
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
