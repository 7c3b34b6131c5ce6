"""A snapshot of an experiment, read from its store without MLflow, whose import takes seconds.

Most publications find in it that nothing is missing. Where a store cannot be read plainly, as when
it asks for a password, there is no snapshot, and MLflow's client has to find out.
"""

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import requests

from optledger.core.errors import UserError
from optledger.tracking.agreement import ROOT, StoredRun

# Seconds that a server may take to answer, and those that it may be about to start.
_ANSWER, _START = 5.0, 2.5

_PAGE = 1000

_SQLITE = "sqlite:///"


class Snapshot(NamedTuple):
    """What a store holds of an experiment.

    Attributes:
        experiment_id: of the experiment.
        tags: of the experiment.
        runs: of some families in it.
    """

    experiment_id: str
    tags: Mapping[str, str]
    runs: list[StoredRun]


def tracking_uri(root: Path) -> str:
    """Return the store that MLFLOW_TRACKING_URI names, or the one of the repository at `root`."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{_SQLITE}mlflow.db"
    path = database(uri)
    # Of the repository, wherever a copy of it runs.
    return uri if path is None else uri.replace(str(path), str(root.resolve() / path), 1)


def database(uri: str) -> Path | None:
    """Return the file that a store is, if it is an SQLite database."""
    return Path(uri.removeprefix(_SQLITE).split("?")[0]) if uri.startswith(_SQLITE) else None


def read_snapshot(uri: str, experiment: str, roots: Sequence[str]) -> Snapshot | None:
    """Return what a store holds of an experiment, or None where it cannot be read plainly.

    Args:
        uri: of the store.
        experiment: its name.
        roots: the keys of the roots of the families that are of interest.

    Raises:
        UserError: the store is a server that is down.
    """
    if "MLFLOW_WORKSPACE" in os.environ:
        return None
    path = database(uri)
    if path is not None:
        return _from_database(path, experiment, roots) if path.exists() else None
    return _from_server(uri, experiment, roots) if uri.startswith("http") else None


_EXPERIMENT = """
    SELECT experiment.experiment_id, tag.key, tag.value
    FROM experiments AS experiment
    LEFT JOIN experiment_tags AS tag ON tag.experiment_id = experiment.experiment_id
    WHERE experiment.name = ?
"""


def _from_database(path: Path, experiment: str, roots: Sequence[str]) -> Snapshot | None:
    query = f"""
        SELECT run.run_uuid, run.start_time, run.status,
            'deleted' IN (run.lifecycle_stage, experiment.lifecycle_stage), tag.key, tag.value
        FROM experiments AS experiment
        JOIN runs AS run ON run.experiment_id = experiment.experiment_id
        JOIN tags AS root ON root.run_uuid = run.run_uuid AND root.key = '{ROOT}'
        JOIN tags AS tag ON tag.run_uuid = run.run_uuid
        WHERE experiment.name = ? AND root.value IN ({", ".join("?" * len(roots))})
        ORDER BY run.run_uuid
    """
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as store:
            rows = store.execute(query, (experiment, *roots)).fetchall()
            about = store.execute(_EXPERIMENT, (experiment,)).fetchall()
    except sqlite3.Error:
        return None
    if not about:
        return None
    runs = [
        StoredRun(run_id, start_time, status == "FINISHED", bool(deleted), _tags(tags))
        for (run_id, start_time, status, deleted), tags in groupby(rows, key=lambda row: row[:4])
    ]
    return Snapshot(str(about[0][0]), _tags(about), runs)


def _tags(rows: Iterable[Sequence[Any]]) -> dict[str, str]:
    return {key: value for *_, key, value in rows}


def _from_server(uri: str, experiment: str, roots: Sequence[str]) -> Snapshot | None:
    api = f"{uri.rstrip('/')}/api/2.0/mlflow"
    found = _first_answer(uri, f"{api}/experiments/get-by-name", {"experiment_name": experiment})
    if found is None:
        return None
    try:
        found.raise_for_status()
        about = found.json()["experiment"]
        tags = {tag["key"]: tag["value"] for tag in about.get("tags", [])}
        runs = [run for root in roots for run in _search(f"{api}/runs/search", about, root)]
    except (requests.RequestException, KeyError, TypeError, ValueError):
        return None
    return Snapshot(about["experiment_id"], tags, runs)


def _first_answer(uri: str, url: str, parameters: Mapping[str, str]) -> requests.Response | None:
    """Ask a server for the first time, and again if it is just being started."""
    end = time.monotonic() + _START
    while True:
        try:
            return requests.get(url, parameters, timeout=_ANSWER, auth=_user())
        except requests.exceptions.SSLError:
            # There are settings of MLflow's for that.
            return None
        except requests.RequestException as error:
            if time.monotonic() > end:
                raise UserError(f"publish: {uri}: found no server: {reason(error)}") from None
            time.sleep(0.5)


def _user() -> tuple[str, str] | None:
    names = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
    user, password = (os.environ.get(name, "") for name in names)
    return (user, password) if user else None


def _search(url: str, experiment: Mapping[str, str], root: str) -> Iterator[StoredRun]:
    query: dict[str, Any] = {
        "experiment_ids": [experiment["experiment_id"]],
        "filter": f"tags.`{ROOT}` = '{root}'",
        "run_view_type": "ALL",
        "max_results": _PAGE,
    }
    while True:
        answer = requests.post(url, json=query, timeout=_ANSWER, auth=_user())
        answer.raise_for_status()
        page = answer.json()
        for run in page.get("runs", []):
            info = run["info"]
            yield StoredRun(
                run_id=info["run_id"],
                start_time=int(info["start_time"]),
                finished=info["status"] == "FINISHED",
                deleted="deleted" in (info["lifecycle_stage"], experiment["lifecycle_stage"]),
                tags={tag["key"]: tag["value"] for tag in run["data"]["tags"]},
            )
        query["page_token"] = page.get("next_page_token")
        if not query["page_token"]:
            return


def reason(error: BaseException) -> str:
    """Return the first line of an error's innermost cause: the outer ones name objects."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return str(error).splitlines()[0] if str(error) else type(error).__name__
