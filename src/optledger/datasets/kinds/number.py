"""A number, such as the price of a house or the progress of a disease."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field

from optledger.core.documents import Printable, Section, shown
from optledger.core.errors import UserError
from optledger.core.formats import SIGNIFICANT_DIGITS
from optledger.core.places import error_at_places
from optledger.datasets.kinds.evaluation import (
    Arrays,
    Evaluation,
    no_confusion_table,
    no_per_class_table,
    one_stratum,
)

NAME = "number"
METRICS = ("rmse", "mae", "r2")
METRICS_IN_WORDS = (
    "Rmse, the root of the mean squared error, and mae, the mean absolute error, are in the unit "
    "of the target, and less is better. R2 is the share of the variance of the target that is "
    "explained."
)
SCORE = "rmse"
LOSS = "MeanSquaredError"
LOSSES = ("MeanSquaredError", "MeanAbsoluteError", "Huber", "LogCosh")
TARGETS, VALUES = "numbers", "predicted"
ARRAY_TYPES: Arrays = (np.float64, 1), (np.float64, 2)
BY_CLASS = False

# Keeps the squares of numbers, and sums of them, within the range of 32-bit floats.
_MOST = 1e15

_MOST_DRAWN = 2000

# An error counts as a mistake if it is more than so many times the RMSE.
_LARGE = 2.0


class Target(Section):
    """The number that is predicted.

    Attributes:
        kind: the kind of target.
        column: the column of a table that holds the number.
        deviation: the standard deviation over all items, to judge which differences matter.
    """

    kind: Literal["number"] = "number"
    deviation: float = Field(gt=0)
    column: Printable | None = None

    @property
    def outputs(self) -> int:
        """How many numbers a model returns: one."""
        return 1

    @property
    def names(self) -> None:
        """None, as there are no classes or labels with names."""
        return

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table that hold the number."""
        return () if self.column is None else (self.column,)


def inferred(
    where: object,
    values: NDArray[Any],
    columns: Sequence[str] = (),
    place: Callable[[int], str] = "item {}".format,
) -> Target:
    """Return the target of new data whose values are numbers.

    Raises:
        UserError: a value is not a number, or all are the same.
    """
    numbers = read(where, values, Target(deviation=1.0), place)
    deviation = float(f"{numbers.std():.3g}")
    return Target(column=next(iter(columns), None), deviation=deviation)


def read(
    where: object,
    values: NDArray[Any],
    target: Target,  # unused: part of `Kind`
    place: Callable[[int], str],
) -> NDArray[np.float64]:
    """Return the number of each item, shape (items,).

    Raises:
        UserError: a value is not a finite number or is too large, or all are the same.
    """
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        shape = f"targets of shape {values.shape}"
        raise UserError(f"{where}: found {shape}; allowed: one number an item, (items,)")
    if values.dtype.kind in "iuf":
        found = values.astype(np.float64)
    else:
        found = pd.to_numeric(pd.Series(values, dtype=object), errors="coerce").to_numpy(np.float64)
    wrong = np.flatnonzero(~(np.abs(found) <= _MOST))
    if len(wrong):
        cells = [
            f"{shown(np.asarray(values[index]).item())} at {place(int(index))}" for index in wrong
        ]
        raise error_at_places(
            where, "targets that are no numbers", cells, f"numbers up to {_MOST:g} are fine"
        )
    if len(found) and found.min() == found.max():
        raise UserError(f"{where}: every target is {found[0]:g}; nothing can be learned from that")
    return np.asarray(found)


def problem(values: NDArray[Any], outputs: int) -> str | None:  # unused: both
    """Return None, as any number can be a true or a predicted value."""
    return None


strata = one_stratum


def described(target: Target, targets: NDArray[Any]) -> tuple[str, str]:
    """Return the word "number", and the range, median and deviation of the numbers."""
    low, middle, high = np.percentile(targets, (0, 50, 100))
    return "number", f"{low:g} to {high:g}, median {middle:g}, deviation {targets.std():.3g}"


