"""Update rules: how each optimizer turns a gradient into a step.

A rule holds its constants. `start` returns the state before the first step, and `step` takes a
step. Nothing is changed in place. Gradient descent and stochastic gradient descent are one rule:
they differ in the examples on which the gradient is computed.

Symbols: w weights; g gradient of the loss at w; η learning rate; β decay factors; ε a small number
that keeps a division finite; t the number of the step, from 1. All arrays have the shape of w.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GradientDescent:
    """w ← w - η g.

    Source: Cauchy 1847; with gradients on some of the examples, Robbins and Monro 1951.
    """

    learning_rate: float

    def start(self, weights: Array) -> None:
        """Return the state before the first step: there is none."""

    def step(self, weights: Array, gradient: Array, state: None) -> tuple[Array, None]:
        """Return the weights and the state after a step."""
        return weights - self.learning_rate * gradient, None


@dataclass(frozen=True)
class Momentum:
    """v ← β v + (1 - β) g;  w ← w - η v.

    v is an exponential average of the gradients. Polyak's own rule (1964), as in Keras and PyTorch,
    lacks the factor 1 - β. It takes the same steps with the learning rate (1 - β) η.
    """

    learning_rate: float
    beta: float = 0.9

    def start(self, weights: Array) -> Array:
        """Return v before the first step: zeros."""
        return np.zeros_like(weights)

    def step(self, weights: Array, gradient: Array, velocity: Array) -> tuple[Array, Array]:
        """Return the weights and v after a step."""
        velocity = self.beta * velocity + (1 - self.beta) * gradient
        return weights - self.learning_rate * velocity, velocity


@dataclass(frozen=True)
class RMSprop:
    """s ← β s + (1 - β) g²;  w ← w - η g / √(s + ε).

    Source: Tieleman and Hinton, lecture 6.5 of Neural Networks for Machine Learning, 2012. Keras
    also has ε inside the root; PyTorch adds it to the root.
    """

    learning_rate: float
    beta: float = 0.9
    epsilon: float = 1e-7

    def start(self, weights: Array) -> Array:
        """Return s before the first step: zeros."""
        return np.zeros_like(weights)

    def step(self, weights: Array, gradient: Array, squares: Array) -> tuple[Array, Array]:
        """Return the weights and s after a step."""
        squares = self.beta * squares + (1 - self.beta) * gradient**2
        return weights - self.learning_rate * gradient / np.sqrt(squares + self.epsilon), squares


class Moments(NamedTuple):
    """The state of Adam: m, v, and the number of steps taken."""

    first: Array
    second: Array
    steps: int


@dataclass(frozen=True)
class Adam:
    """m ← β₁ m + (1 - β₁) g;  v ← β₂ v + (1 - β₂) g².

    Then m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ) and w ← w - η m̂ / √(v̂ + ε).

    Source: Kingma and Ba 2015, arXiv:1412.6980. They add ε to √v̂, and so does PyTorch. Keras adds
    it to √v, before the correction.
    """

    learning_rate: float
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-7

    def start(self, weights: Array) -> Moments:
        """Return the state before the first step: zeros."""
        return Moments(np.zeros_like(weights), np.zeros_like(weights), 0)

    def step(self, weights: Array, gradient: Array, moments: Moments) -> tuple[Array, Moments]:
        """Return the weights and the moments after a step."""
        t = moments.steps + 1
        m = self.beta_1 * moments.first + (1 - self.beta_1) * gradient
        v = self.beta_2 * moments.second + (1 - self.beta_2) * gradient**2
        corrected_m, corrected_v = m / (1 - self.beta_1**t), v / (1 - self.beta_2**t)
        step = self.learning_rate * corrected_m / np.sqrt(corrected_v + self.epsilon)
        return weights - step, Moments(m, v, t)
