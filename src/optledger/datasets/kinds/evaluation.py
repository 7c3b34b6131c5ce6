"""The evaluation of predictions, and what several kinds of target have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Arrays = tuple[tuple[type[np.generic], int], tuple[type[np.generic], int]]
"""Type and number of dimensions, first of the true and then of the predicted values."""


@dataclass(frozen=True)
class Evaluation:
    """A model's metrics on items whose true values are known.

    Attributes:
        scores: the value of each metric, by its name.
        per_class: precision, recall and F1, shape (outputs,) each. A ratio of 0 to 0 is 0. All are
            NaN for a class that is neither among the targets nor among the predictions.
        confusion: counts of items, shape (classes, classes); a row for each true class and a
            column for each predicted one. Items without a predicted class are not counted.
    """

    scores: dict[str, float]
    per_class: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    confusion: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))


RATIOS = {"precision": (1, 0, 1), "recall": (1, 1, 0), "f1": (2, 1, 1)}
"""The factors hits, truth and predicted of each metric.

A class scores hits * true positives / (truth * its items + predicted * its predictions).
"""


def influences(
    metric: str,
    hits: NDArray[np.float64],
    truth: NDArray[np.float64],
    predicted: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the score of each column plus the influence of each item on it.

    A column is a class or a label. Micro averages have one column, with counts instead of 1.

    Args:
        metric: a key of `RATIOS`.
        hits: 1 where an item has the label and is predicted to have it, shape (items, columns).
        truth: 1 where an item has the label, of the same shape.
        predicted: 1 where an item is predicted to have the label, of the same shape.

    Returns:
        Shape (items, columns); the mean over the items is the score. A column is NaN if no item
        has the label or is predicted to have it.
    """
    times, of_truth, of_predicted = RATIOS[metric]
    parts = of_truth * truth + of_predicted * predicted
    whole = parts.sum(axis=0)
    score = times * hits.sum(axis=0) / np.maximum(whole, 1)
    found = score + len(hits) * (times * hits - score * parts) / np.maximum(whole, 1)
    occurs = truth.sum(axis=0) + predicted.sum(axis=0) > 0
    return np.asarray(np.where(occurs, found, np.nan))


PER_CLASS = ("precision", "recall", "f1")


def per_class_table(
    evaluations: Mapping[str, list[Evaluation]], names: Sequence[str]
) -> pd.DataFrame:
    """Return a row per variant and class, with means over the seeds in which the class occurs.

    A class that occurs in no seed has NaN.

    Args:
        evaluations: by variant, the evaluations of its seeds.
        names: the names of the classes or labels, in their order.
    """
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "variant": name,
                    "class": list(names),
                    **{
                        metric: _mean([result.per_class[metric] for result in results])
                        for metric in PER_CLASS
                    },
                }
            )
            for name, results in evaluations.items()
        ],
        ignore_index=True,
    )


def _mean(rows: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the mean of each column without its NaN; NaN where a column has nothing else."""
    values = np.array(rows)
    known = ~np.isnan(values)
    counts = known.sum(axis=0)
    sums = np.where(known, values, 0.0).sum(axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def no_per_class_table(
    evaluations: Mapping[str, list[Evaluation]],  # unused: part of `Kind`
    names: Sequence[str],
) -> pd.DataFrame:
    """Return the table per class without rows."""
    return pd.DataFrame(columns=["variant", "class", *PER_CLASS])


def no_confusion_table(
    evaluations: Mapping[str, list[Evaluation]],  # unused: part of `Kind`
    names: Sequence[str],
) -> pd.DataFrame:
    """Return the confusion table without rows."""
    return pd.DataFrame(columns=["variant", "actual", "predicted", "count"])


def no_residuals(
    targets: NDArray[np.generic],  # unused: part of `Kind`
    values: NDArray[np.generic],
) -> pd.DataFrame:
    """Return the table of residuals without rows."""
    return pd.DataFrame(columns=["item", "actual", "predicted"])


def one_stratum(targets: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return the same stratum for every item, for kinds whose splits are not stratified."""
    return np.zeros(len(targets), np.uint8)


def notes_on_missing(
    counts: Mapping[str, Sequence[int]], names: Sequence[str], word: str, so: Mapping[str, str]
) -> list[str]:
    """Return a sentence for each split in which some class or label does not occur.

    Args:
        counts: by split, how often each class or label occurs; a split without any is skipped.
        names: the names of the classes or labels.
        word: "class" or "label".
        so: by split, the consequence.
    """
    found = {
        split: [name for name, count in zip(names, own, strict=True) if count == 0]
        for split, own in counts.items()
        if any(own)
    }
    return [
        f"No {split} example is of {word} {' or '.join(lost)} (of {len(names)}): {so[split]}."
        for split, lost in found.items()
        if lost
    ]
