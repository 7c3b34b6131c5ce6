"""One class of several: a softmax, of which the most probable class is predicted."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from optledger.datasets.interface import Interface, label_type, no_class

# Decimals of the probabilities that a published model returns.
_DECIMALS = 6


def encoded(targets: NDArray[Any], interface: Interface) -> NDArray[np.float32]:
    """Return one-hot labels, shape (examples, classes)."""
    one_hot: NDArray[Any] = keras.utils.to_categorical(targets, interface.outputs)
    return one_hot.astype(np.float32)


def strata(targets: NDArray[Any]) -> NDArray[Any]:
    """Return the classes: subsets keep the share of each class."""
    return targets


def activated(outputs: Any) -> Any:
    """Return probabilities that sum to 1."""
    return keras.ops.softmax(outputs)


def nothing() -> Any:
    """Return zero hits."""
    return tf.constant(0)


def tally(encoded: Any, outputs: Any) -> Any:
    """Return how many examples get the right class."""
    hits = tf.equal(tf.argmax(outputs, axis=1), tf.argmax(encoded, axis=1))
    return tf.reduce_sum(tf.cast(hits, tf.int32))


def score(tally: Any, examples: Any, interface: Interface) -> Any:  # required by `Kind`
    """Return the accuracy."""
    return tf.cast(tally, tf.float32) / examples


def predicted(outputs: Any, is_finite: Any, interface: Interface) -> Any:
    """Return the most probable class of each example, or `no_class`."""
    best = tf.where(is_finite, tf.argmax(outputs, axis=1), no_class(interface.outputs))
    return tf.cast(best, label_type(interface.outputs))


def losses(targets: Any, outputs: Any, interface: Interface) -> Any:  # required by `Kind`
    """Return the cross-entropy of the softmax, in nats."""
    return tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(targets, tf.int32), outputs)


def some(examples: int, outputs: int) -> NDArray[np.float32]:
    """Return one-hot labels that go through the classes in turn."""
    return np.eye(outputs, dtype=np.float32)[np.arange(examples) % outputs]


def answers(
    outputs: NDArray[np.float64],
    names: Sequence[str] | None,
    interface: Interface,  # required by `Kind`
) -> dict[str, Any]:
    """Return `class`, the most probable one, and `probabilities`, one for each class."""
    scores = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    probabilities = (scores / scores.sum(axis=1, keepdims=True)).round(_DECIMALS)
    best = outputs.argmax(axis=1)
    return {
        "class": best if names is None else np.array(names)[best],
        "probabilities": list(probabilities.tolist()),
    }
