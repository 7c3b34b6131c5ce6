"""Linear regression: ŷ = Xw with the mean squared error."""

import numpy as np

from optledger.cases.problem import Problem
from optledger.cases.rules import Array


class LinearRegression(Problem):
    """L(w) = 1/(2n) Σ (ŷ - y)² + λ/2 Σ w².

    The gradient contains the residual ŷ - y. The article subtracts a gradient with y - ŷ instead,
    which increases the loss. A test shows this.
    """

    def loss(self, weights: Array) -> float:
        """Return L(w)."""
        residuals = self.features @ weights - self.targets
        penalty = self.penalties @ weights**2 / 2
        return float(residuals @ residuals / (2 * len(residuals)) + penalty)

    def gradient(self, weights: Array) -> Array:
        """Return Xᵀ(ŷ - y)/n + λw."""
        residuals = self.features @ weights - self.targets
        return self.features.T @ residuals / len(residuals) + self.penalties * weights

    def hessian(self, weights: Array) -> Array:
        """Return XᵀX/n + λI, which is the same for all weights."""
        return self.features.T @ self.features / len(self.features) + np.diag(self.penalties)

    def optimum(self) -> Array:
        """Return the least squares solution, with the penalty as extra examples.

        There is one extra example for each weight. Its feature for that weight is √(nλ). All other
        features and the target are 0.
        """
        rows = np.diag(np.sqrt(len(self.features) * self.penalties))
        features = np.vstack([self.features, rows])
        targets = np.append(self.targets, np.zeros(len(rows)))
        solution: Array = np.linalg.lstsq(features, targets, rcond=None)[0]
        return solution
