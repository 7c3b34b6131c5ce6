"""Classes: each item belongs to exactly one of several, as a digit does."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BeforeValidator

from optledger.core.documents import Printable, Section, shown
from optledger.core.errors import UserError
from optledger.core.places import error_at_places
from optledger.datasets.interface import label_type, no_class
from optledger.datasets.kinds.evaluation import (
    RATIOS,
    Arrays,
    Evaluation,
    no_residuals,
    notes_on_missing,
    per_class_table,
)

__all__ = ["per_class_table"]

NAME = "classes"
METRICS = ("accuracy", "precision", "recall", "f1", "loss")
METRICS_IN_WORDS = "Precision, recall and f1 are macro averages; loss is cross-entropy in nats."
SCORE = "accuracy"
LOSS = "CategoricalCrossentropy"
LOSSES: tuple[str, ...] = ()
TARGETS, VALUES = "labels", "classes"
ARRAY_TYPES: Arrays = (np.unsignedinteger, 1), (np.unsignedinteger, 2)
BY_CLASS = True

MOST_CLASSES = 2**16 - 1
"""The most classes that there can be, as the highest number of 16 bits stands for no class."""

# By split, the consequence if it has no example of some class.
_CONSEQUENCES = {
    "train": "no variant can learn to predict it",
    "validation": "nothing is chosen by it",
    "test": (
        "precision, recall and f1 are averages over the classes that a test example has or a model "
        "predicts"
    ),
}

_NAMED = 12


def _check_classes(classes: object) -> object:
    """Check a number or names; the check of a union would report a mistake twice."""
    if isinstance(classes, int) and not isinstance(classes, bool):
        sound = 2 <= classes <= MOST_CLASSES
    else:
        sound = (
            isinstance(classes, list | tuple)
            and all(isinstance(name, str) and name and name.isprintable() for name in classes)
            and 2 <= len(set(classes)) == len(classes) <= MOST_CLASSES
        )
    if sound:
        return tuple(classes) if isinstance(classes, list) else classes
    raise ValueError(f"a number from 2 to {MOST_CLASSES}, or as many names that differ")


class Target(Section):
    """The classes of a dataset.

    Attributes:
        kind: the kind of target.
        classes: how many classes there are, if their names are 0, 1, 2 and so on; otherwise their
            names, in their order.
        column: the column of a table that holds the class.
    """

    kind: Literal["classes"] = "classes"
    classes: Annotated[int | tuple[str, ...], BeforeValidator(_check_classes)]
    column: Printable | None = None

    @property
    def outputs(self) -> int:
        """The number of classes."""
        return self.classes if isinstance(self.classes, int) else len(self.classes)

    @property
    def names(self) -> tuple[str, ...] | None:
        """The names of the classes; None if these are their numbers."""
        return None if isinstance(self.classes, int) else self.classes

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a table that hold the target."""
        return () if self.column is None else (self.column,)


Classes = int | tuple[str, ...]


def inferred(
    where: object,
    values: NDArray[Any],
    columns: Sequence[str] = (),
    place: Callable[[int], str] = "item {}".format,  # unused: part of `Kind`
) -> Target:
    """Return the classes of new data.

    Raises:
        UserError: there are fewer than two classes, too many, or the values are not classes.
    """
    return Target(classes=classes_of(where, values), column=next(iter(columns), None))


def classes_of(where: object, values: NDArray[Any]) -> Classes:
    """Return how many classes there are, if they are 0, 1, 2 …, and otherwise their names.

    Values of a numeric type are sorted as numbers, and others as texts.

    Raises:
        UserError: there are fewer than two classes, too many, or the values are not classes.
    """
    different = np.unique(as_classes(where, values))
    if not 2 <= len(different) <= MOST_CLASSES:
        allowed = f"2 to {MOST_CLASSES:,}, of which --target says where they are"
        raise UserError(f"{where}: found {len(different):,} different classes; allowed: {allowed}")
    if different.dtype.kind == "i":
        if np.array_equal(different, np.arange(len(different))):
            return len(different)
        return tuple(map(str, different.tolist()))
    return tuple(different.tolist())


