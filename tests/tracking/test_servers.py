"""What `optledger ui` and `optledger serve` say before they start a server."""

import re
import socket
from pathlib import Path

from project import Project
from servers import mlflow_server


def ends(project: Project, *command: str, **environment: str) -> list[str]:
    """Return what a command prints, and its exit status as the last line."""
    line = " ".join(command)
    printed = project.run("sh", "-c", f"{line}; echo $?", PYTHONPATH="src", **environment)
    return printed.splitlines()


def test_before_anything_is_published_there_is_a_line(project: Project) -> None:
    """Of each command; a file that is not there is not made."""
    for name in ("mlflow.db", "mlflow.db-journal"):
        (project.path / name).unlink(missing_ok=True)
    for command in ("ui", "serve"):
        assert ends(project, "optledger", command) == [
            f"{project.path}/mlflow.db: does not exist, as nothing was published yet; "
            "run: dvc repro publish",
            "2",
        ]
    assert not (project.path / "mlflow.db").exists()


def test_a_dataset_without_a_champion_is_a_line(project: Project) -> None:
    """As before its first official results."""
    line, status = ends(project, "optledger", "serve", "mnist")
    assert re.match("serve: sqlite:.* has no champion of optledger-mnist yet; ", line)
    assert status == "2"


def test_a_port_that_is_taken_is_a_line(project: Project) -> None:
    """With the command that takes another."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line, status = ends(project, "optledger", "ui", "--port", str(port))
    assert line.startswith(f"port {port}: Address already in use; take another: make ui PORT=")
    assert status == "2"


def test_the_links_lead_to_what_is_published(project: Project, tmp_path: Path) -> None:
    """On a server, that is all: the leaderboard of what is official, and the last try."""
    store = f"sqlite:///{project.path / 'mlflow.db'}"
    project.run("optledger", "publish", "--try", PYTHONPATH="src")
    with mlflow_server(tmp_path, store) as address:
        found = ends(project, "optledger", "ui", MLFLOW_TRACKING_URI=address)
    view = f"{address}/#/experiments/1/runs?workflowType=machine_learning&viewStateShareKey"
    # Before its results were committed, they were a try as well.
    assert found == [
        f"optledger-digits: {view}=leaderboard",
        f"optledger-digits, the last try, main: {view}=try-main",
        "0",
    ]
