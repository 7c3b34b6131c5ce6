"""Several labels at once: a sigmoid for each label, which is predicted from 0.5 on."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from optledger.datasets.interface import Interface

_NO_LABELS = 255
_DECIMALS = 6


def encoded(targets: NDArray[Any], interface: Interface) -> NDArray[np.float32]:
    """Return 1 or 0 for each label, shape (examples, labels)."""
    return targets.astype(np.float32)


def strata(targets: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the same stratum for each example: subsets keep no shares."""
    return np.zeros(len(targets), np.uint8)


def activated(outputs: Any) -> Any:
    """Return the probability of each label on its own."""
    return keras.ops.sigmoid(outputs)


def nothing() -> Any:
    """Return zero hits."""
    return tf.constant(0)


def tally(encoded: Any, outputs: Any) -> Any:
    """Return how many examples get all their labels right."""
    hits = tf.reduce_all(tf.equal(outputs >= 0, encoded > 0), axis=1)
    return tf.reduce_sum(tf.cast(hits, tf.int32))


def score(tally: Any, examples: Any, interface: Interface) -> Any:  # required by `Kind`
    """Return the subset accuracy."""
    return tf.cast(tally, tf.float32) / examples


def predicted(outputs: Any, is_finite: Any, interface: Interface) -> Any:  # required by `Kind`
    """Return 1 for labels of a probability from 0.5, else 0; 255 if outputs are not finite."""
    found = tf.where(is_finite[:, tf.newaxis], tf.cast(outputs >= 0, tf.int32), _NO_LABELS)
    return tf.cast(found, tf.uint8)


def losses(targets: Any, outputs: Any, interface: Interface) -> Any:  # required by `Kind`
    """Return the binary cross-entropy in nats, as the mean over the labels."""
    each = tf.nn.sigmoid_cross_entropy_with_logits(tf.cast(targets, tf.float32), outputs)
    return tf.reduce_mean(each, axis=1)


def some(examples: int, outputs: int) -> NDArray[np.float32]:
    """Return alternating labels, so that each label has examples with it and without it."""
    places = np.arange(examples)[:, np.newaxis] + np.arange(outputs)
    return (places % 2).astype(np.float32)


def answers(
    outputs: NDArray[np.float64],
    names: Sequence[str] | None,
    interface: Interface,  # required by `Kind`
) -> dict[str, Any]:
    """Return `labels`, the names of those predicted, and `probabilities`, one for each label."""
    probabilities = (1 / (1 + np.exp(-np.clip(outputs, -500, 500)))).round(_DECIMALS)
    known = names or [str(number) for number in range(outputs.shape[1])]
    return {
        "labels": [
            [name for name, each in zip(known, row, strict=True) if each >= 0] for row in outputs
        ],
        "probabilities": list(probabilities.tolist()),
    }