def as_classes(where: object, values: NDArray[Any]) -> NDArray[Any]:
    """Return values as integers or texts, one for each item.

    Raises:
        UserError: the values are neither, as fractions are, or there are several for an item.
    """
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        found = f"targets of shape {values.shape}"
        raise UserError(f"{where}: {found}; allowed: one class an item, (items,)")
    if values.dtype.kind in "iu":
        return values.astype(np.int64)
    if values.dtype.kind == "f":
        if np.isfinite(values).all() and (values == np.floor(values)).all():
            return values.astype(np.int64)
        first = values[~np.isfinite(values) | (values != np.floor(values))][0]
        raise UserError(f"{where}: found the class {first:g}; allowed: whole numbers, or names")
    if values.dtype.kind in "bOU":
        names = np.array([str(value).strip() for value in values], dtype=object)
        wrong = next((name for name in names if not name or not name.isprintable()), None)
        if wrong is not None:
            raise UserError(f"{where}: found the class {shown(wrong)}; allowed: a name")
        return names.astype(str)
    raise UserError(f"{where}: found targets of type {values.dtype}; allowed: numbers or names")


def read(
    where: object, values: NDArray[Any], target: Target, place: Callable[[int], str]
) -> NDArray[np.unsignedinteger[Any]]:
    """Return the number of each item's class.

    Args:
        where: the file, for messages.
        values: the numbers or names of the classes, shape (items,).
        target: the classes of the dataset.
        place: a function that returns where an item is, for messages.

    Raises:
        UserError: a value is not one of the classes.
    """
    found = as_classes(where, values)
    if target.names is None:
        numbers = found if found.dtype.kind == "i" else np.full(len(found), -1)
        known = f"0 to {target.outputs - 1}"
    else:
        texts = found.astype(str)
        names = np.array(target.names)
        order = np.argsort(names)
        places = np.searchsorted(names[order], texts).clip(max=len(names) - 1)
        numbers = order[places]
        numbers = np.where(names[numbers] == texts, numbers, -1)
        known = "those of the dataset's entry"
    wrong = np.flatnonzero((numbers < 0) | (numbers >= target.outputs))
    if len(wrong):
        places_of = [f"{shown(found[index].item())} at {place(int(index))}" for index in wrong]
        raise error_at_places(where, "classes that are unknown", places_of, f"known are {known}")
    return numbers.astype(label_type(target.outputs))


def problem(values: NDArray[Any], outputs: int) -> str | None:
    """Return what is wrong with true or predicted classes, or None."""
    highest = int(values[values != no_class(outputs)].max(initial=0))
    return f"found the class {highest}; allowed: 0 to {outputs - 1}" if highest >= outputs else None


def strata(targets: NDArray[Any]) -> NDArray[np.unsignedinteger[Any]]:
    """Return the classes themselves, as a split keeps the share of each."""
    return targets


def described(target: Target, targets: NDArray[Any]) -> tuple[str, str]:
    """Return the word "classes", and how many items each of the first classes has."""
    found = counts(targets, target.outputs)
    names = target.names or range(len(found))
    each = [f"{name} {count:,}" for name, count in zip(names, found, strict=True)]
    more = f" and {len(each) - _NAMED:,} more" if len(each) > _NAMED else ""
    return "classes", f"{len(each):,}: {', '.join(each[:_NAMED])}{more}"


