"""A number: models learn it with mean 0 and deviation 1, and predict it on its own scale."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from optledger.datasets.interface import Interface


def encoded(targets: NDArray[Any], interface: Interface) -> NDArray[np.float32]:
    """Return numbers with mean 0 and deviation 1 in the train split, shape (examples, 1)."""
    scaled = (targets - interface.mean) / interface.deviation
    return scaled.astype(np.float32)[:, np.newaxis]


def strata(targets: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the same stratum for each example: subsets keep no shares."""
    return np.zeros(len(targets), np.uint8)


def activated(outputs: Any) -> Any:
    """Return the outputs unchanged."""
    return outputs


def nothing() -> Any:
    """Return zero, the sum of no errors."""
    return tf.constant(0.0)


def tally(encoded: Any, outputs: Any) -> Any:
    """Return the sum of the squared errors."""
    return tf.reduce_sum(tf.square(outputs - encoded))


def score(tally: Any, examples: Any, interface: Interface) -> Any:
    """Return the root of the mean squared error, on the target's own scale."""
    return tf.sqrt(tally / examples) * interface.deviation


def predicted(outputs: Any, is_finite: Any, interface: Interface) -> Any:
    """Return the number for each example, or NaN where its output is not finite."""
    return tf.where(is_finite, _unscaled(outputs, interface), np.nan)


def losses(targets: Any, outputs: Any, interface: Interface) -> Any:
    """Return the squared error, on the target's own scale."""
    return tf.cast(tf.square(_unscaled(outputs, interface) - targets), tf.float32)


def _unscaled(outputs: Any, interface: Interface) -> Any:
    """Return numbers on the target's own scale, in float64, as float32 may lose digits of them."""
    return tf.cast(outputs[:, 0], tf.float64) * interface.deviation + interface.mean


def some(examples: int, outputs: int) -> NDArray[np.float32]:
    """Return numbers around 0."""
    values = np.cos(np.arange(examples * outputs, dtype=np.float32))
    return values.reshape(examples, outputs)


def answers(
    outputs: NDArray[np.float64],
    names: Sequence[str] | None,
    interface: Interface,
) -> dict[str, Any]:
    """Return the predicted numbers, in a column with the target's name."""
    found = outputs[:, 0] * interface.deviation + interface.mean
    return {(names or ["number"])[0]: found}
