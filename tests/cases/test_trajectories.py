"""Trajectories and tables, on a parabola whose numbers can be had by hand."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression as Reference
from sklearn.metrics import classification_report

from optledger.cases.bundled import breast_cancer, diabetes
from optledger.cases.linear_regression import LinearRegression
from optledger.cases.methods import Visit
from optledger.cases.trajectories import (
    FLOOR,
    Trajectory,
    classification_scores,
    follow,
    method_table,
    regression_scores,
    trajectory_table,
)
from optledger.core.params import Case, Method

# The loss (w - 2)² / 2, of a single weight, the bias.
PARABOLA = LinearRegression(np.ones((1, 1)), np.array([2.0]), 0.0)

OPTIMUM = np.array([2.0])


def halving() -> Iterator[Visit]:
    """Half of what is left of the way in each epoch, without end."""
    return (Visit(epoch, OPTIMUM * (1 - 0.5**epoch)) for epoch in range(10**9))


def test_suboptimality_is_relative_to_the_start() -> None:
    """A quarter after half of the way, a sixteenth after half of the rest."""
    trajectory = follow(PARABOLA, OPTIMUM, halving(), epochs=2)
    assert trajectory.epochs.tolist() == [0, 1, 2]
    assert trajectory.suboptimality.tolist() == [1, 1 / 4, 1 / 16]
    assert trajectory.weights == [1.5]


def test_a_method_that_has_arrived_is_followed_no_further() -> None:
    """The floor is the least that is told, and the end: 1/4 to the 17th is below it."""
    trajectory = follow(PARABOLA, OPTIMUM, halving(), epochs=1000)
    assert trajectory.epochs[-1] == 17
    assert trajectory.suboptimality[-1] == FLOOR
    assert trajectory.suboptimality[-2] > FLOOR


def test_epochs_are_the_most_that_a_method_takes() -> None:
    """Also where its visits are several epochs apart."""
    visits = [Visit(epoch, OPTIMUM / 2) for epoch in (0, 4, 8, 12)]
    assert follow(PARABOLA, OPTIMUM, visits, epochs=10).epochs.tolist() == [0, 4, 8]


def test_a_method_that_diverges_is_followed_until_then() -> None:
    """No warning and no infinity; the last finite weights, and the epoch of the first others."""
    visits = [Visit(epoch, np.array([1e60**epoch])) for epoch in range(6)]
    trajectory = follow(PARABOLA, OPTIMUM, visits, epochs=5)
    assert trajectory.diverged_epoch == 3
    assert trajectory.epochs.tolist() == [0, 1, 2]
    assert np.isfinite(trajectory.suboptimality).all()


def test_long_trajectories_are_thinned_for_a_log_scale() -> None:
    """All of the first epochs, about twenty of each decade, and the last."""
    epochs = np.arange(1001)
    table = trajectory_table({"a": Trajectory(epochs, 0.99**epochs, OPTIMUM, None)})
    shown = table["epoch"].tolist()
    assert shown[:6] == [0, 1, 2, 3, 4, 5]
    assert shown[-1] == 1000
    assert sum(100 < epoch <= 1000 for epoch in shown) == 20


def test_a_trajectory_may_be_its_start_only() -> None:
    """Of a method that diverges at once, or whose first iteration takes more epochs than it has."""
    trajectory = Trajectory(np.array([0]), np.array([1.0]), OPTIMUM, 1)
    assert trajectory_table({"a": trajectory})["epoch"].tolist() == [0]


def test_suboptimalities_are_written_with_three_digits() -> None:
    """What is beyond them may depend on the processor."""
    trajectory = Trajectory(np.arange(2), np.array([1.0, 0.123456]), OPTIMUM, None)
    assert trajectory_table({"a": trajectory})["suboptimality"].tolist() == [1.0, 0.123]


@pytest.fixture
def case() -> Case:
    """A case with one method."""
    return Case(
        model="linear_regression",
        test_fraction=0.2,
        seed=0,
        l2=0,
        epochs=10,
        methods={"adam": Method(rule="adam", learning_rate=0.5)},
    )


def test_the_table_of_methods(case: Case) -> None:
    """A row each: settings, milestones where they were reached, the end, test metrics."""
    data = diabetes(0.2, seed=0)
    problem = LinearRegression(data.train_features, data.train_targets, 0)
    optimum = problem.optimum()
    arrived = Trajectory(np.array([0, 2, 4]), np.array([1, 1e-4, FLOOR]), optimum, None)
    short = Trajectory(np.arange(3), np.array([1, 0.5, 0.02]), 1.5 * optimum, None)
    lost = Trajectory(np.arange(2), np.array([1, 1e300]), optimum, 2)
    # Its loss is a number; in the target's own unit, its squared error is none.
    far = Trajectory(np.arange(2), np.array([1, 1e300]), np.full(11, 5e151), None)
    trajectories = {"adam": short, "diverged": lost, "far": far, "newton": arrived}
    table = method_table(case, data, problem, optimum, trajectories).set_index("method")
    assert table.loc["adam", ["learning_rate", "batch_size"]].tolist() == [0.5, "full"]
    assert table.loc["newton", ["learning_rate", "batch_size"]].isna().all()
    assert table["epochs"].tolist() == [2, 1, 1, 4]
    assert np.isfinite(table.loc["far", "loss"])
    assert np.isnan(table.loc["far", "mean_squared_error"])
    assert table.loc["newton", ["epochs_to_1e-03", "epochs_to_1e-06"]].tolist() == [2, 4]
    assert table.loc["adam", ["epochs_to_1e-03", "epochs_to_1e-06"]].isna().all()
    assert table.loc["adam", "distance"] == 0.5
    assert table.loc["newton", "distance"] == 1e-7
    assert table.loc["newton", "loss"] == problem.loss(optimum)
    assert table["diverged_epoch"].dropna().to_dict() == {"diverged": 2}
    assert table.loc["diverged", ["distance", "loss", "r2"]].isna().all()


def test_regression_metrics_are_in_the_target_s_own_unit() -> None:
    """Those of the mean of the train targets: R² is about 0, the error about their deviation."""
    data = diabetes(0.2, seed=0)
    mean = np.zeros(11)
    mean[-1] = data.train_targets.mean()
    scores = regression_scores(data, mean)
    errors = data.test_targets - mean[-1] * data.target_deviation
    assert scores["mean_squared_error"] == pytest.approx(np.mean(errors**2))
    assert scores["mean_absolute_error"] == pytest.approx(np.mean(np.abs(errors)))
    assert scores["r2"] == pytest.approx(1 - np.sum(errors**2) / _squares(data.test_targets))


def _squares(targets: np.ndarray) -> float:
    return float(np.sum((targets - targets.mean()) ** 2))


def test_classification_metrics_are_those_of_the_malignant() -> None:
    """Scikit-learn's report on its own model's predictions of class 1."""
    data = breast_cancer(0.2, seed=0)
    reference = Reference().fit(data.train_features[:, :-1], data.train_targets)
    report = classification_report(
        data.test_targets, reference.predict(data.test_features[:, :-1]), output_dict=True
    )
    scores = classification_scores(data, np.append(reference.coef_, reference.intercept_))
    assert scores["accuracy"] == pytest.approx(report["accuracy"])
    for metric, name in (("precision", "precision"), ("recall", "recall"), ("f1", "f1-score")):
        assert scores[metric] == pytest.approx(report["1.0"][name])


def test_a_model_that_finds_nothing_scores_zero() -> None:
    """A precision of no predictions is 0, without a warning."""
    data = breast_cancer(0.2, seed=0)
    never = np.zeros(31)
    never[-1] = -1.0
    scores = pd.Series(classification_scores(data, never))
    assert scores[["precision", "recall", "f1"]].tolist() == [0, 0, 0]
