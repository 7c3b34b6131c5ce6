"""The rules against Keras's optimizers, against each other, and against closed forms."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from optledger.cases.rules import Adam, Array, GradientDescent, Momentum, RMSprop
from optledger.training.textbook_optimizers import TextbookAdam, TextbookMomentum

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


def keras_path(optimizer: Any, weights: Array, sequence: Array, dtype: str) -> Array:
    """Return the weights after each step of a Keras optimizer, which computes in their type."""
    variable = keras.Variable(weights, dtype=dtype)
    visited = []
    for gradient in sequence.astype(dtype):
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
        visited.append(variable.value.numpy().astype(np.float64))
    return np.stack(visited)


# A rule with constants, and what takes its steps: from a learning rate, β and β₂.
PAIRS: dict[str, Callable[[float, float, float], tuple[Any, Any]]] = {
    "gradient descent": lambda rate, beta, beta_2: (
        GradientDescent(rate),
        keras.optimizers.SGD(rate),
    ),
    # Keras's v has no factor 1 - beta, and so the learning rate has it.
    "momentum": lambda rate, beta, beta_2: (
        Momentum(rate / (1 - beta), beta),
        keras.optimizers.SGD(rate, momentum=beta),
    ),
    "RMSprop": lambda rate, beta, beta_2: (
        RMSprop(rate, beta),
        keras.optimizers.RMSprop(rate, rho=beta),
    ),
    # Keras adds epsilon elsewhere: of no effect where it is nearly nothing.
    "Adam": lambda rate, beta, beta_2: (
        Adam(rate, beta, beta_2, epsilon=1e-30),
        keras.optimizers.Adam(rate, beta, beta_2, epsilon=1e-30),
    ),
    "textbook momentum": lambda rate, beta, beta_2: (
        Momentum(rate, beta),
        TextbookMomentum(rate, beta),
    ),
    "textbook Adam": lambda rate, beta, beta_2: (
        Adam(rate, beta, beta_2, epsilon=1e-3),
        TextbookAdam(rate, beta, beta_2, epsilon=1e-3),
    ),
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_keras_takes_the_same_steps(pair: Callable[..., tuple[Any, Any]]) -> None:
    """Step by step over 100 steps, to 1e-6 in float32.

    The weights are of order 1, so that float32 holds them to 6e-8, and each step rounds anew: over
    ten seeds of the gradients the largest difference was 8.3e-7.
    """
    rule, optimizer = pair(0.001, 0.9, 0.999)
    start = np.linspace(-1, 1, 5)
    expected = path(rule, start, gradients())
    found = keras_path(optimizer, start, gradients(), "float32")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_in_float64_keras_takes_the_same_steps_to_the_last_digits(
    pair: Callable[..., tuple[Any, Any]],
) -> None:
    """What float32 leaves of a difference is rounding, not another formula.

    The constants are sums of a few powers of 2, as Keras keeps them in float32.
    """
    rule, optimizer = pair(2**-7, 1 - 2**-3, 1 - 2**-10)
    start = np.linspace(-1, 1, 5)
    expected = path(rule, start, gradients())
    found = keras_path(optimizer, start, gradients(), "float64")
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("size", [1.0, 1e-3, 1e-4, 1e-5])
def test_epsilon_in_the_root_damps_what_keras_takes_in_full(size: float) -> None:
    """With a constant gradient g, m̂ = g and v̂ = g², whose steps have closed forms.

    The article's is η g / √(g² + ε); Keras's is η g / (g + ε / √(1 - β₂ᵗ)), as it adds ε to √v. For
    ε = 1e-7, g = 1e-4 and t = 100 they are 0.30 η and 0.997 η.
    """
    beta, epsilon, t = 0.999, 1e-7, np.arange(1, STEPS + 1)
    constant = np.full((STEPS, 1), size)
    article = path(Adam(1.0, epsilon=epsilon), np.zeros(1), constant)
    by_keras = keras_path(
        keras.optimizers.Adam(1.0, epsilon=epsilon), np.zeros(1), constant, "float64"
    )
    expected = size / np.sqrt(size**2 + epsilon)
    np.testing.assert_allclose(-np.diff(article[:, 0], prepend=0), expected, rtol=1e-9)
    expected = size / (size + epsilon / np.sqrt(1 - beta**t))
    np.testing.assert_allclose(-np.diff(by_keras[:, 0], prepend=0), expected, rtol=1e-4)


def test_momentum_is_keras_s_at_a_constant_learning_rate_only() -> None:
    """When the rate falls to 0 Keras's weights go on by the v of before; the article's stop."""
    gradient, start = np.ones(1), np.zeros(1)
    variable = keras.Variable(start, dtype="float64")
    optimizer = keras.optimizers.SGD(1.0, momentum=0.5)
    for rate in (1.0, 0.0):
        optimizer.learning_rate = rate
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    assert variable.value.numpy() == [-1.5]
    first, velocity = Momentum(2.0, beta=0.5).step(start, gradient, start)
    second, _ = Momentum(0.0, beta=0.5).step(first, gradient, velocity)
    assert first.tolist() == second.tolist() == [-1.0]


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


@pytest.mark.parametrize(("factor", "converges"), [(0.99, True), (1.01, False)])
def test_gradient_descent_converges_below_two_over_the_largest_curvature(
    factor: float, converges: bool
) -> None:
    """On a quadratic, and for no larger learning rate."""
    curvature = np.array([1.0, 10.0, 100.0])
    rule, w = GradientDescent(factor * 2 / 100), np.ones(3)
    for _ in range(2000):
        w, _ = rule.step(w, curvature * w, None)
    assert (np.abs(w).max() < 1e-9) == converges


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (GradientDescent(2 / 101), 99 / 101),
        (Momentum(4 / 11**2 / (1 - (9 / 11) ** 2), beta=(9 / 11) ** 2), 9 / 11),
    ],
    ids=["gradient descent", "momentum"],
)
def test_momentum_takes_the_root_of_the_condition_number(rule: Any, expected: float) -> None:
    """With the best constants and κ = 100: (κ - 1) / (κ + 1) a step, and (√κ - 1) / (√κ + 1).

    Momentum's is that of the long run: its error falls like t ρᵗ.
    """
    curvature, w = np.array([1.0, 100.0]), np.ones(2)
    state, errors = rule.start(w), []
    for _ in range(400):
        w, state = rule.step(w, curvature * w, state)
        errors.append(np.linalg.norm(w))
    assert (errors[399] / errors[299]) ** 0.01 == pytest.approx(expected, rel=0.005)


def test_nothing_is_changed_in_place() -> None:
    """A state can be kept and stepped from again."""
    for rule in (GradientDescent(0.1), Momentum(0.1), RMSprop(0.1), Adam(0.1)):
        weights, gradient = np.ones(5), gradients(1)[0]
        state = rule.start(weights)
        first = rule.step(weights, gradient, state)
        again = rule.step(weights, gradient, state)
        np.testing.assert_array_equal(first[0], again[0])
        np.testing.assert_array_equal(weights, np.ones(5))
