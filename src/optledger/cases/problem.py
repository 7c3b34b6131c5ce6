"""Problems: the loss of a model on examples, which a method has to minimize.

Symbols: X features, y targets, n examples, d features of each, w weights, λ the L2 penalty.
The formulas write λ for all weights, but it is 0 for the bias.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from optledger.cases.rules import Array


@dataclass(frozen=True)
class Problem(ABC):
    """The loss of a model on examples, as a function of the weights.

    Attributes:
        features: X, shape (n, d + 1). The last column is ones, so the last weight is the bias, and
            the article's wx + b is Xw.
        targets: y, shape (n,).
        l2: λ. The loss includes λ/2 times the sum of the squared weights without the bias.
    """

    features: Array
    targets: Array
    l2: float

    @property
    def start(self) -> Array:
        """The weights that every method starts from: zeros, shape (d + 1,)."""
        return np.zeros(self.features.shape[1])

    @cached_property
    def penalties(self) -> Array:
        """λ for each weight and 0 for the bias, shape (d + 1,)."""
        return np.append(np.full(self.features.shape[1] - 1, self.l2), 0.0)

    def of(self, rows: NDArray[np.int64]) -> Self:
        """Return the same problem on some of the examples."""
        return replace(self, features=self.features[rows], targets=self.targets[rows])

    @abstractmethod
    def loss(self, weights: Array) -> float:
        """Return the mean loss over the examples plus the penalty."""

    @abstractmethod
    def gradient(self, weights: Array) -> Array:
        """Return the gradient of the loss, shape (d + 1,)."""

    @abstractmethod
    def hessian(self, weights: Array) -> Array:
        """Return the second derivatives of the loss, shape (d + 1, d + 1)."""

    @abstractmethod
    def optimum(self) -> Array:
        """Return the weights of the smallest loss, shape (d + 1,)."""


def with_bias(features: Array) -> Array:
    """Append a column of ones to features of shape (n, d)."""
    return np.column_stack([features, np.ones(len(features))])
