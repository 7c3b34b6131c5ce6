"""A convolutional network."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import keras

from optledger.training.dropout import Dropout
from optledger.training.sizes import check_counts, check_size


def cnn(
    inputs: Any,
    outputs: int,
    filters: Sequence[int],
    kernel_size: int = 3,
    activation: str = "relu",
    dropout: float = 0.0,
) -> Any:
    """Return the logits of a convolutional network. Each layer halves rows and columns.

    Args:
        inputs: scaled pixels, shape (images, rows, columns) or (images, rows, columns, channels).
        outputs: how many logits an image has; their shape is (images, outputs).
        filters: how many filters each convolution has.
        kernel_size: how many rows and columns a filter has.
        activation: the name in Keras of the convolutions' activation function.
        dropout: the share of the last layer's inputs that a training step leaves out.

    Raises:
        ValueError: an argument is out of range, the inputs are no images, or the images are too
            small to be halved by every layer.
    """
    check_counts("filters", filters)
    if len(inputs.shape) < 3:
        raise ValueError("it takes images, and these are the columns of a table; mlp takes both")
    rows, columns, *more = inputs.shape[1:]
    channels = more[0] if more else 1
    side = min(rows, columns)
    if not 1 <= kernel_size <= side:
        raise ValueError(f"kernel_size must be an integer from 1 to {side}, not {kernel_size!r}")
    places, patch = rows * columns, kernel_size**2
    # Numbers of each layer: an image's patches and outputs, and the weights; without the halving.
    layers = [
        places * (patch * before + after) + patch * before * after
        for before, after in pairwise((channels, *filters))
    ]
    check_size([*layers, places * outputs * (filters[-1] if filters else channels)])
    maps = keras.layers.Reshape((rows, columns, channels))(inputs)
    for count in filters:
        maps = keras.layers.Dense(count, activation)(_patches(maps, kernel_size))
        if min(maps.shape[1:3]) < 2:
            most = side.bit_length() - 1
            raise ValueError(f"at most {most} filters for images of {(rows, columns)}")
        maps = _halved(maps)
    units = Dropout(dropout)(keras.layers.Flatten()(maps))
    return keras.layers.Dense(outputs)(units)


def _patches(maps: Any, size: int) -> Any:
    """Return the neighbourhood of each place, with zeros around the maps.

    A dense layer on it is a convolution in one matrix product. Keras's own convolution takes
    several times as long when compiled for CPUs.

    Args:
        maps: shape (images, rows, columns, channels).
        size: how many rows and columns a neighbourhood has.

    Returns:
        Shape (images, rows, columns, size * size * channels).
    """
    _, rows, columns, _ = maps.shape
    before = (size - 1) // 2
    margin = (before, size - 1 - before)
    padded = keras.ops.pad(maps, ((0, 0), margin, margin, (0, 0)))
    shifted = [
        padded[:, row : row + rows, column : column + columns]
        for row in range(size)
        for column in range(size)
    ]
    return keras.ops.concatenate(shifted, axis=-1)


def _halved(maps: Any) -> Any:
    """Return the maximum of each block of two by two, without an odd last row or column."""
    _, rows, columns, channels = maps.shape
    even = maps[:, : rows // 2 * 2, : columns // 2 * 2]
    blocks = keras.ops.reshape(even, (-1, rows // 2, 2, columns // 2, 2, channels))
    return keras.ops.max(blocks, axis=(2, 4))
