"""A number: models are trained on it less its mean, by its deviation, and tell it as it is."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from optledger.datasets.interface import Interface


def encoded(targets: NDArray[Any], interface: Interface) -> NDArray[np.float32]:
    """Return numbers with a mean of 0 and a deviation of 1 in the train split, (examples, 1)."""
    scaled = (targets - interface.mean) / interface.deviation
    return scaled.astype(np.float32)[:, np.newaxis]


def strata(targets: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the same of each example: parts keep the shares of nothing."""
    return np.zeros(len(targets), np.uint8)


def activated(outputs: Any) -> Any:
    """Return the outputs as they are."""
    return outputs


def nothing() -> Any:
    """Return no error."""
    return tf.constant(0.0)


def tally(encoded: Any, outputs: Any) -> Any:
    """Return the sum of the squared errors."""
    return tf.reduce_sum(tf.square(outputs - encoded))


def score(tally: Any, examples: Any, interface: Interface) -> Any:
    """Return the root of the mean squared error, on the target's own scale."""
    return tf.sqrt(tally / examples) * interface.deviation


def predicted(outputs: Any, is_finite: Any, interface: Interface) -> Any:
    """Return the number of each example, or NaN."""
    return tf.where(is_finite, _unscaled(outputs, interface), np.nan)


def losses(targets: Any, outputs: Any, interface: Interface) -> Any:
    """Return the squared error, on the target's own scale."""
    return tf.cast(tf.square(_unscaled(outputs, interface) - targets), tf.float32)


def _unscaled(outputs: Any, interface: Interface) -> Any:
    """Return numbers on the target's own scale, of which 32 bits may be too few."""
    return tf.cast(outputs[:, 0], tf.float64) * interface.deviation + interface.mean


def some(examples: int, outputs: int) -> NDArray[np.float32]:
    """Return numbers about 0."""
    values = np.cos(np.arange(examples * outputs, dtype=np.float32))
    return values.reshape(examples, outputs)


def answers(
    outputs: NDArray[np.float64],
    names: Sequence[str] | None,
    interface: Interface,
) -> dict[str, Any]:
    """Return the number, in a column of its name."""
    found = outputs[:, 0] * interface.deviation + interface.mean
    return {(names or ["number"])[0]: found}
