"""What theory says of the methods, on the two cases."""

from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
from scipy.optimize import minimize

from optledger.cases.linear_regression import LinearRegression
from optledger.cases.logistic_regression import LogisticRegression
from optledger.cases.methods import (
    Visit,
    conjugate_gradient,
    descend,
    newton,
    scipy_conjugate_gradient,
)
from optledger.cases.problem import Problem
from optledger.cases.rules import Adam, GradientDescent, Momentum, RMSprop

ALL = 10**9
"""More than there are examples: full batches."""


def suboptimality(problem: Problem, visits: list[Visit]) -> list[float]:
    """Return the loss above the smallest, relative to the start's, at each visit."""
    least = problem.loss(problem.optimum())
    excess = problem.loss(problem.start) - least
    return [(problem.loss(visit.weights) - least) / excess for visit in visits]


def epochs(problem: Problem, rule: Any, count: int, batch_size: int = ALL) -> list[Visit]:
    """Return the start and the visits of as many epochs of a rule."""
    way = descend(problem, rule, problem.start, batch_size, seed=0)
    return list(islice(way, count + 1))


def test_newton_is_there_at_once_on_linear_regression(linear: LinearRegression) -> None:
    """Its quadratic is the loss: one iteration, a gradient and a Hessian, and the gradient is 0."""
    start, end = newton(linear, linear.start, tolerance=1e-12)
    assert (start.epoch, end.epoch) == (0, 2)
    np.testing.assert_allclose(end.weights, linear.optimum(), rtol=1e-9, atol=1e-12)


def test_newton_converges_quadratically(logistic: LogisticRegression) -> None:
    """Near the optimum, the error of a step is at most a multiple of the last one's square."""
    optimum = logistic.optimum()
    visits = newton(logistic, logistic.start, tolerance=1e-12)
    errors = [float(np.linalg.norm(visit.weights - optimum)) for visit in visits]
    near = [error for error in errors if 1e-7 < error < 0.3]
    assert len(near) >= 2
    for error, following in zip(near, errors[errors.index(near[0]) + 1 :], strict=False):
        assert following < error**2


def test_newton_halves_a_step_that_is_too_long(logistic: LogisticRegression) -> None:
    """Far out, where the loss is nearly straight, it would overshoot; every step is downhill."""
    slack = replace(logistic, l2=1e-6)
    visits = list(newton(slack, 3 * logistic.optimum(), tolerance=1e-9))
    losses = [slack.loss(visit.weights) for visit in visits]
    assert max(np.diff([visit.epoch for visit in visits])) > 2
    assert (np.diff(losses) < 1e-15).all()


def test_conjugate_gradients_end_on_linear_regression(linear: LinearRegression) -> None:
    """In as many iterations as there are weights, which are 11."""
    visits = list(islice(conjugate_gradient(linear, linear.start, tolerance=1e-12), 12))
    assert suboptimality(linear, visits)[-1] < 1e-14


def test_conjugate_gradients_reach_what_scipy_s_reach(logistic: LogisticRegression) -> None:
    """The same weights, in fewer gradients and Hessians than SciPy takes gradients."""
    *_, last = conjugate_gradient(logistic, logistic.start, tolerance=1e-8)
    *_, of_scipy = scipy_conjugate_gradient(logistic, logistic.start, tolerance=1e-9)
    np.testing.assert_allclose(last.weights, of_scipy.weights, atol=1e-6)
    assert last.epoch < of_scipy.epoch


def test_scipy_s_epochs_are_its_evaluations(logistic: LogisticRegression) -> None:
    """As SciPy counts them itself; the weights of an iteration are kept as they were."""
    *_, last = visits = list(scipy_conjugate_gradient(logistic, logistic.start, tolerance=1e-6))
    found = minimize(
        logistic.loss, logistic.start, jac=logistic.gradient, method="CG", options={"gtol": 1e-6}
    )
    assert (len(visits) - 1, last.epoch) == (found.nit, found.njev)
    assert last.weights.tolist() == found.x.tolist()
    losses = [logistic.loss(visit.weights) for visit in visits]
    assert (np.diff(losses) < 0).all()


def test_gradient_descent_contracts_as_the_hessian_says(linear: LinearRegression) -> None:
    """Each step takes the error times at most max |1 - η λ|, and in the end that much."""
    curvatures = np.linalg.eigvalsh(linear.hessian(linear.start))
    rate = np.abs(1 - 0.2 * curvatures).max()
    optimum = linear.optimum()
    visits = epochs(linear, GradientDescent(0.2), 3000)
    errors = np.array([np.linalg.norm(visit.weights - optimum) for visit in visits])
    assert (errors[1:] <= errors[:-1] * rate * (1 + 1e-9)).all()
    assert errors[-1] / errors[-2] == pytest.approx(rate, rel=1e-5)


@pytest.mark.parametrize(("times", "converges"), [(0.99, True), (1.01, False)])
def test_gradient_descent_diverges_beyond_two_over_the_largest_curvature(
    linear: LinearRegression, times: float, converges: bool
) -> None:
    """A hundredth below 2/λ it nears the optimum; a hundredth above it goes away for ever."""
    limit = 2 / np.linalg.eigvalsh(linear.hessian(linear.start)).max()
    found = suboptimality(linear, epochs(linear, GradientDescent(times * limit), 2000))
    assert (found[-1] < 1e-4) == converges
    assert (found[-1] > 1e4) != converges


