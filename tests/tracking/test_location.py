import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from sqlalchemy import create_engine

from optledger.core.errors import UserError
from optledger.tracking.location import database, rehome, sqlite_uri, tracking_uri
from optledger.tracking.standing import Standing
from optledger.tracking.store import open_store


def test_a_relative_store_is_the_repositorys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a temporary copy of it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs/mlflow.db?timeout=9")
    monkeypatch.chdir(tmp_path)
    expected = f"sqlite:///{tmp_path}/a b/runs/mlflow.db?timeout=9"
    assert tracking_uri(Path("a b")) == expected


@pytest.mark.parametrize(
    ("spelling", "file"),
    [
        ("sqlite:///./a.db", "a.db"),
        ("sqlite:///b/../a.db", "a.db"),
        ("sqlite:///a b.db?timeout=5&check_same_thread=false", "a b.db"),
        ("sqlite:///ü ö.db", "ü ö.db"),
        ("sqlite:///a%20b.db", "a b.db"),
        ("sqlite:///a%2520b.db", "a%20b.db"),
        ("sqlite:///100%.db", "100%.db"),
        ("sqlite:///a%3Fb#c.db", "a?b#c.db"),
        ("sqlite:///{folder}/a.db", "a.db"),
        ("sqlite:////{folder}/a.db", "a.db"),
        ("sqlite+pysqlite:///a.db", "a.db"),
        ("sqlite:///file:a.db?mode=rwc&uri=true", "a.db"),
        ("sqlite:///file:a%2520b.db?timeout=5&uri=true", "a b.db"),
        ("sqlite:///file:{folder}/a.db?psow=1&uri=yes", "a.db"),
        ("sqlite:///file:///{folder}/a%2520b.db?psow=1&uri=1", "a b.db"),
    ],
)
def test_a_database_is_the_file_that_sqlalchemy_takes_it_for(
    spelling: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where SQLAlchemy makes it; and MLflow, which makes folders, makes no other."""
    monkeypatch.chdir(tmp_path)
    uri = spelling.format(folder=tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    (tmp_path / "b").mkdir()
    for each in (uri, tracking_uri(tmp_path)):
        engine = create_engine(each)
        with engine.begin() as connection:
            connection.exec_driver_sql("CREATE TABLE t (a)")
        engine.dispose()
        (made,) = (path for path in tmp_path.iterdir() if path.is_file())
        assert made.name == file
        made.unlink()
    found = database(tracking_uri(tmp_path))
    assert found is not None
    assert found.resolve() == tmp_path / file


@pytest.mark.parametrize(
    "uri",
    [
        *("sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///?timeout=3"),
        *("sqlite:///file::memory:?cache=shared&uri=true", "sqlite:///file:a?mode=memory&uri=true"),
    ],
)
def test_a_database_in_memory_is_refused(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is lost when the command ends."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UserError, match=r"^MLFLOW_TRACKING_URI: found sqlite:.* in memory"):
        tracking_uri(Path())


@pytest.mark.parametrize(
    "uri",
    [
        *("sqlite:a.db", "sqlite:/a.db", "sqlite://host/a.db", "sqlite+odd:///a.db"),
        *("sqlite:///a.db?timeout=long", "sqlite:///file:a.db?uri=perhaps"),
    ],
)
def test_what_sqlalchemy_cannot_read_is_one_line(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what it says of it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(UserError, match=r"^MLFLOW_TRACKING_URI: found .*; allowed: .*$"):
        tracking_uri(Path())


@pytest.mark.parametrize("uri", ["http://127.0.0.1:5000", "file:///a", "postgresql://a@b/sqlite"])
def test_other_stores_are_no_files(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their URIs are left as they are."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    assert tracking_uri(Path()) == uri
    assert database(uri) is None


@pytest.mark.parametrize("name", ["a b", "ü", "100%", "a%20b", "a?b", "a#b"])
def test_a_checkout_may_have_any_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that means something in a URI."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / name).mkdir()
    uri = tracking_uri(tmp_path / name)
    assert uri == sqlite_uri(tmp_path / name / "mlflow.db")
    create_engine(uri).connect().close()
    assert (tmp_path / name / "mlflow.db").exists()


def filled(folder: Path, database: Path | None = None) -> MlflowClient:
    """Give a checkout with an empty store a run and a registered model, each with a file."""
    uri = sqlite_uri(database or folder / "mlflow.db")
    store = open_store(uri, "e", folder, Standing(), restore=False)
    client, experiment = store.client, str(store.experiment_id)
    run = client.create_run(experiment).info.run_id
    client.log_text(run, "of the run", "file.txt")
    model = client.create_logged_model(experiment, "m", run)
    (folder / "model").mkdir()
    (folder / "model/file.txt").write_text("of the model")
    client.log_model_artifacts(model.model_id, str(folder / "model"))
    client.create_registered_model("m")
    version = client.create_model_version("m", model.artifact_location, model_id=model.model_id)
    client.set_registered_model_alias("m", "champion", version.version)
    return client


def artifacts(folder: Path) -> list[Path]:
    """Where the store of a checkout finds the files of its run and of its champion."""
    client = MlflowClient(sqlite_uri(folder / "mlflow.db"))
    (run,) = client.search_runs([client.get_experiment_by_name("e").experiment_id])
    version = client.get_model_version_by_alias("m", "champion")
    model = client.get_model_version_download_uri("m", version.version)
    return [Path(download_artifacts(f"{uri}/file.txt")) for uri in (run.info.artifact_uri, model)]


def names(folder: Path, text: str) -> list[str]:
    """The columns of a checkout's store that have a text somewhere."""
    found = []
    with closing(sqlite3.connect(folder / "mlflow.db")) as store:
        tables = store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for column in store.execute(f"PRAGMA table_info({table})").fetchall():
                query = f"SELECT count(*) FROM {table} WHERE instr({column[1]}, ?)"
                if store.execute(query, (text,)).fetchone() != (0,):
                    found.append(f"{table}.{column[1]}")
    return found


@pytest.mark.parametrize("name", ["c", "c d", "ü", "a b/c"])
def test_a_store_that_was_moved_has_its_artifacts(root: Path, name: str) -> None:
    """Runs and the champion, under every name; and once more, back again."""
    filled(root)
    before = names(root, root.as_uri())
    assert "model_versions.source" in before
    moved = root.parent / "other" / name
    moved.parent.mkdir(parents=True)
    for old, new in ((root, moved), (moved, root)):
        shutil.move(old, new)
        rehome(new / "mlflow.db")
        assert names(new, old.as_uri() + "/") == []
        assert names(new, new.as_uri() + "/") == before
        assert all(path.is_relative_to(new) for path in artifacts(new))
        assert [path.read_text() for path in artifacts(new)] == ["of the run", "of the model"]
        assert not old.exists()


def test_a_copy_has_artifacts_of_its_own(root: Path) -> None:
    """Nothing more is written where it was copied from."""
    filled(root)
    copy = root.parent / "copy"
    shutil.copytree(root, copy)
    before = sorted(root.rglob("*"))
    rehome(copy / "mlflow.db")
    assert all(path.is_relative_to(copy) for path in artifacts(copy))
    store = open_store(sqlite_uri(copy / "mlflow.db"), "e", copy, Standing(), False)
    run = store.client.create_run(str(store.experiment_id)).info.run_id
    store.client.log_text(run, "new", "new.txt")
    assert sorted(root.rglob("*")) == before
    assert len(list(copy.rglob("new.txt"))) == 1


def test_artifacts_that_are_elsewhere_stay_there(root: Path) -> None:
    """As of another checkout that publishes to this one's store, which has some of its own."""
    other = root.parent / "other"
    other.mkdir()
    filled(other, root / "mlflow.db")
    (root / "mlartifacts" / "of another run").mkdir(parents=True)
    before = (root / "mlflow.db").read_bytes()
    rehome(root / "mlflow.db")
    assert (root / "mlflow.db").read_bytes() == before
    assert all(path.is_relative_to(other) for path in artifacts(root))


def test_a_folder_with_two_names_is_no_other(root: Path) -> None:
    """Its URIs are as good as before."""
    filled(root)
    before = (root / "mlflow.db").read_bytes()
    moved = root.parent / "moved"
    root.rename(moved)
    root.symlink_to(moved)
    rehome(moved / "mlflow.db")
    assert (moved / "mlflow.db").read_bytes() == before


def test_a_store_without_tables_is_left_alone(tmp_path: Path) -> None:
    """None at all, and one that MLflow is about to fill."""
    (tmp_path / "mlartifacts").mkdir()
    rehome(tmp_path / "mlflow.db")
    assert not (tmp_path / "mlflow.db").exists()
    (tmp_path / "mlflow.db").touch()
    rehome(tmp_path / "mlflow.db")
    assert (tmp_path / "mlflow.db").read_bytes() == b""


def test_a_store_that_cannot_be_changed_is_one_line(root: Path) -> None:
    """What is in its place is no database."""
    (root / "mlartifacts").mkdir()
    (root / "mlflow.db").write_text("this is no database" * 100)
    with pytest.raises(UserError, match=r"mlflow.db: file is not a database$"):
        rehome(root / "mlflow.db")
