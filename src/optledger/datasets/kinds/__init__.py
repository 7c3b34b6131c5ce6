"""The kinds of target that a model can predict, a module for each.

All modules define the same names, which `Kind` lists, so that other code need not ask for the kind.
`optledger.training.kinds` has what TensorFlow computes for each kind.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BeforeValidator, Discriminator, Tag

from optledger.core.documents import BRANCH
from optledger.datasets.kinds import classes, labels, number
from optledger.datasets.kinds.evaluation import Arrays, Evaluation

Place = Callable[[int], str]


class Kind(Protocol):
    """The names that the module of a kind defines.

    Attributes:
        NAME: the name of the kind, as the entry of a dataset has it.
        METRICS: the metrics on the test split; the first decides, unless params.yaml names another.
        METRICS_IN_WORDS: what the metrics mean, in words.
        SCORE: the metric that is also measured after each epoch.
        LOSS: the usual loss.
        LOSSES: the losses that a model of this kind can be trained with; if empty, any loss.
        TARGETS: the name of the array of true values.
        VALUES: the name of the array of predicted values.
        ARRAY_TYPES: the types and numbers of dimensions of both arrays.
        BY_CLASS: whether items can be chosen and weighted by class.
    """

    NAME: str
    METRICS: tuple[str, ...]
    METRICS_IN_WORDS: str
    SCORE: str
    LOSS: str
    LOSSES: tuple[str, ...]
    TARGETS: str
    VALUES: str
    ARRAY_TYPES: Arrays
    BY_CLASS: bool

    def inferred(
        self, where: object, values: NDArray[Any], columns: Sequence[str], place: Place
    ) -> Any:
        """Return the target of new data.

        Args:
            where: the file, for messages.
            values: the target values in the file, one for each item or a row for each item.
            columns: the columns of a table that hold the values.
            place: a function that returns where an item is, for messages.

        Raises:
            UserError: the values are not of this kind.
        """
        ...

    def read(self, where: object, values: NDArray[Any], target: Any, place: Place) -> NDArray[Any]:
        """Return the targets of the items, as `Examples` has them, from the values in a file.

        Raises:
            UserError: a value does not fit the target.
        """
        ...

    def problem(self, values: NDArray[Any], outputs: int) -> str | None:
        """Return what is wrong with an array of true or predicted values, or None."""
        ...

    def strata(self, targets: NDArray[Any]) -> NDArray[np.unsignedinteger[Any]]:
        """Return the stratum of each item, shape (items,); splits keep the share of each."""
        ...

    def described(self, target: Any, targets: NDArray[Any]) -> tuple[str, str]:
        """Return a word and a description of the targets, for a line of a report."""
        ...

    def summary(self, target: Any, splits: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        """Return what data/prepared/summary.json says about the targets of some splits."""
        ...

    def counts(self, targets: NDArray[Any], outputs: int) -> list[int]:
        """Return how many items there are of each class, or with each label."""
        ...

    def notes(self, counts: Mapping[str, Sequence[int]], names: Sequence[str]) -> list[str]:
        """Return a sentence for each split that has no example of some class or label."""
        ...

    def evaluate(
        self, targets: NDArray[Any], values: NDArray[Any], losses: NDArray[np.float32], outputs: int
    ) -> Evaluation:
        """Score predictions.

        Where a model's output is not finite, no class or label is right, and the loss, RMSE, MAE
        and R² are NaN.
        """
        ...

    def pseudo_values(
        self,
        metric: str,
        targets: NDArray[Any],
        values: NDArray[Any],
        losses: NDArray[np.float32],
        outputs: int,
    ) -> NDArray[np.float64]:
        """Return the contribution of each item to a metric, shape (items,); the mean is the metric.

        Accuracy and losses are means over items. Other metrics are replaced by their linearization:
        the metric plus the influence of each item on it, as for the delta method. Sources: Hampel
        1974, JASA 69; Davison and Hinkley 1997, Bootstrap Methods and Their Application, section
        2.7.
        """
        ...

    def per_class_table(
        self, evaluations: Mapping[str, list[Evaluation]], names: Sequence[str]
    ) -> pd.DataFrame:
        """Return results/per_class.csv; it has no rows for a kind without classes or labels."""
        ...

    def confusion_table(
        self, evaluations: Mapping[str, list[Evaluation]], names: Sequence[str]
    ) -> pd.DataFrame:
        """Return results/confusion.csv; it has no rows for a kind without classes."""
        ...

    def are_wrong(self, targets: NDArray[Any], values: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which predictions count as mistakes, shape (models, items)."""
        ...

    def votes(self, values: NDArray[Any], outputs: int) -> NDArray[Any]:
        """Return the votes of several models on each item.

        Args:
            values: the predicted values, shape (models, items, ...).
            outputs: how many classes or labels there are.

        Returns:
            How many models predict each class or label, shape (items, outputs). For a number, the
            median of the predictions, shape (items, 1).
        """
        ...

    def mistake(
        self, target: Any, votes: NDArray[Any], names: Sequence[str], models: int
    ) -> tuple[str, str, str]:
        """Return the true value of an item, the predicted value, and a remark, all in words.

        Args:
            target: the true value.
            votes: the votes on the item, shape (outputs,).
            names: the names of the classes or labels.
            models: how many models voted.
        """
        ...

    def output_in_words(self, outputs: int) -> str:
        """Return in words what a model of this kind predicts."""
        ...

    def answers(self, names: Sequence[str] | None) -> list[tuple[str, str]]:
        """Return the columns of a published model's output, with their types for MLflow.

        A type that ends with s is a list.
        """
        ...

    def residuals(self, targets: NDArray[Any], values: NDArray[Any]) -> pd.DataFrame:
        """Return true and predicted numbers to plot against each other; no rows for other kinds.

        Args:
            targets: the true numbers, shape (items,).
            values: the predictions of one variant, shape (seeds, items).
        """
        ...


KINDS: Mapping[str, Kind] = {each.NAME: each for each in (classes, labels, number)}
"""The kinds by their names."""


def kind_of(columns: Iterable[object]) -> Kind:
    """Return the kind whose first metric is a column of a table; classes if none is."""
    there = {*columns}
    return next((kind for kind in KINDS.values() if kind.METRICS[0] in there), KINDS[classes.NAME])


def kind_of_score(score: str) -> Kind:
    """Return the kind whose score after each epoch is `score`."""
    return next(kind for kind in KINDS.values() if score == kind.SCORE)


AnyTarget = classes.Target | labels.Target | number.Target
"""The target of a dataset, of any kind."""


def _branch(target: Any) -> str:
    kind = target.get("kind") if isinstance(target, dict) else getattr(target, "kind", None)
    return f"{BRANCH}{kind}"


def _check_kind(target: Any) -> Any:
    """Check the key `kind` by itself, so that a mistake is reported once.

    The other keys depend on it.
    """
    if not isinstance(target, dict) or target.get("kind") in [*KINDS]:
        return target
    raise ValueError(f"a mapping with a kind: {', '.join(KINDS)}")


Target = Annotated[
    Annotated[classes.Target, Tag(f"{BRANCH}classes")]
    | Annotated[labels.Target, Tag(f"{BRANCH}labels")]
    | Annotated[number.Target, Tag(f"{BRANCH}number")],
    Discriminator(_branch),
    BeforeValidator(_check_kind),
]
"""The section `target` of datasets/NAME.yaml."""