def summary(target: Target, splits: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Return the mean and the deviation of the train split, which scale a model's outputs."""
    numbers = splits["train"]
    deviation = _rounded(float(numbers.std())) or 1.0
    return {
        "number": {
            "name": target.column or "number",
            # With as many decimals as the deviation, however far it is from 0.
            "mean": round(float(numbers.mean()), _decimals(deviation)),
            "deviation": deviation,
        }
    }


def _decimals(deviation: float) -> int:
    """Return the decimals that show a deviation with `SIGNIFICANT_DIGITS` digits."""
    return SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(deviation))


def _rounded(value: float) -> float:
    # The last bits of sums depend on the processor.
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def counts(targets: NDArray[Any], outputs: int) -> list[int]:  # unused: both
    """Return an empty list, as there are no classes or labels to count."""
    return []


def notes(
    counts: Mapping[str, Sequence[int]],  # unused: part of `Kind`
    names: Sequence[str],
) -> list[str]:
    """Return an empty list, as there are no classes or labels that a split could lack."""
    return []


def evaluate(
    targets: NDArray[Any], values: NDArray[Any], losses: NDArray[np.float32], outputs: int
) -> Evaluation:
    """Score predictions on the target's own scale; all scores of a diverged model are NaN.

    RMSE is the root of the mean squared error, and MAE is the mean absolute error. R² is 1 minus
    the ratio of the mean squared error to the variance of the targets.

    Args:
        targets: the true numbers, shape (items,).
        values: the predicted numbers, shape (items,).
        losses: the squared error of each item, shape (items,); not used.
        outputs: how many numbers a model returns: one.
    """
    return Evaluation(
        {
            metric: float(np.mean(pseudo_values(metric, targets, values, losses, outputs)))
            for metric in METRICS
        }
    )


def pseudo_values(
    metric: str,
    targets: NDArray[Any],
    values: NDArray[Any],
    losses: NDArray[np.float32],  # unused: part of `Kind`
    outputs: int,
) -> NDArray[np.float64]:
    """Return the contribution of each item to `metric`, shape (items,); the mean is the metric."""
    errors = values.astype(np.float64) - targets
    if metric == "mae":
        return np.asarray(np.abs(errors))
    squares = errors**2
    mean = float(np.mean(squares))
    if metric == "rmse":
        root = float(np.sqrt(mean))
        return np.asarray(root + (squares - mean) / (2 * root) if root else squares)
    around = (targets - targets.mean()) ** 2
    variance = float(np.mean(around)) or 1.0
    influence = mean * (around - variance) / variance**2 - (squares - mean) / variance
    return np.asarray(1 - mean / variance + influence)


per_class_table = no_per_class_table
confusion_table = no_confusion_table


def are_wrong(targets: NDArray[Any], values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which errors are more than twice a model's RMSE, shape (models, items)."""
    squares = (np.asarray(values, np.float64) - targets) ** 2
    return np.asarray(squares > _LARGE**2 * squares.mean(axis=1, keepdims=True))


def mistake(
    target: Any,
    votes: NDArray[Any],
    names: Sequence[str],  # unused: part of `Kind`
    models: int,
) -> tuple[str, str, str]:
    """Return the true number and the median of the predicted ones."""
    return f"{target:.5g}", f"{votes[0]:.5g}", ""


def output_in_words(outputs: int) -> str:  # unused: `outputs`
    """Return in words what a model predicts."""
    return "a number"


def answers(names: Sequence[str] | None) -> list[tuple[str, str]]:
    """Return the columns of a published model's output, with their types for MLflow."""
    return [((names or ["number"])[0], "double")]


def votes(values: NDArray[Any], outputs: int) -> NDArray[np.float64]:  # unused: `outputs`
    """Return the median of the predictions for each item, shape (items, 1)."""
    found: NDArray[np.float64] = np.median(np.asarray(values, np.float64), axis=0)
    return found[:, np.newaxis]


def residuals(targets: NDArray[Any], values: NDArray[Any]) -> pd.DataFrame:
    """Return the true numbers of items, and their predictions as means over the seeds.

    At most `_MOST_DRAWN` items are returned, evenly spread over all.
    """
    chosen = np.linspace(0, len(targets) - 1, min(len(targets), _MOST_DRAWN)).astype(int)
    return pd.DataFrame(
        {
            "item": chosen,
            "actual": targets[chosen],
            "predicted": np.asarray(values, np.float64)[:, chosen].mean(axis=0),
        }
    )
