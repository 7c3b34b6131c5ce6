"""Tracking stores for tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

import warm
from servers import postgresql, postgresql_is_installed
from torture import Bench, bench


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database without runs: MLflow takes seconds to make one."""
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def root(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder, with a space in its name, that has an empty store of its own."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "a b"
    folder.mkdir()
    shutil.copy(empty_store, folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="session")
def server() -> Iterator[Bench]:
    """An MLflow server on SQLite, behind a proxy that does wrong."""
    with bench() as ready:
        ready.python = warm.python()
        yield ready


@pytest.fixture
def database() -> Iterator[str]:
    """The URI of an empty PostgreSQL database."""
    # Nothing that pip installs; .ci/run installs it, so that nothing is skipped there.
    if not postgresql_is_installed():
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with postgresql() as uri:
        yield uri
