"""What is measured of models on the test split: units, bounds, and what is better."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Verdict = Literal["better", "worse", "equivalent", "inconclusive", "not judged", "not pursued"]
"""What a comparison comes to, of the first of two; not judged, if no promise was made for it; not
pursued, if it is open and one of them was left behind."""

_DIGITS, _TINY, _HUGE = 3, 1e-4, 1e7


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        name: as parameters, tables and runs have it.
        margin: the difference that does not matter, unless params.yaml says otherwise; 0 where
            nobody can say without the data.
        unit: what a difference is told in; empty where that is the unit of the target.
        units: how many of them are 1 of the metric.
        decimals: of a difference, as told in that unit; None where it has three digits.
        least: its lowest value.
        most: its highest value.
        lower_is_better: whether it is.
        is_mean_of_hits: whether an item counts 0 or 1.
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
        """The name as it stands in a sentence."""
        return self.name.replace("_", " ")

    @property
    def reach(self) -> float:
        """How large a difference can be."""
        return self.most - self.least

    @property
    def of_unit(self) -> str:
        """The unit as it stands behind a number."""
        return f" {self.unit}" if self.unit else ""

    @property
    def in_unit(self) -> str:
        """The unit as it stands behind the word difference."""
        return f" in {self.unit}" if self.unit else ""

    def amount(self, value: float) -> str:
        """Return a difference in the unit that people speak of: 0.003 of accuracy is 0.3 points."""
        unit = self.of_unit.rstrip("s") if self.units * value == 1 else self.of_unit
        return f"{self.units * value:g}{unit}"

    def signed(self, value: float) -> str:
        """Return a difference with its sign, without its unit."""
        return f"{self.units * value:+{_form(self.units * value, self.decimals)}}"

    def told(self, value: float) -> str:
        """Return a value of the metric."""
        return f"{value:{_form(value, None if self.decimals is None else 4)}}"

    def worse(self, value: float) -> float:
        """Return how bad a value is: less is better."""
        return value if self.lower_is_better else -value


def _form(value: float, decimals: int | None) -> str:
    """Return how a number is written: with so many decimals, or three digits, or by powers."""
    is_tiny = decimals is None and 0 < abs(value) < _TINY
    if is_tiny or not math.isfinite(value) or abs(value) >= _HUGE:
        return f".{_DIGITS}g"
    if decimals is None:
        # As many as it has before the point, and at least three.
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
"""By name. Precision, recall and F1 of classes are macro averages; loss is the mean cross-entropy,
in nats. A kind of target has some of them, as `optledger.datasets.kinds` tells."""


def metrics_in(names: Iterable[object]) -> dict[str, Metric]:
    """Return those metrics that are among some names, such as the columns of a table, in order."""
    there = {*names}
    return {name: metric for name, metric in METRICS.items() if name in there}
