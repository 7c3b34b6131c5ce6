"""A trial and what it leaves, as plain data: numbers, names and arrays.

Nothing here knows params.yaml, TensorFlow or a file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optledger.datasets.interface import Interface

Weights = dict[str, NDArray[np.float32]]
"""A model's weights by place and kind, for example `00_kernel` and `01_bias`."""


@dataclass(frozen=True)
class Component:
    """A model, or something of Keras's, by its name, with arguments for its constructor."""

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
        """Return how many steps of the optimizer an epoch takes; the last may be of a rest."""
        return 1 if self.batch_size == "full" else -(-examples // self.batch_size)


@dataclass(frozen=True)
class Trial:
    """One training: a specification, a learning rate and a seed.

    With a schedule, the learning rate is its peak. The name is the variant's, for whoever reads of
    the trial; nothing follows from it.
    """

    name: str
    specification: Specification
    learning_rate: float
    seed: int

    def __str__(self) -> str:
        """Name the trial for whoever reads of it."""
        return f"{self.name}: learning rate {self.learning_rate:g}, seed {self.seed}"


@dataclass(frozen=True)
class TrainedModel:
    """A model that a variant's trial with one seed has left."""

    name: str
    seed: int
    model: Component
    interface: Interface
    weights: Weights

    def __str__(self) -> str:
        """Name the model for whoever reads of it."""
        return f"{self.name}: seed {self.seed}"


class Epoch(NamedTuple):
    """Metrics of one epoch.

    The train metrics are over the epoch, while the weights change; the validation metrics are of
    the weights after it, and NaN without a validation split. Losses are the variant's own, without
    penalties and class weights, which would keep variants from being laid side by side. The score
    is what the kind of target has: accuracy, subset accuracy, or RMSE.
    """

    train_loss: float
    train_score: float
    validation_loss: float
    validation_score: float

    def of(self, column: str) -> float:
        """Return the metric of a column of history.csv, whatever the score is called there."""
        split, _, metric = column.partition("_")
        value: float = getattr(self, f"{split}_{'loss' if metric == 'loss' else 'score'}")
        return value


class Divergence(NamedTuple):
    """Where the loss first was not finite; both count from 1."""

    epoch: int
    step: int


@dataclass(frozen=True)
class TrialResult:
    """What a trial leaves.

    Attributes:
        learning_rate: the trial's.
        seed: the trial's.
        weights: after `kept_epoch`; of no use where the trial diverged.
        history: the complete epochs; the one that diverged is not among them.
        kept_epoch: the last of them, or the best where early stopping restores it.
        divergence: None where the loss stayed finite.
    """

    learning_rate: float
    seed: int
    weights: Weights
    history: list[Epoch]
    kept_epoch: int
    divergence: Divergence | None

    def with_weights(self, weights: Weights) -> "TrialResult":
        """Return the same with these weights."""
        return replace(self, weights=weights)

    @property
    def kept(self) -> Epoch | None:
        """The metrics that belong to the weights; None where the trial diverged."""
        return None if self.divergence else self.history[self.kept_epoch - 1]


class Predictions(NamedTuple):
    """What a trained model says of examples whose true values are known.

    Attributes:
        values: what is predicted, as the kind of target has it: of type `label_type`, shape
            (examples,), a class or `no_class`; uint8, shape (examples, labels), 1, 0 or what
            stands for neither; or float64, shape (examples,), a number or NaN.
        losses: float32, shape (examples,): the cross-entropy in nats, or the squared error; NaN
            where there is none.
    """

    values: NDArray[Any]
    losses: NDArray[np.float32]
