"""What TensorFlow computes for each kind of target, in a module for each kind.

All modules have the functions that `Kind` lists, so that no other code asks for the kind.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from optledger.datasets.interface import Interface
from optledger.training.kinds import classes, labels, number


class Kind(Protocol):
    """The functions of a kind's module."""

    def encoded(self, targets: NDArray[Any], interface: Interface) -> NDArray[np.float32]:
        """Return the true values as losses take them, shape (examples, outputs)."""
        ...

    def strata(self, targets: NDArray[Any]) -> NDArray[Any]:
        """Return each example's stratum, shape (examples,): subsets keep the share of each."""
        ...

    def activated(self, outputs: tf.Tensor) -> tf.Tensor:
        """Return the outputs for a loss that takes no logits, shape (examples, outputs)."""
        ...

    def nothing(self) -> tf.Tensor:
        """Return the tally of no examples, where a sum starts."""
        ...

    def tally(self, encoded: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
        """Return what these examples add to the sum behind a score, a scalar."""
        ...

    def score(self, tally: tf.Tensor, examples: tf.Tensor, interface: Interface) -> tf.Tensor:
        """Return the score, given the tally and the number of examples; a scalar."""
        ...

    def predicted(
        self, outputs: tf.Tensor, is_finite: tf.Tensor, interface: Interface
    ) -> tf.Tensor:
        """Return the predictions, in the shape and type in which they are written.

        Args:
            outputs: the model's outputs, shape (examples, outputs).
            is_finite: whether all outputs of an example are finite, shape (examples,).
            interface: the model's interface.
        """
        ...

    def losses(self, targets: tf.Tensor, outputs: tf.Tensor, interface: Interface) -> tf.Tensor:
        """Return the loss of each example, in the kind's unit, shape (examples,)."""
        ...

    def some(self, examples: int, outputs: int) -> NDArray[np.float32]:
        """Return made-up targets, shape (examples, outputs), encoded to try a loss with."""
        ...

    def answers(
        self, outputs: NDArray[np.float64], names: Sequence[str] | None, interface: Interface
    ) -> dict[str, Any]:
        """Return a published model's answers, as columns with a row for each item."""
        ...


KINDS: Mapping[str, Kind] = {"classes": classes, "labels": labels, "number": number}
"""The module of each kind, by the kind's name."""
