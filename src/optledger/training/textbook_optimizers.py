"""The article's update rules that Keras lacks, as Keras optimizers that a variant can name.

For the other rules, Keras's own optimizers serve: SGD, and RMSprop, whose epsilon is inside the
root, too. The rules here are those of `optledger.cases.rules`, in the precision of the weights, and
tests compare the two. docs/mathematics.md compares the conventions of the article, Keras and
PyTorch.
"""

import math
from typing import Any

import keras
from keras import ops


class TextbookMomentum(keras.optimizers.Optimizer):  # type: ignore[misc] # Keras has no types
    """Momentum: v ← β v + (1 - β) g;  w ← w - η v.

    Keras's `SGD(momentum=β)` takes the same steps with the learning rate (1 - β) η, if that is
    constant. Keras's v contains the learning rates of earlier steps, but this v only gradients.
    """

    def __init__(self, learning_rate: float = 0.01, beta: float = 0.9) -> None:
        """Set the constants.

        Args:
            learning_rate: η.
            beta: β, the share that the average keeps at each step, at least 0 and below 1.
        """
        super().__init__(learning_rate)
        self.beta = beta

    def build(self, variables: list[Any]) -> None:
        """Create v for each variable, filled with zeros."""
        if not self.built:
            super().build(variables)
            self._averages = self.add_optimizer_variables(variables, "average")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Take a step with one variable and its gradient, both of the same shape."""
        average = self._averages[self._get_variable_index(variable)]
        self.assign_add(average, (gradient - average) * (1 - self.beta))
        self.assign_sub(variable, average * ops.cast(learning_rate, variable.dtype))


class TextbookAdam(keras.optimizers.Optimizer):  # type: ignore[misc] # Keras has no types
    """Adam: m ← β₁ m + (1 - β₁) g;  v ← β₂ v + (1 - β₂) g².

    Then m̂ = m / (1 - β₁ᵗ), v̂ = v / (1 - β₂ᵗ) and w ← w - η m̂ / √(v̂ + ε).

    Inside the root, ε weighs more. Where a gradient is much smaller than √ε (3e-4 by default), it
    damps a step that Keras's Adam would take in full.
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
            beta_1: β₁, the share that the average of gradients keeps, at least 0 and below 1.
            beta_2: β₂, the share that the average of squares keeps, at least 0 and below 1.
            epsilon: ε, above 0, as v̂ = 0 for a weight whose gradient has always been 0.
        """
        super().__init__(learning_rate)
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon

    def build(self, variables: list[Any]) -> None:
        """Create m and v for each variable, filled with zeros."""
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
        # Correcting the scalar rate in place of m saves a division of an array.
        rate = ops.cast(learning_rate, variable.dtype) / _one_minus_power(self.beta_1, t)
        corrected = v / _one_minus_power(self.beta_2, t)
        self.assign_sub(variable, m * rate / ops.sqrt(corrected + self.epsilon))


def _one_minus_power(beta: float, t: Any) -> Any:
    """Return 1 - βᵗ to the last digits. In float32, 1 - 0.999 has only 5 correct digits."""
    return -ops.expm1(t * (math.log(beta) if beta else -math.inf))
