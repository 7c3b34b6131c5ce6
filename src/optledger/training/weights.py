"""The weights of a model as arrays, and those that a seed starts from."""

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
    """Give a Keras model the weights of `get_weights`."""
    for name, variable in _by_name(model):
        variable.assign(weights[name])


def _by_name(model: Any) -> Iterator[tuple[str, Any]]:
    """Name variables by their place, as Keras numbers its own names by process."""
    for place, variable in enumerate(model.weights):
        yield f"{place:02d}_{variable.name}", variable
