"""The kinds of target: what is told of an item, a module for each.

All modules have the same names, so that nothing else asks which kind it is: `Kind` lists them.
`optledger.training.kinds` has what TensorFlow computes of each.
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
    """What a module of a kind has.

    Attributes:
        NAME: of the kind, as datasets/NAME.yaml has it.
        METRICS: what is measured on the test split; the first decides, unless params.yaml says
            another.
        EXPLAINED: what the metrics mean, in words.
        SCORE: the one of them that is measured after each epoch, too.
        LOSS: the usual one.
        LOSSES: that a model of this kind can be trained by; any if empty.
        TARGETS: the name of the array of true values.
        VALUES: of that of predicted ones.
        ARRAYS: the types and the dimensions of both.
        BY_CLASS: whether items can be chosen and weighed by class.
    """

    NAME: str
    METRICS: tuple[str, ...]
    EXPLAINED: str
    SCORE: str
    LOSS: str
    LOSSES: tuple[str, ...]
    TARGETS: str
    VALUES: str
    ARRAYS: Arrays
    BY_CLASS: bool

    def found(self, where: object, values: NDArray[Any], columns: Sequence[str]) -> Any:
        """Return the target that new data have.

        Args:
            where: the file, for messages.
            values: what it tells of each item.
            columns: of a table, those that it stands in.

        Raises:
            UserError: the values are not of this kind.
        """
        ...

    def read(self, where: object, values: NDArray[Any], target: Any, place: Place) -> NDArray[Any]:
        """Return what is to be told of each item, from what a file has.

        Raises:
            UserError: some value is not what the target says.
        """
        ...

    def problem(self, values: NDArray[Any], outputs: int) -> str | None:
        """Return what is wrong with an array of true or predicted values, if anything."""
        ...

    def strata(self, targets: NDArray[Any]) -> NDArray[np.unsignedinteger[Any]]:
        """Return of each item what a split keeps the shares of, shape (items,)."""
        ...

    def told(self, target: Any, targets: NDArray[Any]) -> tuple[str, str]:
        """Return a word, and what there is of it among these items."""
        ...

    def summary(self, target: Any, splits: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
        """Return what data/prepared/summary.json tells of the targets of some splits."""
        ...

    def counts(self, targets: NDArray[Any], outputs: int) -> list[int]:
        """Return how many items there are of each class, or with each label."""
        ...

    def notes(self, counts: Mapping[str, Sequence[int]], names: Sequence[str]) -> list[str]:
        """Return a sentence for each split that lacks what it should have."""
        ...

    def evaluate(
        self, targets: NDArray[Any], values: NDArray[Any], losses: NDArray[np.float32], outputs: int
    ) -> Evaluation:
        """Score predictions; one that diverged has 0 of what is best at 1, and else NaN."""
        ...

    def pseudo_values(
        self,
        metric: str,
        targets: NDArray[Any],
        values: NDArray[Any],
        losses: NDArray[np.float32],
        outputs: int,
    ) -> NDArray[np.float64]:
        """Return what each item contributes to a metric, shape (items,); the mean is the metric.

        Accuracy and losses are means over items. What is not is replaced by its linearization, the
        metric plus each item's influence on it, as for the delta method (Hampel 1974, JASA 69;
        Davison and Hinkley 1997, Bootstrap Methods and Their Application, section 2.7).
        """
        ...

    def per_class_table(
        self, evaluations: Mapping[str, list[Evaluation]], names: Sequence[str]
    ) -> pd.DataFrame:
        """Return results/per_class.csv; without rows where there is nothing to be told by class."""
        ...

    def confusion_table(
        self, evaluations: Mapping[str, list[Evaluation]], names: Sequence[str]
    ) -> pd.DataFrame:
        """Return results/confusion.csv; likewise."""
        ...

    def wrong(self, targets: NDArray[Any], values: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which items a page shows as mistakes, shape (models, items)."""
        ...

    def votes(self, values: NDArray[Any], outputs: int) -> NDArray[Any]:
        """Return how many models predict each class or label of each item; of a number the median.

        Args:
            values: predicted, shape (models, items, ...).
            outputs: how many classes or labels there are.

        Returns:
            Shape (items, outputs).
        """
        ...

    def mistake(
        self, target: Any, votes: NDArray[Any], names: Sequence[str], models: int
    ) -> tuple[str, str, str]:
        """Return of an item what is true, what is predicted, and what else is to be said.

        Args:
            target: the true value.
            votes: those of the item, shape (outputs,).
            names: of the classes or labels.
            models: how many voted.
        """
        ...

    def promise(self, outputs: int) -> str:
        """Return what a model of this kind tells, in words."""
        ...

    def answers(self, names: Sequence[str] | None) -> list[tuple[str, str]]:
        """Return the columns of what a published model says, and their types for MLflow.

        A type with an s at its end is a list.
        """
        ...

    def residuals(self, targets: NDArray[Any], values: NDArray[Any]) -> pd.DataFrame:
        """Return true and predicted values to draw beside each other; none where there is no such.

        Args:
            targets: shape (items,).
            values: of one variant, shape (seeds, items).
        """
        ...


KINDS: Mapping[str, Kind] = {each.NAME: each for each in (classes, labels, number)}
"""By name."""


def kind_of(columns: Iterable[object]) -> Kind:
    """Return the kind whose metrics a table has."""
    there = {*columns}
    return next((kind for kind in KINDS.values() if kind.METRICS[0] in there), KINDS[classes.NAME])


def kind_of_score(score: str) -> Kind:
    """Return the kind that has a score after each epoch."""
    return next(kind for kind in KINDS.values() if score == kind.SCORE)


AnyTarget = classes.Target | labels.Target | number.Target
"""What is to be told of an item."""


def _branch(target: Any) -> str:
    kind = target.get("kind") if isinstance(target, dict) else getattr(target, "kind", None)
    return f"{BRANCH}{kind}"


def _check_kind(target: Any) -> Any:
    """Check the key that says which other keys there are, so that a mistake is told once."""
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
"""The section of datasets/NAME.yaml that says so."""
