"""A number: what a house costs, or how a disease goes on."""

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
from optledger.core.places import refuse
from optledger.datasets.kinds.evaluation import (
    Arrays,
    Evaluation,
    no_confusion_table,
    no_per_class_table,
    one_stratum,
)

NAME = "number"
METRICS = ("rmse", "mae", "r2")
EXPLAINED = (
    "Rmse, the root of the mean squared error, and mae, the mean absolute error, are in the unit "
    "of the target, and less is better. R2 is the share of the variance of the target that is "
    "explained."
)
SCORE = "rmse"
LOSS = "MeanSquaredError"
LOSSES = ("MeanSquaredError", "MeanAbsoluteError", "Huber", "LogCosh")
TARGETS, VALUES = "numbers", "predicted"
ARRAYS: Arrays = (np.float64, 1), (np.float64, 2)
BY_CLASS = False

# Beyond it, squares are no numbers of 32 bits.
_MOST = 1e15

_DRAWN = 2000

# Times the RMSE.
_LARGE = 2.0


class Target(Section):
    """Which number it is.

    Attributes:
        kind: of the target.
        column: of a table, which has it.
        deviation: of all items, by which one can say which differences matter.
    """

    kind: Literal["number"] = "number"
    deviation: float = Field(gt=0)
    column: Printable | None = None

    @property
    def outputs(self) -> int:
        """One."""
        return 1

    @property
    def names(self) -> None:
        """None: there are no classes or labels to be named."""
        return

    @property
    def columns(self) -> tuple[str, ...]:
        """Of a table, those that tell it."""
        return () if self.column is None else (self.column,)


def found(where: object, values: NDArray[Any], columns: Sequence[str] = ()) -> Target:
    """Return the number that new data have.

    Raises:
        UserError: some value is none.
    """
    numbers = read(where, values, Target(deviation=1.0), "item {}".format)
    deviation = float(f"{numbers.std():.3g}")
    return Target(column=next(iter(columns), None), deviation=deviation)


def read(
    where: object,
    values: NDArray[Any],
    target: Target,  # as every kind has it
    place: Callable[[int], str],
) -> NDArray[np.float64]:
    """Return the number of each item, shape (items,).

    Raises:
        UserError: some value is none, or is not finite.
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
        raise refuse(where, "targets that are no numbers", cells, f"numbers up to {_MOST:g}")
    if len(found) and found.min() == found.max():
        raise UserError(f"{where}: found {found[0]:g} alone; allowed: targets that differ")
    return np.asarray(found)


def problem(values: NDArray[Any], outputs: int) -> str | None:  # as every kind
    """Return None, as any number may be true or predicted."""
    return None


strata = one_stratum


def told(target: Target, targets: NDArray[Any]) -> tuple[str, str]:
    """Return where the numbers are."""
    low, middle, high = np.percentile(targets, (0, 50, 100))
    return "number", f"{low:g} to {high:g}, median {middle:g}, deviation {targets.std():.3g}"


def summary(target: Target, splits: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Return the mean and the deviation of the train split, by which models are scaled."""
    numbers = splits["train"]
    deviation = _rounded(float(numbers.std())) or 1.0
    return {
        "number": {
            "name": target.column or "number",
            # As exact as the deviation, however far from 0.
            "mean": round(float(numbers.mean()), _decimals(deviation)),
            "deviation": deviation,
        }
    }


def _decimals(deviation: float) -> int:
    """Return with how many decimals a number is, that has six digits of a deviation."""
    return SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(deviation))


def _rounded(value: float) -> float:
    # As sums in the last bits depend on the processor.
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def counts(targets: NDArray[Any], outputs: int) -> list[int]:  # as every kind
    """Return nothing, as there is nothing to count."""
    return []


def notes(
    counts: Mapping[str, Sequence[int]],  # as every kind has it
    names: Sequence[str],
) -> list[str]:
    """Return nothing, as there is nothing to lack."""
    return []


def evaluate(
    targets: NDArray[Any], values: NDArray[Any], losses: NDArray[np.float32], outputs: int
) -> Evaluation:
    """Score predictions, on the target's own scale; NaN of a diverged model.

    RMSE is the root of the mean squared error, MAE the mean absolute one. R² is what squared errors
    lack of those of the mean of the targets, as a share.

    Args:
        targets: true numbers, shape (items,).
        values: predicted ones, shape (items,).
        losses: squared error of each item, shape (items,); not needed.
        outputs: one.
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
    losses: NDArray[np.float32],  # as every kind has it
    outputs: int,
) -> NDArray[np.float64]:
    """Return what each item contributes to `metric`, shape (items,); the mean is the metric."""
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


def wrong(targets: NDArray[Any], values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which errors are more than twice as large as a model's RMSE, (models, items)."""
    squares = (np.asarray(values, np.float64) - targets) ** 2
    return np.asarray(squares > _LARGE**2 * squares.mean(axis=1, keepdims=True))


def mistake(
    target: Any,
    votes: NDArray[Any],
    names: Sequence[str],  # as every kind has it
    models: int,
) -> tuple[str, str, str]:
    """Return the true number, and the median of those that models predict."""
    return f"{target:.5g}", f"{votes[0]:.5g}", ""


def promise(outputs: int) -> str:  # as every kind has it
    """Return what a model tells, in words."""
    return "a number"


def answers(names: Sequence[str] | None) -> list[tuple[str, str]]:
    """Return the columns of what a published model says, and their types for MLflow."""
    return [((names or ["number"])[0], "double")]


def votes(values: NDArray[Any], outputs: int) -> NDArray[np.float64]:  # as every kind
    """Return the median of what models predict of each item, (items, 1)."""
    found: NDArray[np.float64] = np.median(np.asarray(values, np.float64), axis=0)
    return found[:, np.newaxis]


def residuals(targets: NDArray[Any], values: NDArray[Any]) -> pd.DataFrame:
    """Return items with their true number, and the mean over the seeds of what is predicted."""
    chosen = np.linspace(0, len(targets) - 1, min(len(targets), _DRAWN)).astype(int)
    return pd.DataFrame(
        {
            "item": chosen,
            "actual": targets[chosen],
            "predicted": np.asarray(values, np.float64)[:, chosen].mean(axis=0),
        }
    )
