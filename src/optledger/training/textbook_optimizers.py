"""The article's rules that Keras does not have, as Keras optimizers that a variant can name.

The others are Keras's own: SGD, and RMSprop, whose epsilon is inside the root too. The rules are
those of `optledger.cases.rules`, in the precision of the weights, and the tests hold them
against it. docs/mathematics.md has the conventions of the article, Keras and PyTorch side by side.
"""

import math
from typing import Any

import keras
from keras import ops


class TextbookMomentum(keras.optimizers.Optimizer):  # type: ignore[misc] # Keras has no types
    """v ← β v + (1 - β) g;  w ← w - η v.

    Keras's `SGD(momentum=β)` takes the same steps with the learning rate (1 - β) η, as long as
    that is constant: its v holds the learning rates of the steps before, this one gradients only.
    """

    def __init__(self, learning_rate: float = 0.01, beta: float = 0.9) -> None:
        """Set the constants.

        Args:
            learning_rate: η.
            beta: β, what the average keeps at each step, at least 0 and below 1.
        """
        super().__init__(learning_rate)
        self.beta = beta

    def build(self, variables: list[Any]) -> None:
        """Make v of each variable: zeros."""
        if not self.built:
            super().build(variables)
            self._averages = self.add_optimizer_variables(variables, "average")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Take a step with one variable and its gradient, both of the same shape."""
        average = self._averages[self._get_variable_index(variable)]
        self.assign_add(average, (gradient - average) * (1 - self.beta))
        self.assign_sub(variable, average * ops.cast(learning_rate, variable.dtype))


class TextbookAdam(keras.optimizers.Optimizer):  # type: ignore[misc] # Keras has no types
    """m ← β₁ m + (1 - β₁) g;  v ← β₂ v + (1 - β₂) g².

    Then m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ) and w ← w - η m̂ / √(v̂ + ε).

    Inside the root, ε weighs more: where a gradient is much smaller than √ε, which is 3e-4 for the
    default, a step is damped that Keras's Adam would take in full.
    """

    def __init__(
        self,
        learning_rate: float = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
    ) -> None:
        """Set the constants.

        Args:
            learning_rate: η.
            beta_1: β₁, what the average of the gradients keeps, at least 0 and below 1.
            beta_2: β₂, what the average of their squares keeps, at least 0 and below 1.
            epsilon: ε, above 0: a weight whose gradient has always been 0 has v̂ = 0.
        """
        super().__init__(learning_rate)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables: list[Any]) -> None:
        """Make m and v of each variable: zeros."""
        if not self.built:
            super().build(variables)
            self._first, self._second = self.add_optimizer_variables(variables, ["first", "second"])

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Take a step with one variable and its gradient, both of the same shape."""
        index = self._get_variable_index(variable)
        m, v = self._first[index], self._second[index]
        self.assign_add(m, (gradient - m) * (1 - self.beta_1))
        self.assign_add(v, (ops.square(gradient) - v) * (1 - self.beta_2))
        t = ops.cast(self.iterations + 1, variable.dtype)
        # The corrections are scalars: it costs nothing to divide by them before the arrays.
        rate = ops.cast(learning_rate, variable.dtype) / _one_minus_power(self.beta_1, t)
        corrected = v / _one_minus_power(self.beta_2, t)
        self.assign_sub(variable, m * rate / ops.sqrt(corrected + self.epsilon))


def _one_minus_power(beta: float, t: Any) -> Any:
    """Return 1 - βᵗ to the last digits: in float32, 0.999 is 1 - 0.001 to 5 digits only."""
    return -ops.expm1(t * (math.log(beta) if beta else -math.inf))
