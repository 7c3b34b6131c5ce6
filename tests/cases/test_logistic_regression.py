"""The loss against its formula, its derivatives against differences, the optimum against others."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import approx_fprime, check_grad
from sklearn.linear_model import LogisticRegression as Reference
from sklearn.metrics import log_loss

from optledger.cases.logistic_regression import LogisticRegression
from optledger.cases.rules import Array


def somewhere(logistic: LogisticRegression) -> Array:
    """Weights without any meaning, small enough for probabilities away from 0 and 1."""
    return np.random.default_rng(0).normal(size=logistic.features.shape[1:], scale=0.1)


def test_the_loss_is_cross_entropy(logistic: LogisticRegression) -> None:
    """Scikit-learn's, and half of λ times the sum of the squared weights but the bias."""
    *w, b = weights = somewhere(logistic)
    probabilities = 1 / (1 + np.exp(-(logistic.features[:, :-1] @ np.array(w) + b)))
    expected = log_loss(logistic.targets, probabilities) + 0.01 / 2 * np.sum(np.square(w))
    assert logistic.loss(weights) == pytest.approx(expected, rel=1e-12)


def test_the_loss_and_the_gradient_stay_finite(logistic: LogisticRegression) -> None:
    """Where every probability is 0 or 1 in float64: the loss is that of -z of the wrong ones."""
    unpenalized = replace(logistic, l2=0.0)
    weights = 1e6 * somewhere(logistic)
    z = logistic.features @ weights
    wrong = np.abs(z) * ((z > 0) != (logistic.targets == 1))
    assert unpenalized.loss(weights) == pytest.approx(wrong.mean(), rel=1e-9)
    assert np.isfinite(unpenalized.gradient(weights)).all()


def test_the_gradient_is_that_of_the_loss(logistic: LogisticRegression) -> None:
    """Finite differences find the same."""
    assert check_grad(logistic.loss, logistic.gradient, somewhere(logistic)) < 1e-5


def test_the_hessian_is_that_of_the_loss(logistic: LogisticRegression) -> None:
    """Finite differences of the gradient find the same."""
    found = approx_fprime(somewhere(logistic), logistic.gradient)
    np.testing.assert_allclose(logistic.hessian(somewhere(logistic)), found, atol=1e-5)


def test_the_optimum_is_scikit_learn_s(logistic: LogisticRegression) -> None:
    """Its C is 1/(n λ), and it leaves the bias out of the penalty too."""
    c = 1 / (len(logistic.targets) * logistic.l2)
    reference = Reference(C=c, solver="newton-cholesky", tol=1e-10)
    reference.fit(logistic.features[:, :-1], logistic.targets)
    expected = np.append(reference.coef_, reference.intercept_)
    np.testing.assert_allclose(logistic.optimum(), expected, rtol=1e-8, atol=1e-10)


def test_the_gradient_at_the_optimum_is_nothing(logistic: LogisticRegression) -> None:
    """To 1e-12."""
    assert np.linalg.norm(logistic.gradient(logistic.optimum())) <= 1e-12
