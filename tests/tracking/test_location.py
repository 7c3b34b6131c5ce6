from pathlib import Path

import pytest

from optledger.tracking.location import database, tracking_uri


def test_a_relative_store_is_the_repositorys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a temporary copy of it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs/mlflow.db?timeout=9")
    monkeypatch.chdir(tmp_path)
    expected = f"sqlite:///{tmp_path}/a b/runs/mlflow.db?timeout=9"
    assert tracking_uri(Path("a b")) == expected


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
