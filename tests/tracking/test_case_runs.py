"""The runs of the committed cases, in a real store."""

from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from optledger.core import params
from optledger.tracking.agreement import RunCounts
from optledger.tracking.location import tracking_uri
from optledger.tracking.publication import publish_runs
from optledger.tracking.runs import collect_cases
from project import REPOSITORY

NAME = "logistic_regression"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MlflowClient:
    """A client of a store that has the committed cases, published twice."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(REPOSITORY)
    runs = collect_cases(params.load())
    # Two cases of five methods, and three more that are always run.
    assert publish_runs(runs, "e", tmp_path) == RunCounts(created=18)
    assert publish_runs(runs, "e", tmp_path) == RunCounts(present=18)
    return MlflowClient(tracking_uri(tmp_path))


def test_a_case_is_a_run_with_its_methods_as_children(client: MlflowClient) -> None:
    """The parent has tables, figure and settings; a child its row, and its way as a curve."""
    experiment = client.get_experiment_by_name("e")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    case = runs[NAME]
    files = [file.path for file in client.list_artifacts(case.info.run_id)]
    assert files == [
        "content.json",
        "figure.svg",
        "methods.csv",
        "methods.json",
        "trajectories.csv",
    ]
    assert case.data.params["methods.sgd.batch_size"] == "32"
    children = {
        run.data.tags["optledger.method"]: run
        for run in runs.values()
        if run.data.tags.get("mlflow.parentRunId") == case.info.run_id
    }
    table = pd.read_csv(f"results/cases/{NAME}/methods.csv", index_col="method")
    assert set(children) == set(table.index)
    adam = children["adam"]
    assert adam.data.params["learning_rate"] == "0.2"
    assert adam.data.params["l2"] == "0.01"
    assert "learning_rate" not in children["newton"].data.params
    for metric in ("epochs_to_1e-03", "loss", "f1"):
        assert adam.data.metrics[metric] == table.loc["adam", metric]
    assert adam.data.metrics["suboptimality"] == table.loc["adam", "suboptimality"]
    points = pd.read_csv(f"results/cases/{NAME}/trajectories.csv").query("method == 'adam'")
    history = client.get_metric_history(adam.info.run_id, "suboptimality")
    expected = list(zip(points["epoch"], points["suboptimality"], strict=True))
    assert sorted((point.step, point.value) for point in history) == expected
