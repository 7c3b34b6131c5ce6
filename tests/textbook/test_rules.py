"""The rules against Keras's optimizers, against each other, and against closed forms."""

from typing import Any

import keras
import numpy as np
import pytest

from optledger.textbook.rules import Adam, Array, GradientDescent, Momentum, RMSprop

STEPS = 100


def gradients(count: int = STEPS) -> Array:
    """Return gradients of a few weights, whatever they are of; shape (count, weights)."""
    return np.random.default_rng(0).normal(size=(count, 5))


def path(rule: Any, weights: Array, sequence: Array) -> Array:
    """Return the weights after each step; shape (steps, weights)."""
    state, visited = rule.start(weights), []
    for gradient in sequence:
        weights, state = rule.step(weights, gradient, state)
        visited.append(weights)
    return np.stack(visited)


def keras_path(optimizer: Any, weights: Array, sequence: Array) -> Array:
    """Return the weights after each step of a Keras optimizer, which computes in float32."""
    variable = keras.Variable(weights, dtype="float32")
    visited = []
    for gradient in sequence.astype(np.float32):
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        visited.append(variable.value.numpy().astype(np.float64))
    return np.stack(visited)


@pytest.mark.parametrize(
    ("rule", "optimizer"),
    [
        (GradientDescent(0.01), lambda: keras.optimizers.SGD(0.01)),
        # Keras's v has no factor 1 - beta, and so the learning rate has it.
        (Momentum(0.01, beta=0.9), lambda: keras.optimizers.SGD(0.001, momentum=0.9)),
        (RMSprop(0.001, beta=0.9), lambda: keras.optimizers.RMSprop(0.001, rho=0.9)),
        # Keras adds epsilon elsewhere: of no effect where it is nearly nothing.
        (Adam(0.001, epsilon=1e-30), lambda: keras.optimizers.Adam(0.001, epsilon=1e-30)),
    ],
    ids=["gradient descent", "momentum", "RMSprop", "Adam"],
)
def test_keras_takes_the_same_steps(rule: Any, optimizer: Any) -> None:
    """Step by step over 100 steps, to 2e-6.

    The weights are of order 1, so that float32 holds them to 6e-8, and each step rounds anew.
    """
    start = np.linspace(-1, 1, 5)
    expected = path(rule, start, gradients())
    np.testing.assert_allclose(
        keras_path(optimizer(), start, gradients()), expected, rtol=0, atol=2e-6
    )


def test_momentum_without_memory_is_gradient_descent() -> None:
    """With β = 0 the average is the gradient."""
    start = np.ones(5)
    np.testing.assert_array_equal(
        path(Momentum(0.1, beta=0), start, gradients()),
        path(GradientDescent(0.1), start, gradients()),
    )


def test_a_step_of_adam_without_a_first_moment_is_one_of_rmsprop_corrected() -> None:
    """With β₁ = 0 and ε = 0 it is RMSprop's with ε = 0 times √(1 - β₂ᵗ)."""
    beta, start = 0.99, np.ones(5)
    adam, rmsprop = Adam(0.1, 0.0, beta, 0.0), RMSprop(0.1, beta, 0.0)
    moments, squares = adam.start(start), rmsprop.start(start)
    for t, gradient in enumerate(gradients(), start=1):
        by_adam, moments = adam.step(start, gradient, moments)
        by_rmsprop, squares = rmsprop.step(start, gradient, squares)
        corrected = (by_rmsprop - start) * np.sqrt(1 - beta**t)
        np.testing.assert_allclose(by_adam - start, corrected, rtol=1e-10)


def test_the_first_step_of_adam_is_the_learning_rate() -> None:
    """Whatever the gradient's size: the corrected moments are the gradient and its square."""
    for size in (1e-3, 1.0, 1e3):
        weights, _ = Adam(0.1, epsilon=0).step(
            np.zeros(1), np.array([size]), Adam(0.1).start(np.zeros(1))
        )
        assert weights == pytest.approx([-0.1], rel=1e-9)


def test_gradient_descent_on_a_parabola_follows_the_closed_form() -> None:
    """For the loss c w² / 2, w after t steps is (1 - η c)ᵗ times the first."""
    curvature, weights = np.array([0.5, 1.0, 3.0]), np.array([1.0, -2.0, 4.0])
    rule, w = GradientDescent(0.1), weights
    for _ in range(STEPS):
        w, _ = rule.step(w, curvature * w, None)
    np.testing.assert_allclose(w, (1 - 0.1 * curvature) ** STEPS * weights, rtol=1e-12)


def test_nothing_is_changed_in_place() -> None:
    """A state can be kept and stepped from again."""
    for rule in (GradientDescent(0.1), Momentum(0.1), RMSprop(0.1), Adam(0.1)):
        weights, gradient = np.ones(5), gradients(1)[0]
        state = rule.start(weights)
        first = rule.step(weights, gradient, state)
        again = rule.step(weights, gradient, state)
        np.testing.assert_array_equal(first[0], again[0])
        np.testing.assert_array_equal(weights, np.ones(5))
