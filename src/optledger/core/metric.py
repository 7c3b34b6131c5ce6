"""What is measured of a classifier on the test split: units, bounds, and what is better."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Verdict = Literal["better", "worse", "equivalent", "inconclusive", "not judged", "not pursued"]
"""What a comparison comes to, of the first of two; not judged, if no promise was made for it; not
pursued, if it is open and one of them was left behind."""


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes:
        name: as parameters, tables and runs have it.
        margin: the difference that does not matter, unless params.yaml says otherwise.
        unit: what a difference is told in.
        units: how many of them are 1 of the metric.
        decimals: of a difference, as told in that unit.
        most: its highest value; the lowest is 0.
        lower_is_better: whether it is.
        is_mean_of_hits: whether an image counts 0 or 1.
    """

    name: str
    margin: float = 0.003
    unit: str = "points"
    units: int = 100
    decimals: int = 2
    most: float = 1.0
    lower_is_better: bool = False
    is_mean_of_hits: bool = False

    def amount(self, value: float) -> str:
        """Return a difference in the unit that people speak of: 0.003 of accuracy is 0.3 points."""
        return f"{self.units * value:g} {self.unit}"

    def signed(self, value: float) -> str:
        """Return a difference with its sign, without its unit."""
        return f"{self.units * value:+.{self.decimals}f}"


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        metric.name: metric
        for metric in (
            Metric("accuracy", is_mean_of_hits=True),
            Metric("precision"),
            Metric("recall"),
            Metric("f1"),
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
"""By name. Precision, recall and F1 are macro averages; loss is the mean cross-entropy in nats."""
