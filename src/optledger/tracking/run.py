"""A run as data: all that MLflow is to hold of it."""

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
    """A file of data that a run's results are of.

    Attributes:
        name: what people call it.
        context: what it was used for.
        path: of the file, an NPZ of examples.
        examples: how many it holds.
        checksum: MD5 of the file in hexadecimal, as dvc.lock has it.
    """

    name: str
    context: str
    path: Path
    examples: int
    checksum: str


@dataclass(frozen=True, eq=False)
class Run:
    """The whole of one run.

    Attributes:
        content: what identifies it.
        name: what people call it.
        size: how much it is of, in words, such as 10 seeds; empty where that goes without saying.
        parent: the run that it is a child of, or None.
        parameters: flat, as text.
        metrics: single values; none of them NaN.
        observed: single values too, but of what the machine took; empty where that is not known.
            What it says of `training_seconds` is how long the run lasted.
        machine: which one that was, in words.
        curves: a row per epoch with the column `epoch`; a missing value is not logged.
        color: of it in charts, as `#1f77b4`; MLflow's own, if empty, are of chance.
        tags: what else there is to know, without the prefix that they have in MLflow.
        cells: likewise, but for columns of MLflow's run table, by their names there.
        description: in Markdown, what it says to a person.
        artifacts: files to keep with it.
        tables: by name, what MLflow is to show as tables.
        inputs: the data that it is of.
        model: how to read that of the champion that the tag `champion` names, if one is.
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
        """What it is a run of: variant, search, seed, comparison, case or method."""
        return str(self.content["kind"])

    @property
    def stored_tags(self) -> dict[str, str]:
        """The tags that MLflow is to hold, by their names there."""
        return {**{f"optledger.{name}": value for name, value in self.tags.items()}, **self.cells}

    def label(self, attempt: str) -> str:
        """Return the name that MLflow shows, with that of the try that it was made by, if any."""
        parts = (self.name, attempt if self.parent is None else "", self.size)
        return " · ".join(part for part in parts if part)

    @property
    def root(self) -> "Run":
        """Itself, or the run that it is a child of."""
        return self.parent or self


def finite(metrics: Mapping[str, float | None]) -> dict[str, float]:
    """Return what MLflow can plot of `metrics`: what is there and neither NaN nor infinite."""
    return {
        name: float(value)
        for name, value in metrics.items()
        if value is not None and math.isfinite(value)
    }


def flat(parameters: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Flatten nested parameters; a component's name stands under the component's own key."""
    values: dict[str, str] = {}
    for key, value in parameters.items():
        path = prefix.rstrip(".") if key == "name" else f"{prefix}{key}"
        if isinstance(value, Mapping):
            values |= flat(value, f"{path}.")
        else:
            values[path] = str(value)
    return values
