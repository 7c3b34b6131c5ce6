"""A snapshot, read without MLflow, has what MLflow would tell."""

from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import ViewType

from optledger.tracking.publication import publish_runs
from optledger.tracking.run import Run
from optledger.tracking.snapshot import database, read_snapshot, tracking_uri
from optledger.tracking.store import stored_run
from torture import Bench

RUNS = [Run(content={"kind": "variant", "name": name}, name=name) for name in ("a", "b", "c")]


def told_by_mlflow(uri: str) -> list[object]:
    """Return the runs of the experiment, deleted ones included."""
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("e")
    found = client.search_runs([experiment.experiment_id], run_view_type=ViewType.ALL)
    return sorted(map(stored_run, found), key=lambda run: run.run_id)


def test_a_database_holds_what_mlflow_tells(root: Path) -> None:
    """Of the roots asked for: ids, times, status, and tags; a deleted run as deleted."""
    publish_runs(RUNS, "e", root)
    uri = tracking_uri(root)
    MlflowClient(uri).delete_run(told_by_mlflow(uri)[1].run_id)
    snapshot = read_snapshot(uri, "e", [run.key for run in RUNS])
    assert snapshot is not None
    assert sorted(snapshot.runs, key=lambda run: run.run_id) == told_by_mlflow(uri)
    experiment = MlflowClient(uri).get_experiment_by_name("e")
    assert (snapshot.experiment_id, snapshot.tags) == (experiment.experiment_id, experiment.tags)
    one = read_snapshot(uri, "e", [RUNS[0].key])
    assert one is not None
    assert len(one.runs) == 1
    assert read_snapshot(uri, "another", [run.key for run in RUNS]) is None


def test_a_server_holds_what_mlflow_tells(
    server: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a database does, page by page; a deleted run as deleted."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.server)
    monkeypatch.setattr("optledger.tracking.snapshot._PAGE", 1)
    child = Run(content={"kind": "seed"}, name="a seed 0", parent=RUNS[0])
    family = [RUNS[0], child, *RUNS[1:]]
    publish_runs(family, "e", tmp_path)
    client = MlflowClient(server.server)
    client.delete_run(told_by_mlflow(server.server)[1].run_id)
    snapshot = read_snapshot(server.server, "e", [run.key for run in RUNS])
    assert snapshot is not None
    assert sorted(snapshot.runs, key=lambda run: run.run_id) == told_by_mlflow(server.server)
    experiment = client.get_experiment_by_name("e")
    assert (snapshot.experiment_id, snapshot.tags) == (experiment.experiment_id, experiment.tags)
    assert read_snapshot(server.server, "another", [RUNS[0].key]) is None
    monkeypatch.setenv("MLFLOW_WORKSPACE", "team")
    assert read_snapshot(server.server, "e", [RUNS[0].key]) is None


def test_a_relative_store_is_the_repositorys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a temporary copy of it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs/mlflow.db?timeout=9")
    monkeypatch.chdir(tmp_path)
    expected = f"sqlite:///{tmp_path}/a b/runs/mlflow.db?timeout=9"
    assert tracking_uri(Path("a b")) == expected


def test_runs_of_a_deleted_experiment_are_deleted(root: Path) -> None:
    """Whatever became of them before."""
    publish_runs(RUNS, "e", root)
    uri = tracking_uri(root)
    client = MlflowClient(uri)
    client.delete_experiment(client.get_experiment_by_name("e").experiment_id)
    snapshot = read_snapshot(uri, "e", [run.key for run in RUNS])
    assert snapshot is not None
    assert all(run.deleted for run in snapshot.runs)


def test_what_is_not_plain_is_left_to_mlflow(root: Path) -> None:
    """A database that is not there, none at all, and a store of another kind."""
    assert read_snapshot(f"sqlite:///{root}/none.db", "e", ["a"]) is None
    assert not (root / "none.db").exists()
    (root / "text.db").write_text("this is no database" * 100)
    assert read_snapshot(f"sqlite:///{root}/text.db", "e", ["a"]) is None
    assert read_snapshot("postgresql://127.0.0.1:9/e", "e", ["a"]) is None


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("sqlite:////a b/mlflow.db", Path("/a b/mlflow.db")),
        ("sqlite:///mlflow.db", Path("mlflow.db")),
        ("sqlite:///mlflow.db?timeout=5", Path("mlflow.db")),
        ("http://127.0.0.1:5000", None),
    ],
)
def test_a_store_may_be_a_file(uri: str, path: Path | None) -> None:
    """As SQLAlchemy writes it."""
    assert database(uri) == path
