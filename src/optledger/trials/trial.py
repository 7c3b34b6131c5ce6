"""A trial and its result as plain data: numbers, names and arrays.

Nothing here depends on params.yaml, on TensorFlow or on files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optledger.datasets.interface import Interface

Weights = dict[str, NDArray[np.float32]]
"""A model's weights by position and kind, for example `00_kernel` and `01_bias`."""


@dataclass(frozen=True)
class Component:
    """A model, optimizer, loss or schedule: its name, and arguments for its constructor."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class EarlyStopping:
    """When training ends before its last epoch; `optledger.core.params` explains it."""

    monitor: str
    patience: int
    min_delta: float
    restore_best: bool


@dataclass(frozen=True)
class Specification:
    """All that the trials of a variant have in common; `optledger.core.params` explains it."""

    model: Component
    optimizer: Component
    loss: Component
    schedule: Component | None
    interface: Interface
    epochs: int
    batch_size: int | Literal["full"]
    l1: float
    l2: float
    early_stopping: EarlyStopping | None
    class_fractions: Mapping[int, float] = field(hash=False)
    training_fraction: float
    resample: Literal["oversample", "undersample"] | None
    class_weights: tuple[float, ...] | Literal["balanced"] | None

    def steps(self, examples: int) -> int:
        """Return how many optimizer steps an epoch takes; the last may have a smaller batch."""
        return 1 if self.batch_size == "full" else -(-examples // self.batch_size)


@dataclass(frozen=True)
class Trial:
    """One training: a specification, a learning rate and a seed.

    With a schedule, the learning rate is its peak. The name is the variant's. It is for messages,
    and does not change the result.
    """

    name: str
    specification: Specification
    learning_rate: float
    seed: int

    def __str__(self) -> str:
        """Return the trial's name for messages."""
        return f"{self.name}: learning rate {self.learning_rate:g}, seed {self.seed}"


@dataclass(frozen=True)
class TrainedModel:
    """The model that one seed's trial of a variant has trained."""

    name: str
    seed: int
    model: Component
    interface: Interface
    weights: Weights

    def __str__(self) -> str:
        """Return the model's name for messages."""
        return f"{self.name}: seed {self.seed}"


class Epoch(NamedTuple):
    """The metrics of one epoch.

    Train metrics are collected during the epoch, while the weights change. Validation metrics are
    those of the weights after the epoch; they are NaN without a validation split.

    Losses are the variant's own loss. They leave out penalties and class weights, so that variants
    can be compared. The score is that of the kind of target: accuracy, subset accuracy, or RMSE.
    """

    train_loss: float
    train_score: float
    validation_loss: float
    validation_score: float

    def of(self, column: str) -> float:
        """Return the metric for a column of history.csv, such as `validation_accuracy`."""
        split, _, metric = column.partition("_")
        value: float = getattr(self, f"{split}_{'loss' if metric == 'loss' else 'score'}")
        return value


class Divergence(NamedTuple):
    """The epoch and step at which the loss was first not finite; both count from 1."""

    epoch: int
    step: int


@dataclass(frozen=True)
class TrialResult:
    """The result of a trial.

    Attributes:
        learning_rate: the trial's learning rate.
        seed: the trial's seed.
        weights: the weights after `kept_epoch`; of no use if the trial diverged.
        history: the metrics of each complete epoch, without an epoch that diverged.
        kept_epoch: the last complete epoch, or the best one if early stopping restores it.
        divergence: where the trial diverged; None if the loss stayed finite.
    """

    learning_rate: float
    seed: int
    weights: Weights
    history: list[Epoch]
    kept_epoch: int
    divergence: Divergence | None

    def with_weights(self, weights: Weights) -> "TrialResult":
        """Return the same result with these weights."""
        return replace(self, weights=weights)

    @property
    def kept(self) -> Epoch | None:
        """The metrics of the kept epoch, and so of the weights; None if the trial diverged."""
        return None if self.divergence else self.history[self.kept_epoch - 1]


class Predictions(NamedTuple):
    """A trained model's predictions for examples whose true values are known.

    Attributes:
        values: the predicted values. Classes have the type `label_type` and the shape (examples,),
            with `no_class` for none. Labels are uint8 of shape (examples, labels): 1, 0, or 255 for
            neither. Numbers are float64 of shape (examples,), with NaN for none.
        losses: float32, shape (examples,): the cross-entropy in nats, or the squared error; NaN
            where it is not finite.
    """

    values: NDArray[Any]
    losses: NDArray[np.float32]
