"""The model: a multilayer perceptron that takes raw pixels and returns logits."""

from collections.abc import Iterator
from typing import Any

import keras

from optledger.params import Model
from optledger.training.trial import Weights


def build_model(model: Model, image_shape: tuple[int, int], classes: int) -> Any:
    """Build a Keras model of uint8 images, shape (images, rows, columns).

    Its first step scales the pixels to [0, 1]; it returns logits, shape (images, classes).
    """
    layers = [
        keras.Input(image_shape, dtype="uint8", name="pixels"),
        keras.layers.Rescaling(1 / 255, name="scaling"),
        keras.layers.Flatten(name="flatten"),
    ]
    for number, units in enumerate(model.hidden_units, start=1):
        layers.append(keras.layers.Dense(units, model.activation, name=f"hidden_{number}"))
    layers.append(keras.layers.Dense(classes, name="logits"))
    return keras.Sequential(layers)


def initial_weights(model: Model, image_shape: tuple[int, int], classes: int, seed: int) -> Weights:
    """Return the weights that every variant starts from at `seed`."""
    keras.utils.set_random_seed(seed)
    return get_weights(build_model(model, image_shape, classes))


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
