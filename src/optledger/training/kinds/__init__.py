"""The kinds of target as TensorFlow computes them, a module for each.

All modules have the same names, so that nothing else asks which kind it is: `Kind` lists them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from optledger.datasets.interface import Interface
from optledger.training.kinds import classes, labels, number


class Kind(Protocol):
    """What a module of a kind has."""

    def encoded(self, targets: NDArray[Any], interface: Interface) -> NDArray[np.float32]:
        """Return what losses are given of true values, shape (examples, outputs)."""
        ...

    def strata(self, targets: NDArray[Any]) -> NDArray[Any]:
        """Return of each example what a part of them keeps the shares of, shape (examples,)."""
        ...

    def activated(self, outputs: tf.Tensor) -> tf.Tensor:
        """Return what a loss is given that takes no logits, shape (examples, outputs)."""
        ...

    def nothing(self) -> tf.Tensor:
        """Return the tally of no example."""
        ...

    def tally(self, encoded: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """Return what examples add to what a score is made of, a scalar."""
        ...

    def score(self, tally: tf.Tensor, examples: tf.Tensor, interface: Interface) -> tf.Tensor:
        """Return the score of so many examples, a scalar."""
        ...

    def predicted(
        self, outputs: tf.Tensor, is_finite: tf.Tensor, interface: Interface
    ) -> tf.Tensor:
        """Return what is predicted, of the shape and the type that predictions are written in.

        Args:
            outputs: shape (examples, outputs).
            is_finite: of each example, whether its outputs are; shape (examples,).
            interface: of the model.
        """
        ...

    def losses(self, targets: tf.Tensor, outputs: tf.Tensor, interface: Interface) -> tf.Tensor:
        """Return the loss of each example, in the unit of the kind, shape (examples,)."""
        ...

    def some(self, examples: int, outputs: int) -> NDArray[np.float32]:
        """Return encoded values of some examples, to try a loss with."""
        ...

    def answers(
        self, outputs: NDArray[np.float64], names: Sequence[str] | None, interface: Interface
    ) -> dict[str, Any]:
        """Return what a published model says, in columns with a row for each item."""
        ...


KINDS: Mapping[str, Kind] = {"classes": classes, "labels": labels, "number": number}
"""By name."""
