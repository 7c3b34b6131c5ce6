import keras
import numpy as np
import pytest

from digits import INTERFACE
from optledger.core.params import Component
from optledger.datasets.examples import Examples
from optledger.datasets.interface import Interface
from optledger.training.components import build_model
from optledger.training.weights import get_weights, initial_weights, set_weights


def test_a_multilayer_perceptron_is_dense_layers(digits: tuple[Examples, Examples]) -> None:
    """Its logits are those of NumPy's products with its weights."""
    _, test = digits
    component = Component(name="mlp", hidden_units=[16, 8], activation="relu")
    model = build_model(component, INTERFACE)
    set_weights(model, initial_weights(component, INTERFACE, seed=0))
    first, first_bias, second, second_bias, last, last_bias = get_weights(model).values()
    units = test.inputs.reshape(-1, 64) / 255
    units = np.maximum(units @ first + first_bias, 0)
    units = np.maximum(units @ second + second_bias, 0)
    np.testing.assert_allclose(
        model(test.inputs).numpy(), units @ last + last_bias, rtol=1e-4, atol=1e-6
    )


@pytest.mark.parametrize(("size", "shape"), [(3, (8, 8)), (2, (8, 8)), (5, (9, 11))])
def test_a_convolutional_network_is_keras_s(size: int, shape: tuple[int, int]) -> None:
    """With the same weights, the logits of Conv2D and MaxPooling2D layers."""
    component = Component(name="cnn", filters=[4, 6], kernel_size=size, activation="tanh")
    model = build_model(component, Interface(shape, 10))
    weights = initial_weights(component, Interface(shape, 10), seed=0)
    set_weights(model, weights)
    reference = keras.Sequential(
        [
            keras.Input((*shape, 1)),
            keras.layers.Conv2D(4, size, padding="same", activation="tanh"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(6, size, padding="same", activation="tanh"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dense(10),
        ]
    )
    reference.set_weights(
        [
            weight.reshape(variable.shape)
            for weight, variable in zip(weights.values(), reference.weights, strict=True)
        ]
    )
    images = np.random.default_rng(0).integers(0, 256, (20, *shape), np.uint8)
    expected = reference(images[..., None] / np.float32(255)).numpy()
    np.testing.assert_allclose(model(images).numpy(), expected, rtol=1e-4, atol=1e-5)


def test_dropout_has_no_weights_and_changes_no_start() -> None:
    """Variants with and without it start alike."""
    plain, dropping = (
        initial_weights(Component(name="mlp", hidden_units=[16], dropout=rate), INTERFACE, 0)
        for rate in (0.0, 0.5)
    )
    assert list(plain) == list(dropping)
    assert all((plain[name] == dropping[name]).all() for name in plain)