def summary(target: Target, splits: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Return the number of classes, their names, and the examples of each class by split."""
    return {
        "classes": target.outputs,
        "class_names": None if target.names is None else list(target.names),
        "examples_per_class": {name: counts(each, target.outputs) for name, each in splits.items()},
    }


def counts(targets: NDArray[Any], outputs: int) -> list[int]:
    """Return how many items there are of each class."""
    found: list[int] = np.bincount(targets, minlength=outputs).tolist()
    return found


def notes(counts: Mapping[str, Sequence[int]], names: Sequence[str]) -> list[str]:
    """Return a sentence for each split that has no example of some class."""
    return notes_on_missing(counts, names, "class", _CONSEQUENCES)


def evaluate(
    labels: NDArray[Any],
    predicted: NDArray[Any],
    losses: NDArray[np.float32],
    classes: int,
) -> Evaluation:
    """Score predictions.

    A macro average is the unweighted mean over the classes that occur among the labels or among
    the predictions. It equals that of scikit-learn's `precision_recall_fscore_support` with its
    default `labels=None`, `average="macro"` and `zero_division=0`.

    Args:
        labels: the true classes, shape (items,).
        predicted: the predicted classes, shape (items,); a number of `classes` or more is no class.
        losses: the cross-entropy of each item in nats, shape (items,).
        classes: how many classes there are.
    """
    # Imported here, because it takes a second and downloading does not need it.
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

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


def pseudo_values(
    metric: str,
    labels: NDArray[Any],
    predicted: NDArray[Any],
    losses: NDArray[np.float32],
    classes: int,
) -> NDArray[np.float64]:
    """Return the contribution of each item to `metric`, shape (items,); the mean is the metric.

    A class that neither occurs nor is predicted is left out of the average. No item has an
    influence on it.

    Args:
        metric: accuracy, precision, recall, f1 or loss, as in `evaluate`.
        labels: the true classes, shape (items,).
        predicted: the predicted classes, shape (items,); a number of `classes` or more is no class.
        losses: the cross-entropy of each item in nats, shape (items,); NaN where there is none.
        classes: how many classes there are.
    """
    if metric == "loss":
        return losses.astype(np.float64)
    right = labels == predicted
    if metric == "accuracy":
        return np.asarray(right, np.float64)
    hits, truth, prediction = RATIOS[metric]
    true_positives = np.bincount(labels[right], minlength=classes)
    images = np.bincount(labels, minlength=classes)
    predictions = np.bincount(predicted[predicted < classes], minlength=classes)
    denominator = truth * images + prediction * predictions
    # Where the denominator is 0, so are the true positives, and so is all that follows.
    whole = 1 / np.maximum(denominator, 1)
    scores = hits * true_positives * whole
    # What one more item adds to a class's score. `gained`: it is of the class and predicted so.
    # `missed`: it is of the class and taken for another. `mistaken`: it is of another class and
    # taken for this one.
    missed = -truth * scores * whole
    mistaken = -prediction * scores * whole
    gained = np.where(denominator > 0, hits * whole + missed + mistaken, 0.0)
    # A prediction of no class counts for an extra class, which contributes nothing.
    mistaken = np.append(mistaken, 0.0)[np.minimum(predicted, classes)]
    influence = np.where(right, gained[labels], missed[labels] + mistaken)
    occurs = images + predictions > 0
    return np.asarray(np.mean(scores[occurs]) + len(labels) / np.sum(occurs) * influence)


MOST_CELLS = 10_000
"""The most cells of a confusion matrix that is written in full: those of a hundred classes.

A larger matrix is written without its zeros.
"""


def confusion_table(
    evaluations: Mapping[str, list[Evaluation]], names: Sequence[str]
) -> pd.DataFrame:
    """Return a row per variant, true class and predicted class, with the count over all seeds.

    Args:
        evaluations: by variant, the evaluations of its seeds.
        names: the names of the classes, in their order.
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


def are_wrong(targets: NDArray[Any], values: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which predicted classes are wrong, shape (models, items)."""
    return np.asarray(values != targets)


def mistake(
    target: Any, votes: NDArray[Any], names: Sequence[str], models: int
) -> tuple[str, str, str]:
    """Return the true class, the most frequent wrong class, and how many models are wrong."""
    others = np.where(np.arange(len(votes)) == target, 0, votes)
    wrong = f"{models - int(votes[target])} of {models} wrong"
    return names[int(target)], names[int(others.argmax())], wrong


def output_in_words(outputs: int) -> str:
    """Return in words what a model predicts."""
    return f"which of {outputs} classes it is"


def answers(names: Sequence[str] | None) -> list[tuple[str, str]]:
    """Return the columns of a published model's output, with their types for MLflow."""
    return [("class", "string" if names else "long"), ("probabilities", "doubles")]


def votes(values: NDArray[Any], outputs: int) -> NDArray[np.intp]:
    """Return how many models predict each class for each item, shape (items, classes)."""
    return np.stack([np.sum(values == each, axis=0) for each in range(outputs)], axis=1)


residuals = no_residuals
