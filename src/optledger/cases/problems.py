"""The parts of a case: its examples, its problem, and the visits of each method."""

from collections.abc import Callable, Iterator

from optledger.cases.bundled import Data, breast_cancer, diabetes
from optledger.cases.linear_regression import LinearRegression
from optledger.cases.logistic_regression import LogisticRegression
from optledger.cases.methods import (
    Rule,
    Visit,
    conjugate_gradient,
    descend,
    newton,
    scipy_conjugate_gradient,
)
from optledger.cases.problem import Problem
from optledger.cases.rules import Adam, GradientDescent, Momentum, RMSprop
from optledger.core.params import Case, Method

MODELS: dict[str, tuple[Callable[[float, int], Data], type[Problem]]] = {
    "linear_regression": (diabetes, LinearRegression),
    "logistic_regression": (breast_cancer, LogisticRegression),
}

RULES: dict[str, Callable[[float], Rule]] = {
    "gradient_descent": GradientDescent,
    "momentum": Momentum,
    "rmsprop": RMSprop,
    "adam": Adam,
}

_TOLERANCE = 1e-12
"""The gradient norm at which Newton's method and conjugate gradients end."""

_LINE_SEARCH_TOLERANCE = 1e-8
"""The largest gradient entry at which SciPy's conjugate gradients end.

Their line search compares losses. Below this tolerance, the last bits of the losses would decide.
"""


def problem_of(case: Case) -> tuple[Data, Problem]:
    """Return the examples of a case, and the problem on their train part."""
    load, model = MODELS[case.model]
    data = load(case.test_fraction, case.seed)
    return data, model(data.train_features, data.train_targets, case.l2)


def ways(case: Case, problem: Problem) -> dict[str, Iterator[Visit]]:
    """Return the visits of each method by its name; some never end."""
    return {
        **{name: _descend(case, method, problem) for name, method in case.methods.items()},
        "conjugate_gradient": conjugate_gradient(problem, problem.start, _TOLERANCE),
        "newton": newton(problem, problem.start, _TOLERANCE),
        "scipy_cg": scipy_conjugate_gradient(problem, problem.start, _LINE_SEARCH_TOLERANCE),
    }


def _descend(case: Case, method: Method, problem: Problem) -> Iterator[Visit]:
    batch_size = len(problem.targets) if method.batch_size == "full" else method.batch_size
    rule = RULES[method.rule](method.learning_rate)
    return descend(problem, rule, problem.start, batch_size, case.seed)
