"""A run as data: everything that MLflow should hold of it."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from optledger.core.formats import digest
from optledger.tracking.champion import ChampionModel
from optledger.tracking.keys import Content


@dataclass(frozen=True)
class Input:
    """A data file that a run used.

    Attributes:
        name: the name that MLflow shows.
        context: what the data were used for: training, validation or testing.
        path: the path of the file, an NPZ of examples.
        examples: the number of examples in the file.
        checksum: the MD5 of the file in hexadecimal, as in dvc.lock.
    """

    name: str
    context: str
    path: Path
    examples: int
    checksum: str


@dataclass(frozen=True, eq=False)
class Run:
    """Everything that MLflow should hold of one run.

    Attributes:
        content: what identifies the run.
        name: the name of the run.
        size: what the run covers, in words, such as `10 seeds`; empty where that is obvious.
        parent: the run that this one is a child of, or None.
        parameters: the parameters, flattened and as text.
        metrics: single values; none of them is NaN.
        observed: single values that depend on the machine, such as seconds; empty where they are
            not known. MLflow shows `training_seconds` as the duration of the run.
        machine: the machine that the observed values are from, in words.
        curves: one row per epoch, with the column `epoch`; a missing value is not logged.
        color: the color of the run in charts, as `#1f77b4`; if empty, MLflow picks one at random.
        tags: further facts, by name without the prefix `optledger.` that they get in MLflow.
        cells: texts for columns of MLflow's run table, by the column's full name.
        description: what the run says to a person, in Markdown.
        artifacts: files to store with the run.
        tables: the tables that MLflow should show, by name.
        inputs: the data that the run used.
        model: a function that reads the champion's model and returns None where there is no
            champion. Only the comparison's run has one; its tag `champion` names the variant.
    """

    content: Content
    name: str
    size: str = ""
    parent: "Run | None" = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    observed: Mapping[str, float] = field(default_factory=dict)
    machine: str = ""
    curves: pd.DataFrame = field(default_factory=pd.DataFrame)
    color: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    cells: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    artifacts: tuple[Path, ...] = ()
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    inputs: tuple[Input, ...] = ()
    model: Callable[[], ChampionModel | None] | None = None

    @cached_property
    def key(self) -> str:
        """The run key."""
        return digest(self.content)

    @property
    def kind(self) -> str:
        """The kind of run: variant, search, seed, comparison, case or method."""
        return str(self.content["kind"])

    @property
    def stored_tags(self) -> dict[str, str]:
        """The tags and cells by the names that they get in MLflow."""
        return {**{f"optledger.{name}": value for name, value in self.tags.items()}, **self.cells}

    def label(self, attempt: str) -> str:
        """Return the name that MLflow shows; a root's includes the name of the try, if any."""
        parts = (self.name, attempt if self.parent is None else "", self.size)
        return " · ".join(part for part in parts if part)

    @property
    def root(self) -> "Run":
        """The parent, or the run itself if it has none."""
        return self.parent or self


def finite(metrics: Mapping[str, float | None]) -> dict[str, float]:
    """Return the metrics that MLflow can plot: those that are not None, NaN or infinite."""
    return {
        name: float(value)
        for name, value in metrics.items()
        if value is not None and math.isfinite(value)
    }


def flat(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Flatten nested parameters; the name of a component gets the component's own key."""
    values: dict[str, str] = {}
    for key, value in parameters.items():
        path = prefix.rstrip(".") if key == "name" else f"{prefix}{key}"
        if isinstance(value, Mapping):
            values |= flat(value, f"{path}.")
        else:
            values[path] = str(value)
    return values
