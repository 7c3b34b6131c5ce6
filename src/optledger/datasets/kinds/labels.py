"""Labels: an item can have several at once, as a picture can show sea and sky."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator

from optledger.core.documents import Printable, Section, shown
from optledger.core.errors import UserError
from optledger.core.places import error_at_places
from optledger.datasets.kinds.evaluation import (
    PER_CLASS,
    Arrays,
    Evaluation,
    influences,
    no_confusion_table,
    no_residuals,
    notes_on_missing,
    one_stratum,
    per_class_table,
)

__all__ = ["per_class_table"]

NAME = "labels"
METRICS = ("subset_accuracy", "micro_f1", "macro_f1", "loss")
METRICS_IN_WORDS = (
    "Subset accuracy is the share of items all of whose labels are right. Micro f1 is of the "
    "labels of all items together, macro f1 the mean over the labels; loss is binary "
    "cross-entropy in nats."
)
SCORE = "subset_accuracy"
LOSS = "BinaryCrossentropy"
LOSSES = ("BinaryCrossentropy", "BinaryFocalCrossentropy")
TARGETS, VALUES = "labels", "predicted"
ARRAY_TYPES: Arrays = (np.uint8, 2), (np.uint8, 3)
BY_CLASS = False

MOST_LABELS = 10_000

NO_LABELS = 255
"""The value of each label where a model's output is not finite."""

_CONSEQUENCES = {
    "train": "no variant can learn to predict it",
    "validation": "nothing is chosen by it",
    "test": "macro_f1 is an average over the labels that a test example has or a model predicts",
}

_NAMED = 12


def _check_labels(names: object) -> object:
    if (
        isinstance(names, list | tuple)
        and all(isinstance(name, str) and name and name.isprintable() for name in names)
        and 2 <= len(set(names)) == len(names) <= MOST_LABELS
    ):
        return tuple(names)
    raise ValueError(f"the names of 2 to {MOST_LABELS} labels, which differ")


class Target(Section):
    """The labels of a dataset.

    Attributes:
        kind: the kind of target.
        labels: the names of the labels, in their order. In a table, these are the columns that
            hold 1 or true where an item has the label, and otherwise 0 or false.
    """

    kind: Literal["labels"] = "labels"
    labels: Annotated[tuple[str, ...], BeforeValidator(_check_labels)]

    @property
    def outputs(self) -> int:
        """The number of labels."""
        return len(self.labels)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the labels."""
        return self.labels

    @property
    def columns(self) -> tuple[Printable, ...]:
        """The columns of a table that hold the labels."""
        return self.labels


def inferred(
    where: object,
    values: NDArray[Any],
    columns: Sequence[str] = (),
    place: Callable[[int], str] = "item {}".format,  # unused: part of `Kind`
) -> Target:
    """Return the labels of new data: the names of their columns, or numbers without names.

    Raises:
        UserError: there are fewer than two columns, or too many.
    """
    if values.ndim != 2 or not 2 <= values.shape[1] <= MOST_LABELS:
        allowed = f"2 to {MOST_LABELS} columns of 0 and 1, a label each"
        raise UserError(f"{where}: found targets of shape {values.shape}; allowed: {allowed}")
    return Target(labels=tuple(columns or map(str, range(values.shape[1]))))


def read(
    where: object, values: NDArray[Any], target: Target, place: Callable[[int], str]
) -> NDArray[np.uint8]:
    """Return 1 or 0 for each item and label, shape (items, labels).

    Raises:
        UserError: a value is neither, or the number of columns is not that of the labels.
    """
    if values.ndim != 2 or values.shape[1] != target.outputs:
        allowed = f"(items, {target.outputs}), as there are labels"
        raise UserError(f"{where}: found targets of shape {values.shape}; allowed: {allowed}")
    if values.dtype.kind == "O":
        # The values are from a table whose columns have different types.
        known = {"0": 0, "1": 1, "false": 0, "true": 1, "0.0": 0, "1.0": 1}
        found = np.array(
            [[known.get(str(cell).lower(), NO_LABELS) for cell in row] for row in values], np.uint8
        )
    elif values.dtype.kind in "buif":
        found = np.where(values == 1, 1, np.where(values == 0, 0, NO_LABELS)).astype(np.uint8)
    else:
        raise UserError(f"{where}: found targets of type {values.dtype}; allowed: 0 and 1")
    wrong = np.argwhere(found == NO_LABELS)
    if len(wrong):
        cells = [
            f"{shown(np.asarray(values[item, label]).item())} at {place(int(item))}"
            for item, label in wrong
        ]
        raise error_at_places(
            where, "labels that are not 0 or 1", cells, "write 0 and 1, or false and true"
        )
    return found


def problem(values: NDArray[Any], outputs: int) -> str | None:
    """Return what is wrong with true or predicted labels, or None."""
    if values.shape[-1] != outputs:
        return f"found {values.shape[-1]} labels; allowed: {outputs}"
    if not np.isin(values, (0, 1, NO_LABELS)).all():
        return f"found the label {values.max()}; allowed: 0 and 1"
    return None


strata = one_stratum


def described(target: Target, targets: NDArray[Any]) -> tuple[str, str]:
    """Return the word "labels", and how many items have each of the first labels."""
    found = counts(targets, target.outputs)
    each = [f"{name} {count:,}" for name, count in zip(target.labels, found, strict=True)]
    more = f" and {len(each) - _NAMED:,} more" if len(each) > _NAMED else ""
    return "labels", f"{len(each):,}: {', '.join(each[:_NAMED])}{more}"


def summary(target: Target, splits: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Return the names of the labels, and the examples with each label by split."""
    return {
        "labels": list(target.labels),
        "examples_per_label": {name: counts(each, target.outputs) for name, each in splits.items()},
    }


