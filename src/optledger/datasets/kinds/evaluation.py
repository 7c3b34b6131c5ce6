"""What a model's predictions come to, and what is the same for several kinds of target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Arrays = tuple[tuple[type[np.generic], int], tuple[type[np.generic], int]]
"""The type and the dimensions of the arrays of true and of predicted values."""


@dataclass(frozen=True)
class Evaluation:
    """A model's metrics on items whose true values are known.

    Attributes:
        scores: by the name of the metric.
        per_class: precision, recall and F1, shape (outputs,) each. A ratio without cases is 0; NaN
            where a class occurs neither among the targets nor among the predictions.
        confusion: counts, shape (classes, classes); rows are true classes. Items without a
            predicted class are in no column.
    """

    scores: dict[str, float]
    per_class: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    confusion: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 0), np.int64))


RATIOS = {"precision": (1, 0, 1), "recall": (1, 1, 0), "f1": (2, 1, 1)}
"""By metric: a class scores hits * true positives / (truth * its items + predicted * its
predictions)."""


def influences(
    metric: str,
    hits: NDArray[np.float64],
    truth: NDArray[np.float64],
    predicted: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the score of each column plus the influence of each item on it.

    Args:
        metric: of `RATIOS`.
        hits: 1 where an item is of the column and predicted to be, shape (items, columns).
        truth: 1 where it is of the column.
        predicted: 1 where it is predicted to be.

    Returns:
        Shape (items, columns); the mean over the items is the score. NaN of a column that no item
        has or is predicted to have.
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
    """Return a row per variant and class: means over the seeds that have it, if any has.

    Args:
        evaluations: of each variant's seeds.
        names: of the classes, or of the labels, in their order.
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
    """Return the mean of what is a number in each column; NaN where nothing is."""
    values = np.array(rows)
    known = ~np.isnan(values)
    counts = known.sum(axis=0)
    sums = np.where(known, values, 0.0).sum(axis=0)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def no_per_class_table(
    evaluations: Mapping[str, list[Evaluation]],  # as every kind has it
    names: Sequence[str],
) -> pd.DataFrame:
    """Return the table without a row."""
    return pd.DataFrame(columns=["variant", "class", *PER_CLASS])


def no_confusion_table(
    evaluations: Mapping[str, list[Evaluation]],  # as every kind has it
    names: Sequence[str],
) -> pd.DataFrame:
    """Return the table without a row."""
    return pd.DataFrame(columns=["variant", "actual", "predicted", "count"])


def no_residuals(
    targets: NDArray[np.generic],  # as every kind has it
    values: NDArray[np.generic],
) -> pd.DataFrame:
    """Return the table without a row."""
    return pd.DataFrame(columns=["item", "actual", "predicted"])


def one_stratum(targets: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Return the same of each item, where a split keeps the shares of nothing."""
    return np.zeros(len(targets), np.uint8)


def lacking(
    counts: Mapping[str, Sequence[int]], names: Sequence[str], word: str, so: Mapping[str, str]
) -> list[str]:
    """Return a sentence for each split in which some class, or label, does not occur.

    Args:
        counts: by the name of the split, how often each occurs; a split without any has no say.
        names: of the classes, or the labels.
        word: class, or label.
        so: by split, what follows.
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
