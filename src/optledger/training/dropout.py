"""Dropout with masks that are a function of the step: cheap, and the same in any process.

In Keras, each layer reads and writes a random state at each step. In a compiled loop, this takes
many times as long as the training itself. Here, a mask is a hash of the step's key, the layer and
the position of the unit.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

_layers: list[tuple[Any, "count[int]"]] = []


def step_keys(seed: int, epoch: int, steps: int) -> NDArray[np.uint32]:
    """Return a key for each step of an epoch; shape (steps, 2)."""
    # The 1 keeps this sequence apart from the one that orders the examples.
    words = np.random.SeedSequence([seed, epoch, 1]).generate_state(2 * steps)
    return words.astype(np.uint32).reshape(steps, 2)


@contextmanager
def keyed(key: Any) -> Iterator[None]:
    """Give each dropout layer that is called in the block a mask of its own.

    Layers are numbered in the order of their calls.

    Args:
        key: the step's key, uint32, shape (2,).
    """
    _layers.append((key, count(1)))
    try:
        yield
    finally:
        _layers.pop()


class Dropout(keras.layers.Layer):  # type: ignore[misc] # Keras is untyped
    """A layer that zeroes a share of its inputs in training, and scales up the others to match.

    Source: Srivastava et al. 2014, but scaled in training, as in Keras.
    """

    def __init__(self, rate: float) -> None:
        """Check the rate.

        Raises:
            ValueError: the rate is not in [0, 1).
        """
        super().__init__()
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate < 1:
            raise ValueError(f"dropout must be a number of at least 0 and below 1, not {rate!r}")
        self._rate = rate

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the inputs; in training, with a share of them set to 0.

        Raises:
            RuntimeError: it is called in training, but outside of `keyed`.
        """
        if not training or self._rate == 0:
            return inputs
        if not _layers:
            raise RuntimeError("training with dropout needs the key of the step: use keyed()")
        key, layers = _layers[-1]
        kept = tf.reshape(_hashes(key, next(layers), tf.size(inputs)), tf.shape(inputs))
        dropped = _constant(int(self._rate * 2**32))
        return tf.where(kept >= dropped, inputs / (1 - self._rate), 0.0)


def _hashes(key: Any, layer: int, size: Any) -> Any:
    """Hash the positions from 0 to size - 1; shape (size,).

    The second hash keeps one step's mask from being a shifted copy of another's. The masks of a
    step's layers are parts of one sequence of 2³² words, too far from each other to overlap.
    """
    positions = tf.cast(tf.range(size), tf.uint32)
    first = _mixed(positions * _constant(0x9E3779B1) + key[0] + _constant(layer * 0x85EBCA77))
    return _mixed(first ^ key[1])


def _mixed(words: Any) -> Any:
    """Mix the bits of each word: the finalizer of MurmurHash3 (Appleby 2011)."""
    words = (words ^ tf.bitwise.right_shift(words, _constant(16))) * _constant(0x85EBCA6B)
    words = (words ^ tf.bitwise.right_shift(words, _constant(13))) * _constant(0xC2B2AE35)
    return words ^ tf.bitwise.right_shift(words, _constant(16))


def _constant(value: int) -> Any:
    return tf.constant(value % 2**32, tf.uint32)