def counts(targets: NDArray[Any], outputs: int) -> list[int]:  # unused: `outputs`
    """Return how many items have each label."""
    found: list[int] = targets.sum(axis=0, dtype=np.int64).tolist()
    return found


def notes(counts: Mapping[str, Sequence[int]], names: Sequence[str]) -> list[str]:
    """Return a sentence for each split that has no example with some label."""
    return notes_on_missing(counts, names, "label", _CONSEQUENCES)


def evaluate(
    targets: NDArray[Any],
    values: NDArray[Any],
    losses: NDArray[np.float32],
    outputs: int,
) -> Evaluation:
    """Score predictions.

    Subset accuracy is the share of items with all labels right. Micro F1 is the F1 of all labels of
    all items taken together. Macro F1 is the unweighted mean over the labels that occur among the
    targets or the predictions. Loss is the mean binary cross-entropy of a label, in nats.

    Args:
        targets: the true labels, 1 or 0, shape (items, labels).
        values: the predicted labels, of the same shape; `NO_LABELS` where nothing is predicted.
        losses: the mean binary cross-entropy of each item's labels in nats, shape (items,).
        outputs: how many labels there are.
    """
    counted = _counted(targets, values)
    per_class = {name: influences(name, *counted).mean(axis=0) for name in PER_CLASS}
    scores = {
        metric: float(np.mean(pseudo_values(metric, targets, values, losses, outputs)))
        for metric in METRICS
    }
    return Evaluation(scores, per_class)


def pseudo_values(
    metric: str,
    targets: NDArray[Any],
    values: NDArray[Any],
    losses: NDArray[np.float32],
    outputs: int,  # unused: part of `Kind`
) -> NDArray[np.float64]:
    """Return the contribution of each item to `metric`, shape (items,); the mean is the metric."""
    if metric == "loss":
        return losses.astype(np.float64)
    if metric == "subset_accuracy":
        return np.asarray((targets == values).all(axis=1), np.float64)
    counted = _counted(targets, values)
    if metric == "micro_f1":
        hits, truth, predicted = (each.sum(axis=1, keepdims=True) for each in counted)
        found = influences("f1", hits, truth, predicted)[:, 0]
        return np.where(np.isnan(found), 0.0, found)
    by_label = influences("f1", *counted)
    occurs = ~np.isnan(by_label).any(axis=0)
    return np.asarray(by_label[:, occurs].mean(axis=1) if occurs.any() else np.zeros(len(targets)))


def _counted(
    targets: NDArray[Any], values: NDArray[Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return the hits, the true labels and the predicted labels, shape (items, labels) each.

    Each array is 1 where its condition holds, and otherwise 0. A hit is a true label that is
    predicted.
    """
    truth, predicted = targets == 1, values == 1
    return (
        (truth & predicted).astype(np.float64),
        truth.astype(np.float64),
        predicted.astype(np.float64),
    )


confusion_table = no_confusion_table


def are_wrong(targets: NDArray[Any], values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which items have a wrong prediction for any label, shape (models, items)."""
    return np.asarray((values != targets).any(axis=-1))


def mistake(
    target: Any, votes: NDArray[Any], names: Sequence[str], models: int
) -> tuple[str, str, str]:
    """Return the labels of an item, and those that more than half of the models predict."""
    true, predicted = (
        ", ".join(name for name, is_one in zip(names, each, strict=True) if is_one) or "none"
        for each in (target == 1, 2 * votes > models)
    )
    return true, predicted, ""


def output_in_words(outputs: int) -> str:
    """Return in words what a model predicts."""
    return f"which of {outputs} labels it has"


def answers(names: Sequence[str] | None) -> list[tuple[str, str]]:
    """Return the columns of a published model's output, with their types for MLflow."""
    return [("labels", "strings"), ("probabilities", "doubles")]


def votes(values: NDArray[Any], outputs: int) -> NDArray[np.intp]:  # unused: `outputs`
    """Return how many models predict each label for each item, shape (items, labels)."""
    return np.asarray(np.sum(values == 1, axis=0))


residuals = no_residuals
