"""The problems of the two cases that are committed."""

import pytest

from optledger.cases.bundled import breast_cancer, diabetes
from optledger.cases.linear_regression import LinearRegression
from optledger.cases.logistic_regression import LogisticRegression
from optledger.cases.problem import Problem


@pytest.fixture(scope="session")
def linear() -> LinearRegression:
    """Diabetes: 353 train examples of 10 features."""
    data = diabetes(0.2, seed=0)
    return LinearRegression(data.train_features, data.train_targets, 0.0)


@pytest.fixture(scope="session")
def logistic() -> LogisticRegression:
    """Breast cancer: 455 train examples of 30 features."""
    data = breast_cancer(0.2, seed=0)
    return LogisticRegression(data.train_features, data.train_targets, 0.01)


@pytest.fixture(params=["linear", "logistic"])
def problem(request: pytest.FixtureRequest) -> Problem:
    """Each of the two."""
    found: Problem = request.getfixturevalue(request.param)
    return found