@pytest.mark.parametrize(
    ("rule", "batch_size", "linearly", "logistically"),
    [
        (GradientDescent, ALL, (0.2, 1e-4), (10, 1e-10)),
        (GradientDescent, 32, (0.002, 1e-3), (0.02, 1e-4)),
        (Momentum, ALL, (5, 1e-10), (10, 1e-10)),
        (RMSprop, ALL, (0.002, 1e-4), (0.002, 1e-10)),
        (Adam, ALL, (0.2, 1e-10), (0.2, 1e-10)),
    ],
    ids=["gradient descent", "SGD", "momentum", "RMSprop", "Adam"],
)
def test_every_rule_approaches_the_optimum(
    linear: LinearRegression,
    logistic: LogisticRegression,
    rule: Any,
    batch_size: int,
    linearly: tuple[float, float],
    logistically: tuple[float, float],
) -> None:
    """In 1,000 epochs, with the learning rates of params.yaml, to so much of the start's excess."""
    for problem, (rate, reached) in ((linear, linearly), (logistic, logistically)):
        visits = epochs(problem, rule(rate), 1000, batch_size)
        assert suboptimality(problem, visits)[-1] < reached


def test_momentum_pays_where_curvatures_differ_more(
    linear: LinearRegression, logistic: LogisticRegression
) -> None:
    """Of their best rates: momentum is faster with a condition of 442, slower with one of 19."""

    def needed(problem: Problem, rule: Any) -> int:
        found = suboptimality(problem, epochs(problem, rule, 3000))
        return next(epoch for epoch, value in enumerate(found) if value < 1e-6)

    for problem, condition in ((linear, 442), (logistic, 19.5)):
        hessian = problem.hessian(problem.optimum())
        assert np.linalg.cond(hessian) == pytest.approx(condition, rel=1e-3)
    assert needed(linear, Momentum(5)) < needed(linear, GradientDescent(0.2)) / 10
    assert needed(logistic, Momentum(10)) > needed(logistic, GradientDescent(10))


@pytest.mark.parametrize(("centred", "least", "most"), [(True, 1e-6, 1.0), (False, 0.0, 1e-12)])
def test_adam_makes_steps_of_rounding_errors(
    linear: LinearRegression, centred: bool, least: float, most: float
) -> None:
    """Of a bias whose optimum is where it starts: a last bit decides where it is 20 steps later."""
    targets = linear.targets - (linear.targets.mean() if centred else 0)
    problem = replace(linear, targets=targets)
    nudged = problem.start + np.append(np.zeros(10), 1e-16)
    ends = [
        list(islice(descend(problem, Adam(0.2), start, ALL, seed=0), 21))[-1].weights
        for start in (problem.start, nudged)
    ]
    assert least <= np.abs(ends[0] - ends[1]).max() <= most


def test_small_batches_stop_short_of_the_optimum(logistic: LogisticRegression) -> None:
    """With a constant rate SGD ends in a ball around it, the larger the larger the rate."""
    ends = [
        float(
            np.mean(suboptimality(logistic, epochs(logistic, GradientDescent(rate), 300, 32)[-50:]))
        )
        for rate in (0.2, 1.0)
    ]
    assert 1e-5 < ends[0] < ends[1]


def test_batches_divide_the_examples_anew_in_each_epoch(problem: Problem) -> None:
    """Each epoch has every example once, in an order that follows from the seed."""
    seen: list[list[float]] = []

    class Recorder(type(problem)):  # type: ignore[misc]
        def gradient(self, weights: Any) -> Any:
            seen.append(list(self.features[:, 0]))
            return super().gradient(weights)

    recorder = Recorder(problem.features, problem.targets, problem.l2)
    epochs(recorder, GradientDescent(0.001), 2, batch_size=100)
    each = -(-len(problem.targets) // 100)
    assert [len(batch) for batch in seen] == 2 * [*[100] * (each - 1), len(problem.targets) % 100]
    first, second = np.concatenate(seen[:each]), np.concatenate(seen[each:])
    for epoch in (first, second):
        np.testing.assert_array_equal(np.sort(epoch), np.sort(problem.features[:, 0]))
    assert not np.array_equal(first, second)


def test_the_order_of_batches_is_the_seed_s(linear: LinearRegression) -> None:
    """The same seed gives the same weights, bit for bit; another gives others."""
    ways = [descend(linear, GradientDescent(0.01), linear.start, 32, seed) for seed in (0, 0, 1)]
    one, again, other = (list(islice(way, 4))[-1].weights for way in ways)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


def test_batches_of_all_examples_are_gradient_descent(linear: LinearRegression) -> None:
    """In whatever order, the mean over all of them is the gradient."""
    size = len(linear.targets)
    exactly = epochs(linear, GradientDescent(0.1), 5, size)[-1].weights
    np.testing.assert_array_equal(exactly, epochs(linear, GradientDescent(0.1), 5)[-1].weights)
