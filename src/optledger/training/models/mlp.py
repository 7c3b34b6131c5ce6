"""A multilayer perceptron."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import keras

from optledger.training.dropout import Dropout
from optledger.training.sizes import check_counts, check_size


def mlp(
    inputs: Any,
    outputs: int,
    hidden_units: Sequence[int],
    activation: str = "relu",
    dropout: float = 0.0,
) -> Any:
    """Return the logits of a multilayer perceptron; without hidden layers, softmax regression.

    Args:
        inputs: scaled pixels or columns, of any shape (examples, ...).
        outputs: how many logits an example has; their shape is (examples, outputs).
        hidden_units: how many units each hidden layer has.
        activation: the name in Keras of the hidden layers' activation function.
        dropout: the share of each hidden layer's units that a training step leaves out.

    Raises:
        ValueError: an argument is out of range, or the model would be too large.
    """
    check_counts("hidden_units", hidden_units)
    widths = (math.prod(inputs.shape[1:]), *hidden_units, outputs)
    check_size((inputs + 1) * outputs for inputs, outputs in pairwise(widths))
    units = keras.layers.Flatten()(inputs)
    for count in hidden_units:
        units = keras.layers.Dense(count, activation)(units)
        units = Dropout(dropout)(units)
    return keras.layers.Dense(outputs)(units)
