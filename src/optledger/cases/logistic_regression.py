"""Logistic regression: ŷ = sigmoid(Xw), the probability of class 1, with cross-entropy."""

import numpy as np
from scipy.special import expit

from optledger.cases.methods import newton
from optledger.cases.problem import Problem
from optledger.cases.rules import Array


class LogisticRegression(Problem):
    """L(w) = -1/n Σ [y log ŷ + (1 - y) log(1 - ŷ)] + λ/2 Σ w².

    With z = Xw, the cross-entropy of an example is log(1 + eᶻ) - y z. This form stays finite where
    ŷ is rounded to 0 or 1, and the formula with ŷ would take the logarithm of 0.

    Without a penalty there is no optimum for classes that a plane separates: the loss keeps falling
    as w grows. Sources of the penalty: Hoerl and Kennard 1970; le Cessie and van Houwelingen 1992.
    """

    def loss(self, weights: Array) -> float:
        """Return L(w)."""
        z = self.features @ weights
        penalty = self.penalties @ weights**2 / 2
        return float(np.mean(np.logaddexp(0, z) - self.targets * z) + penalty)

    def gradient(self, weights: Array) -> Array:
        """Return Xᵀ(ŷ - y)/n + λw."""
        residuals = expit(self.features @ weights) - self.targets
        gradient: Array = self.features.T @ residuals / len(residuals) + self.penalties * weights
        return gradient

    def hessian(self, weights: Array) -> Array:
        """Return Xᵀ diag(ŷ (1 - ŷ)) X/n + λI."""
        z = self.features @ weights
        # 1 - ŷ is computed as sigmoid(-z), which keeps its digits where ŷ is nearly 1.
        curvatures = expit(z) * expit(-z)
        weighted = curvatures[:, None] * self.features
        hessian: Array = self.features.T @ weighted / len(z) + np.diag(self.penalties)
        return hessian

    def optimum(self) -> Array:
        """Return the weights at which Newton's method reaches a gradient norm of at most 1e-12."""
        *_, last = newton(self, self.start, tolerance=1e-12)
        return last.weights
