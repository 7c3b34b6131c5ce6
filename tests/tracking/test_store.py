from pathlib import Path

import pandas as pd
import pytest
from mlflow import MlflowClient

from optledger.errors import UserError
from optledger.tracking.runs import Run
from optledger.tracking.store import Published, publish, tracking_uri

CURVES = pd.DataFrame({"epoch": range(1, 601), "train_loss": 0.5, "validation_loss": 0.25})


def runs(folder: Path) -> list[Run]:
    """A parent with more parameters and points than a request may hold, and its child."""
    (folder / "history.csv").write_text("epoch\n")
    parent = Run(
        key="p",
        kind="variant",
        name="adam",
        parameters={f"parameter_{number}": "1" for number in range(150)},
        metrics={"accuracy": 0.9},
        curves=CURVES,
        tags={"variant": "adam"},
        artifacts=(folder / "history.csv",),
        description="Adam, in words.",
    )
    return [parent, Run(key="c", kind="seed", name="adam seed 0", parent="p", curves=CURVES[:3])]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, with a space in its name, that has a store of its own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "a b").mkdir()
    return tmp_path / "a b"


def stored(root: Path) -> dict[str, tuple[object, ...]]:
    """Everything in the store, by run key."""
    client = MlflowClient(tracking_uri(root))
    experiment = client.get_experiment_by_name("e")
    found = {}
    for run in client.search_runs([experiment.experiment_id]):
        run_id = run.info.run_id
        found[run.data.tags["optledger.key"]] = (
            run_id,
            run.info.status,
            run.data.params,
            {
                metric: sorted(
                    (point.step, point.timestamp, point.value)
                    for point in client.get_metric_history(run_id, metric)
                )
                for metric in run.data.metrics
            },
            [file.path for file in client.list_artifacts(run_id)],
        )
    return found


def test_runs_are_created_once(root: Path) -> None:
    """A second publication finds every run and changes none."""
    assert publish(runs(root), "e", root) == Published(created=2, completed=0, present=0)
    before = stored(root)
    assert publish(runs(root), "e", root) == Published(created=0, completed=0, present=2)
    assert stored(root) == before


def test_all_of_a_run_is_there(root: Path) -> None:
    """Parameters and points beyond MLflow's limits on a request, artifacts, and the parent."""
    publish(runs(root), "e", root)
    run_id, status, parameters, metrics, artifacts = stored(root)["p"]
    assert status == "FINISHED"
    assert len(parameters) == 150
    assert [step for step, _, _ in metrics["train_loss"]] == list(range(1, 601))
    assert artifacts == ["history.csv"]
    client = MlflowClient(tracking_uri(root))
    child = client.get_run(stored(root)["c"][0])
    assert child.data.tags["mlflow.parentRunId"] == run_id
    assert client.get_run(run_id).data.tags["mlflow.note.content"] == "Adam, in words."


def test_a_run_that_broke_off_is_completed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was logged before the break is not doubled, and what was not is added."""
    monkeypatch.setattr(MlflowClient, "log_artifact", _break)
    with pytest.raises(UserError, match=r"the connection broke$"):
        publish(runs(root), "e", root)
    broken = stored(root)["p"]
    assert broken[1] == "RUNNING"
    monkeypatch.undo()
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert publish(runs(root), "e", root) == Published(created=1, completed=1, present=0)
    completed = stored(root)["p"]
    assert completed[0] == broken[0]
    assert completed[1] == "FINISHED"
    assert completed[3] == broken[3]
    assert completed[4] == ["history.csv"]


def _break(*_: object) -> None:
    raise ConnectionResetError("the connection broke")


def test_a_store_that_is_none_is_one_line(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is no database, and a database whose driver is not installed."""
    (root / "mlflow.db").write_text("this is no database" * 100)
    with pytest.raises(UserError, match="file is not a database"):
        publish(runs(root), "e", root)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://someone:secret@127.0.0.1/e")
    with pytest.raises(UserError, match=r"^publish: .*No module named 'psycopg"):
        publish(runs(root), "e", root)


def test_a_server_that_is_down_is_one_line(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the store."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(UserError, match=r"^publish: http://127.0.0.1:9: ") as caught:
        publish(runs(root), "e", root)
    assert "\n" not in str(caught.value)
