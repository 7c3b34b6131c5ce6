"""The weights of a model as arrays, and the initial weights of each seed."""

from collections.abc import Iterator
from typing import Any

import keras

from optledger.datasets.interface import Interface
from optledger.training.components import build_model
from optledger.trials.trial import Component, Weights


def initial_weights(model: Component, interface: Interface, seed: int) -> Weights:
    """Return the weights that every variant with this model starts from at `seed`."""
    keras.utils.set_random_seed(seed)
    return get_weights(build_model(model, interface))


def get_weights(model: Any) -> Weights:
    """Return a copy of the weights of a Keras model."""
    return {name: variable.value.numpy().copy() for name, variable in _by_name(model)}


def set_weights(model: Any, weights: Weights) -> None:
    """Set a Keras model's weights to arrays from `get_weights`."""
    for name, variable in _by_name(model):
        variable.assign(weights[name])


def _by_name(model: Any) -> Iterator[tuple[str, Any]]:
    """Yield a model's variables, each with a name that contains its position.

    Keras's own names contain numbers that depend on what the process has built before.
    """
    for place, variable in enumerate(model.weights):
        yield f"{place:02d}_{variable.name}", variable
