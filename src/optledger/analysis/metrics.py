"""Classification metrics of trained models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support


@dataclass(frozen=True)
class Evaluation:
    """A model's metrics on labelled images.

    Attributes:
        scores: accuracy; macro precision, recall and F1; loss, the mean cross-entropy in nats,
            which is NaN for a diverged model. The others are in [0, 1].
        per_class: precision, recall and F1, shape (classes,) each. A ratio without cases is 0; NaN
            where a class occurs neither among the labels nor among the predictions.
        confusion: counts, shape (classes, classes); rows are true labels. Images without a
            predicted class are in no column.
    """

    scores: dict[str, float]
    per_class: dict[str, NDArray[np.float64]]
    confusion: NDArray[np.int64]


def evaluate(
    labels: NDArray[Any],
    predicted: NDArray[Any],
    losses: NDArray[np.float32],
    classes: int,
) -> Evaluation:
    """Score predictions.

    A macro average is the unweighted mean over the classes that occur among the labels or among
    the predictions, as scikit-learn has it (`precision_recall_fscore_support` with its default
    `labels=None`, `average="macro"` and `zero_division=0`).

    Args:
        labels: true labels, shape (images,).
        predicted: predicted labels, shape (images,); one that is not below `classes` is none.
        losses: cross-entropy of each image in nats, shape (images,).
        classes: labels are below it.
    """
    every = np.arange(classes)
    precision, recall, f1, _ = precision_recall_fscore_support(
        labels, predicted, labels=every, zero_division=0
    )
    occurs = np.isin(every, labels) | np.isin(every, predicted)
    per_class = {
        name: np.where(occurs, values, np.nan)
        for name, values in (("precision", precision), ("recall", recall), ("f1", f1))
    }
    scores = {
        "accuracy": float(np.mean(labels == predicted)),
        **{name: float(np.mean(values[occurs])) for name, values in per_class.items()},
        "loss": float(np.mean(losses, dtype=np.float64)),
    }
    return Evaluation(scores, per_class, confusion_matrix(labels, predicted, labels=every))


def per_class_table(
    evaluations: Mapping[str, list[Evaluation]], names: Sequence[str]
) -> pd.DataFrame:
    """Return a row per variant and class: means over the seeds that have it, if any has.

    Args:
        evaluations: of each variant's seeds.
        names: of the classes, in their order.
    """
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "variant": name,
                    "class": list(names),
                    **{
                        metric: _mean([result.per_class[metric] for result in results])
                        for metric in ("precision", "recall", "f1")
                    },
                }
            )
            for name, results in evaluations.items()
        ],
        ignore_index=True,
    )


def _mean(rows: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the mean of what is a number in each column; NaN where nothing is."""
    values = np.array(rows)
    known = ~np.isnan(values)
    counts = known.sum(axis=0)
    sums = np.where(known, values, 0.0).sum(axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


MOST_CELLS = 10_000
"""A confusion matrix that has more of them, of more than a hundred classes, is told without the
pairs of classes that no model takes for each other."""


def confusion_table(
    evaluations: Mapping[str, list[Evaluation]], names: Sequence[str]
) -> pd.DataFrame:
    """Return a row per variant, true class and predicted class: the count over all seeds.

    Args:
        evaluations: of each variant's seeds.
        names: of the classes, in their order.
    """
    tables = []
    of = np.array(names, dtype=object)
    for name, results in evaluations.items():
        counts = np.sum([result.confusion for result in results], axis=0)
        is_told = counts > 0 if counts.size > MOST_CELLS else np.full(counts.shape, True)
        actual, predicted = np.nonzero(is_told)
        tables.append(
            pd.DataFrame(
                {
                    "variant": name,
                    "actual": of[actual],
                    "predicted": of[predicted],
                    "count": counts[is_told],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
