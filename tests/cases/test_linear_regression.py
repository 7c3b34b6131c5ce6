"""The loss against its formula, its derivatives against differences, the optimum against others."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import approx_fprime, check_grad
from sklearn.linear_model import Ridge

from optledger.cases.linear_regression import LinearRegression
from optledger.cases.rules import Array, GradientDescent


def penalized(linear: LinearRegression) -> LinearRegression:
    """The same examples with a penalty."""
    return replace(linear, l2=0.3)


def somewhere(linear: LinearRegression) -> Array:
    """Weights without any meaning."""
    return np.random.default_rng(0).normal(size=linear.features.shape[1:])


def test_the_loss_is_the_article_s(linear: LinearRegression) -> None:
    """Half the mean of the squared errors, and half the sum of the squared weights but the bias."""
    *w, b = weights = somewhere(linear)
    errors = linear.targets - (linear.features[:, :-1] @ np.array(w) + b)
    assert linear.loss(weights) == pytest.approx(np.mean(errors**2) / 2, rel=1e-12)
    expected = np.mean(errors**2) / 2 + 0.3 / 2 * np.sum(np.square(w))
    assert penalized(linear).loss(weights) == pytest.approx(expected, rel=1e-12)


def test_the_gradient_is_that_of_the_loss(linear: LinearRegression) -> None:
    """Finite differences find the same, with a penalty too."""
    for problem in (linear, penalized(linear)):
        assert check_grad(problem.loss, problem.gradient, somewhere(linear)) < 1e-5


def test_the_hessian_is_that_of_the_loss(linear: LinearRegression) -> None:
    """Finite differences of the gradient find the same, with a penalty too."""
    for problem in (linear, penalized(linear)):
        found = approx_fprime(somewhere(linear), problem.gradient)
        np.testing.assert_allclose(problem.hessian(somewhere(linear)), found, atol=1e-5)


def test_the_optimum_is_least_squares(linear: LinearRegression) -> None:
    """NumPy's solution for the examples as they are, at which the gradient is nothing."""
    expected, *_ = np.linalg.lstsq(linear.features, linear.targets)
    np.testing.assert_allclose(linear.optimum(), expected, rtol=1e-9, atol=1e-12)
    assert np.linalg.norm(linear.gradient(linear.optimum())) < 1e-13


def test_the_penalized_optimum_is_ridge_regression(linear: LinearRegression) -> None:
    """Scikit-learn's alpha is n λ, and it leaves the bias out of the penalty too."""
    alpha = 0.3 * len(linear.targets)
    ridge = Ridge(alpha=alpha).fit(linear.features[:, :-1], linear.targets)
    expected = np.append(ridge.coef_, ridge.intercept_)
    np.testing.assert_allclose(penalized(linear).optimum(), expected, rtol=1e-9, atol=1e-12)


def test_the_article_s_sign_climbs(linear: LinearRegression) -> None:
    """It subtracts η/n Σ (y - ŷ) x: the loss grows with each step, while with (ŷ - y) it falls."""
    rule, descending, climbing = GradientDescent(0.1), linear.start, linear.start
    losses = []
    for _ in range(100):
        descending, _ = rule.step(descending, linear.gradient(descending), None)
        residuals = linear.targets - linear.features @ climbing
        climbing = climbing - 0.1 * linear.features.T @ residuals / len(residuals)
        losses.append((linear.loss(descending), linear.loss(climbing)))
    falling, growing = np.array(losses).T
    assert (np.diff(falling) < 0).all()
    assert (np.diff(growing) > 0).all()
    assert falling[-1] < 1.01 * linear.loss(linear.optimum())
    assert growing[-1] > 1e20
