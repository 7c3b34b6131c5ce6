import keras
import numpy as np
import pytest

from optledger.training.textbook_optimizers import TextbookAdam, TextbookMomentum

# Their steps are held against the rules in tests/textbook/test_rules.py, and their compiled steps
# against an eager loop in test_engine.py.


def first_step(optimizer: keras.optimizers.Optimizer, gradient: list[float]) -> list[float]:
    """Return how far the first step goes from 0 against a gradient, in float32."""
    variable = keras.Variable(np.zeros(len(gradient), np.float32))
    optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return list(-variable.value.numpy())


def test_a_weight_without_gradient_stays() -> None:
    """As that of a pixel which is black in every image: 0 / √ε, not 0 / 0."""
    assert first_step(TextbookAdam(), [0.0, 1.0])[0] == 0


def test_without_memory_the_averages_are_the_gradient() -> None:
    """With β = 0, momentum is gradient descent, and Adam's step the learning rate."""
    assert first_step(TextbookMomentum(0.5, beta=0), [2.0]) == [1.0]
    assert first_step(TextbookAdam(0.5, beta_1=0, beta_2=0), [2.0]) == pytest.approx([0.5])


def test_the_first_step_of_adam_is_the_learning_rate() -> None:
    """To float32's last digits, though 1 - 0.999 has only five of them right in float32."""
    assert first_step(TextbookAdam(1.0, epsilon=1e-12), [1.0]) == pytest.approx([1.0], rel=2e-7)


def test_momentum_stops_where_the_learning_rate_does() -> None:
    """Its average holds gradients, not the learning rates of the steps before as Keras's does."""
    variable = keras.Variable(np.zeros(1, np.float32))
    optimizer = TextbookMomentum(2.0, beta=0.5)
    for rate in (2.0, 0.0):
        optimizer.learning_rate = rate
        optimizer.apply([keras.ops.ones(1)], [variable])
    assert variable.value.numpy() == [-1.0]
