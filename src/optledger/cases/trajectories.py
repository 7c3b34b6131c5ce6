"""How close the methods of a case are to the optimum, epoch by epoch and at the end."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    mean_absolute_error,
    mean_squared_error,
    precision_recall_fscore_support,
    r2_score,
)

from optledger.cases.bundled import Data
from optledger.cases.methods import Visit
from optledger.cases.problem import Problem
from optledger.cases.rules import Array
from optledger.core.formats import rounded
from optledger.core.params import Case

FLOOR = 1e-10
"""The relative suboptimality at which a method has arrived, and the smallest that is written.

It is larger than the 1e-16 of float64, because a suboptimality is the difference of two losses. The
last bits of a loss depend on the processor.
"""

MILESTONES = (1e-3, 1e-6)

_DISTANCE_FLOOR = 1e-7

_DIGITS = 3
"""Significant digits of suboptimalities and distances; at the floor, processors agree on them."""

_POINTS_A_DECADE = 20


@dataclass(frozen=True)
class Trajectory:
    """The course of one method.

    Attributes:
        epochs: the epochs of the visits that were evaluated, shape (visits,); the first is 0.
        suboptimality: (f(w) - f*) / (f(start) - f*) at each visit, shape (visits,). Values below
            `FLOOR` are raised to it.
        weights: the last weights with a finite loss, shape (d + 1,).
        diverged_epoch: the epoch in which the loss was no longer finite, or None.
    """

    epochs: NDArray[np.int64]
    suboptimality: Array
    weights: Array
    diverged_epoch: int | None


def follow(problem: Problem, optimum: Array, visits: Iterable[Visit], epochs: int) -> Trajectory:
    """Follow a method until it arrives, diverges, ends by itself or has used its epochs.

    Args:
        problem: what the method minimizes.
        optimum: w*, the weights of the smallest loss.
        visits: the visits of the method, from the start; they may never end.
        epochs: how many epochs to follow at most.
    """
    least = problem.loss(optimum)
    excess = problem.loss(problem.start) - least
    seen: list[tuple[int, float]] = []
    weights, diverged_epoch = problem.start, None
    # Divergence is a result here, so NumPy's warnings about it are ignored.
    with np.errstate(over="ignore", invalid="ignore"):
        for visit in visits:
            if visit.epoch > epochs:
                break
            suboptimality = (problem.loss(visit.weights) - least) / excess
            if not np.isfinite(suboptimality):
                diverged_epoch = visit.epoch
                break
            seen.append((visit.epoch, max(suboptimality, FLOOR)))
            weights = visit.weights
            if suboptimality <= FLOOR:
                break
    looked_at, suboptimalities = zip(*seen, strict=True)
    return Trajectory(np.array(looked_at), np.array(suboptimalities), weights, diverged_epoch)


def trajectory_table(trajectories: Mapping[str, Trajectory]) -> pd.DataFrame:
    """Return method, epoch and suboptimality of visits, thinned out for a logarithmic axis.

    Later visits are sparser. The first and the last visit of each method are always included.
    """
    tables = []
    for name, trajectory in trajectories.items():
        last = len(trajectory.epochs) - 1
        decades = np.log10(max(last, 1))
        steps = np.logspace(0, decades, int(np.ceil(decades * _POINTS_A_DECADE)) + 1)
        shown = np.unique([0, *np.minimum(steps.round().astype(np.int64), last)])
        tables.append(
            pd.DataFrame(
                {
                    "method": name,
                    "epoch": trajectory.epochs[shown],
                    "suboptimality": [_rounded(value) for value in trajectory.suboptimality[shown]],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def method_table(
    case: Case,
    data: Data,
    problem: Problem,
    optimum: Array,
    trajectories: Mapping[str, Trajectory],
) -> pd.DataFrame:
    """Return a row per method: its settings, its speed, and where it ended.

    Returns:
        The columns are:

        - learning rate and batch size, where the method has them;
        - the epochs that it took;
        - the epochs to each of `MILESTONES`, missing where it was not reached;
        - the suboptimality at the end;
        - the distance from the optimum at the end, relative to the optimum's length;
        - the loss at the end;
        - the epoch in which it diverged;
        - the metrics on the test examples.

        A method that diverged has no distance, loss or metrics.
    """
    rows = []
    for name, trajectory in trajectories.items():
        method = case.methods.get(name)
        row: dict[str, object] = {
            "method": name,
            "learning_rate": method and method.learning_rate,
            "batch_size": method and method.batch_size,
            "epochs": trajectory.epochs[-1],
            **{f"epochs_to_{level:.0e}": _first(trajectory, level) for level in MILESTONES},
            "suboptimality": _rounded(float(trajectory.suboptimality[-1])),
            "distance": None,
            "loss": None,
            "diverged_epoch": trajectory.diverged_epoch,
        }
        if trajectory.diverged_epoch is None:
            # Shortly before a divergence, a square can overflow while the loss is still finite.
            with np.errstate(over="ignore"):
                distance = np.linalg.norm(trajectory.weights - optimum) / np.linalg.norm(optimum)
                scores = SCORES[case.model](data, trajectory.weights)
            if math.isfinite(distance):
                row["distance"] = _rounded(max(float(distance), _DISTANCE_FLOOR))
            row["loss"] = problem.loss(trajectory.weights)
            row |= {metric: rounded(score) for metric, score in scores.items()}
        rows.append(row)
    counts = ["epochs", *(f"epochs_to_{level:.0e}" for level in MILESTONES), "diverged_epoch"]
    return pd.DataFrame(rows).astype(dict.fromkeys(counts, "Int64"))


def regression_scores(data: Data, weights: Array) -> dict[str, float]:
    """Return the errors on the test examples, and R².

    The mean absolute error is in the target's own unit, and the mean squared error in its square.
    """
    predicted = data.test_features @ weights * data.target_deviation
    return {
        "mean_squared_error": float(mean_squared_error(data.test_targets, predicted)),
        "mean_absolute_error": float(mean_absolute_error(data.test_targets, predicted)),
        "r2": float(r2_score(data.test_targets, predicted)),
    }


def classification_scores(data: Data, weights: Array) -> dict[str, float]:
    """Return metrics on the test examples; precision, recall and F1 are those of class 1."""
    # The probability is above 1/2 where the argument of the sigmoid is above 0.
    predicted = (data.test_features @ weights > 0).astype(np.float64)
    precision, recall, f1, _ = precision_recall_fscore_support(
        data.test_targets, predicted, average="binary", zero_division=0
    )
    return {
        "accuracy": float(accuracy_score(data.test_targets, predicted)),
        "precision": float(precision),
        "recall": float(recall),
        "f1": float(f1),
    }


SCORES: dict[str, Callable[[Data, Array], dict[str, float]]] = {
    "linear_regression": regression_scores,
    "logistic_regression": classification_scores,
}


def _first(trajectory: Trajectory, level: float) -> int | None:
    """Return the first epoch with a suboptimality of at most `level`, or None."""
    reached = trajectory.epochs[trajectory.suboptimality <= level]
    return int(reached[0]) if len(reached) else None


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
