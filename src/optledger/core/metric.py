"""The metrics of models on the test split: their units and bounds, and what is better."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Verdict = Literal["better", "worse", "equivalent", "inconclusive", "not judged", "not pursued"]
"""The outcome of a comparison, said about the first of two variants.

A pair is "not judged" if the declared confidence does not cover it. It is "not pursued" if it is
open and one of the two was left behind.
"""

_DIGITS, _TINY, _HUGE = 3, 1e-4, 1e7


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        name: its name in parameters, tables and runs.
        margin: the difference that does not matter, unless params.yaml says otherwise; 0 where
            that depends on the data.
        unit: the unit in which differences are printed; empty for the unit of the target.
        units: how many of these units make 1 of the metric.
        decimals: the decimals of a printed difference; None for three significant digits.
        least: the lowest possible value.
        most: the highest possible value.
        lower_is_better: whether lower values are better.
        is_mean_of_hits: whether each item counts as 0 or 1.
    """

    name: str
    margin: float = 0.003
    unit: str = "points"
    units: int = 100
    decimals: int | None = 2
    least: float = 0.0
    most: float = 1.0
    lower_is_better: bool = False
    is_mean_of_hits: bool = False

    @property
    def words(self) -> str:
        """The name for use in a sentence."""
        return self.name.replace("_", " ")

    @property
    def reach(self) -> float:
        """The largest possible difference."""
        return self.most - self.least

    @property
    def of_unit(self) -> str:
        """The text that gives the unit after a number, such as ` points`."""
        return f" {self.unit}" if self.unit else ""

    @property
    def in_unit(self) -> str:
        """The text that gives the unit after the word difference, such as ` in points`."""
        return f" in {self.unit}" if self.unit else ""

    def amount(self, value: float) -> str:
        """Return a difference with its unit: 0.003 of accuracy is 0.3 points."""
        unit = self.of_unit.rstrip("s") if self.units * value == 1 else self.of_unit
        return f"{self.units * value:g}{unit}"

    def signed(self, value: float) -> str:
        """Return a difference with its sign, without its unit."""
        return f"{self.units * value:+{_form(self.units * value, self.decimals)}}"

    def formatted(self, value: float) -> str:
        """Return a value of the metric as text."""
        return f"{value:{_form(value, None if self.decimals is None else 4)}}"

    def worse(self, value: float) -> float:
        """Return how bad a value is: the lower, the better, for every metric."""
        return value if self.lower_is_better else -value


def _form(value: float, decimals: int | None) -> str:
    """Return the format of a number: fixed decimals, three digits, or powers of ten."""
    is_tiny = decimals is None and 0 < abs(value) < _TINY
    if is_tiny or not math.isfinite(value) or abs(value) >= _HUGE:
        return f".{_DIGITS}g"
    if decimals is None:
        # Three significant digits, or as many as stand before the point.
        size = math.floor(math.log10(abs(value))) if value else 0
        decimals = max(0, _DIGITS - 1 - size)
    return f".{decimals}f"


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric("accuracy", is_mean_of_hits=True),
            Metric("precision"),
            Metric("recall"),
            Metric("f1"),
            Metric("subset_accuracy", is_mean_of_hits=True),
            Metric("micro_f1"),
            Metric("macro_f1"),
            Metric(
                *("rmse", 0.0, ""),
                units=1,
                decimals=None,
                most=math.inf,
                lower_is_better=True,
            ),
            Metric(
                *("mae", 0.0, ""),
                units=1,
                decimals=None,
                most=math.inf,
                lower_is_better=True,
            ),
            Metric("r2", 0.01, least=-math.inf),
            Metric(
                *("loss", 0.01, "nats"),
                units=1,
                decimals=4,
                most=math.inf,
                lower_is_better=True,
            ),
        )
    }
)
"""All metrics by name.

Precision, recall and F1 of classes are macro averages. Loss is the mean cross-entropy, in nats.
Each kind of target has some of the metrics: see `optledger.datasets.kinds`.
"""


def metrics_in(names: Iterable[object]) -> dict[str, Metric]:
    """Return the metrics among some names, such as a table's columns, in the order of `METRICS`."""
    there = {*names}
    return {name: metric for name, metric in METRICS.items() if name in there}
