"""Methods that minimize a loss, as iterators over the weights that they visit.

The cost of a method is counted in epochs, which are passes over all training examples. Each of
these costs one epoch:

- a gradient, in however many batches;
- a Hessian, or its product with a direction;
- a loss that a line search evaluates at a step and then rejects.

The loss at an accepted step costs nothing, as it comes with the gradient there.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from scipy.linalg import solve
from scipy.optimize import minimize

from optledger.cases.problem import Problem
from optledger.cases.rules import Array

_SUFFICIENT_DECREASE = 1e-4
"""The share of the decrease promised by the gradient that a step must reach (Armijo 1966)."""


class Rule(Protocol):
    """The interface of the update rules in optledger.cases.rules."""

    def start(self, weights: Array) -> Any:
        """Return the state before the first step."""

    def step(self, weights: Array, gradient: Array, state: Any) -> tuple[Array, Any]:
        """Return the weights and the state after a step."""


class Visit(NamedTuple):
    """Weights, and the epochs spent to reach them."""

    epoch: int
    weights: Array


def descend(
    problem: Problem, rule: Rule, weights: Array, batch_size: int, seed: int
) -> Iterator[Visit]:
    """Follow an update rule, without end.

    Args:
        problem: what to minimize.
        rule: turns each gradient into a step.
        weights: where to start.
        batch_size: the number of examples of a gradient. With all examples the method is gradient
            descent, with fewer it is stochastic. The last batch of an epoch may be smaller.
        seed: the seed for the order of the examples, which is drawn anew for each epoch.

    Yields:
        The start, and the weights after each epoch.
    """
    generator = np.random.default_rng(seed)
    examples = len(problem.targets)
    state, epoch = rule.start(weights), 0
    while True:
        yield Visit(epoch, weights)
        epoch += 1
        if batch_size >= examples:
            weights, state = rule.step(weights, problem.gradient(weights), state)
            continue
        order = generator.permutation(examples)
        for first in range(0, examples, batch_size):
            batch = problem.of(order[first : first + batch_size])
            weights, state = rule.step(weights, batch.gradient(weights), state)


def newton(problem: Problem, weights: Array, tolerance: float) -> Iterator[Visit]:
    """Follow Newton's method: w ← w - t H⁻¹ g.

    t starts at 1 and is halved until the loss decreases sufficiently. Source: Boyd and Vandenberghe
    2004, section 9.5.

    Args:
        problem: what to minimize; strictly convex.
        weights: where to start.
        tolerance: the method ends when the gradient's Euclidean norm is at most this.

    Yields:
        The start, and the weights after each iteration.
    """
    epoch = 0
    while True:
        yield Visit(epoch, weights)
        gradient = problem.gradient(weights)
        if np.linalg.norm(gradient) <= tolerance:
            return
        direction: Array = -solve(problem.hessian(weights), gradient, assume_a="positive definite")
        step, halvings = _backtrack(problem, weights, direction, gradient)
        weights = weights + step * direction
        epoch += 2 + halvings


def conjugate_gradient(problem: Problem, weights: Array, tolerance: float) -> Iterator[Visit]:
    """Follow conjugate gradients: d ← -g + β d;  w ← w + t d.

    β = max(0, g·(g - g₋) / g₋·g₋), where g₋ is the previous gradient. t starts at -g·d / d·Hd,
    which reaches the minimum along d if the loss is quadratic. It is halved until the loss
    decreases sufficiently. If d does not point downhill, it is replaced by -g.

    On linear regression this is the method of Hestenes and Stiefel 1952. It ends after as many
    iterations as there are weights. Source of β: Polak and Ribière 1969; of t: Shewchuk 1994,
    section 14.1.

    Args:
        problem: what to minimize; strictly convex.
        weights: where to start.
        tolerance: the method ends when the gradient's Euclidean norm is at most this.

    Yields:
        The start, and the weights after each iteration.
    """
    epoch = 0
    gradient = problem.gradient(weights)
    direction = -gradient
    while True:
        yield Visit(epoch, weights)
        if np.linalg.norm(gradient) <= tolerance:
            return
        slope = float(gradient @ direction)
        if slope >= 0:
            direction, slope = -gradient, -float(gradient @ gradient)
        curvature = float(direction @ problem.hessian(weights) @ direction)
        longest = -slope / curvature * direction
        step, halvings = _backtrack(problem, weights, longest, gradient)
        weights = weights + step * longest
        previous, gradient = gradient, problem.gradient(weights)
        beta = max(0.0, float(gradient @ (gradient - previous)) / float(previous @ previous))
        direction = -gradient + beta * direction
        epoch += 2 + halvings


def scipy_conjugate_gradient(problem: Problem, weights: Array, tolerance: float) -> Iterator[Visit]:
    """Follow SciPy's conjugate gradients, whose line search does not use the Hessian.

    An evaluation of the loss with its gradient costs one epoch. Source: Nocedal and Wright 2006,
    section 5.2; `scipy.optimize.minimize(method="CG")`.

    Args:
        problem: what to minimize.
        weights: where to start.
        tolerance: the method ends when no entry of the gradient is larger in absolute value.

    Yields:
        The start, and the weights after each iteration.
    """
    visits = [Visit(0, weights)]
    epochs = 0

    def loss_and_gradient(trial: Array) -> tuple[float, Array]:
        nonlocal epochs
        epochs += 1
        return problem.loss(trial), problem.gradient(trial)

    minimize(
        loss_and_gradient,
        weights,
        jac=True,
        method="CG",
        callback=lambda found: visits.append(Visit(epochs, found.copy())),
        options={"gtol": tolerance},
    )
    yield from visits


def _backtrack(
    problem: Problem, weights: Array, direction: Array, gradient: Array
) -> tuple[float, int]:
    """Return the first of 1, 1/2, 1/4, … with a sufficient decrease, and the number of halvings."""
    loss, slope, halvings = problem.loss(weights), float(gradient @ direction), 0
    # A decrease below the last bits of the loss cannot be measured, so it is not required.
    allowance = 8 * np.finfo(np.float64).eps * max(1.0, abs(loss))
    while True:
        step = 0.5**halvings
        promised = _SUFFICIENT_DECREASE * step * slope
        if problem.loss(weights + step * direction) <= loss + promised + allowance:
            return step, halvings
        halvings += 1
