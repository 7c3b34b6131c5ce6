"""An MLflow tracking store made to agree with a list of runs.

A run is created if no run of its key is there, completed if an earlier publication broke off, and
otherwise left alone, so that publishing twice is publishing once.
"""

import logging
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, ViewType
from mlflow.entities import Run as StoredRun
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from optledger.errors import UserError
from optledger.tracking.runs import Run

KEY, KIND = "optledger.key", "optledger.kind"

# MLflow's limits on one request: https://mlflow.org/docs/latest/rest-api.html#log-batch
_METRICS_A_REQUEST, _PARAMETERS_A_REQUEST = 1000, 100

_PAGE = 1000


class Published(NamedTuple):
    """What a publication did."""

    created: int
    completed: int
    present: int


def tracking_uri(root: Path) -> str:
    """Return the store that MLFLOW_TRACKING_URI names, or the one of the repository at `root`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{root.resolve() / 'mlflow.db'}"


def publish(runs: Sequence[Run], experiment: str, root: Path) -> Published:
    """Make the tracking store hold `runs`.

    Args:
        runs: a parent before its children.
        experiment: the name of the MLflow experiment, created if there is none.
        root: the repository, whose commit a run names and where a local store is.

    Raises:
        UserError: the store cannot be reached or used.
    """
    # A new database is not news.
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.WARNING)
    uri = tracking_uri(root)
    try:
        client = MlflowClient(uri)
        experiment_id = _experiment(client, experiment, uri, root)
        present = {run.data.tags[KEY]: run for run in _stored(client, experiment_id)}
        commit = _commit(root)
        counts = {"created": 0, "completed": 0, "present": 0}
        for run in runs:
            stored = present.get(run.key)
            if stored is None:
                stored = present[run.key] = _create(client, experiment_id, run, present, commit)
                counts["created"] += 1
            elif stored.info.status != "FINISHED":
                counts["completed"] += 1
            else:
                counts["present"] += 1
                continue
            _complete(client, stored, run)
    except (MlflowException, SQLAlchemyError, ImportError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"publish: {uri}: {reason}") from None
    return Published(**counts)


def _experiment(client: MlflowClient, name: str, uri: str, root: Path) -> str:
    found = client.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    # A server keeps artifacts where it likes; a local database would put them beside the caller.
    local = (root.resolve() / "mlartifacts").as_uri() if uri.startswith("sqlite:") else None
    # Which of its two faces the UI shows: training runs, not prompts and traces.
    tags = {"mlflow.experimentKind": "custom_model_development"}
    return str(client.create_experiment(name, artifact_location=local, tags=tags))


def _stored(client: MlflowClient, experiment_id: str) -> Iterator[StoredRun]:
    token = None
    while True:
        page = client.search_runs([experiment_id], "", ViewType.ACTIVE_ONLY, _PAGE, [], token)
        yield from (run for run in page if KEY in run.data.tags)
        token = page.token
        if not token:
            return


def _create(
    client: MlflowClient,
    experiment_id: str,
    run: Run,
    stored: dict[str, StoredRun],
    commit: str | None,
) -> StoredRun:
    tags = {
        KEY: run.key,
        KIND: run.kind,
        **{f"optledger.{name}": value for name, value in run.tags.items()},
        "mlflow.source.type": "PROJECT",
        "mlflow.source.name": "optledger",
    }
    if run.description:
        tags["mlflow.note.content"] = run.description
    if run.parent is not None:
        tags["mlflow.parentRunId"] = stored[run.parent].info.run_id
    if commit:
        tags["mlflow.source.git.commit"] = commit
    return client.create_run(experiment_id, tags=tags, run_name=run.name)


def _complete(client: MlflowClient, stored: StoredRun, run: Run) -> None:
    """Log all of `run` and end it; what was logged before is logged to the same values."""
    run_id, timestamp = stored.info.run_id, stored.info.start_time
    parameters = [Param(name, value) for name, value in run.parameters.items()]
    metrics = [Metric(name, value, timestamp, 0) for name, value in run.metrics.items()]
    metrics += _points(run.curves, timestamp)
    for start in range(0, len(parameters), _PARAMETERS_A_REQUEST):
        client.log_batch(run_id, params=parameters[start : start + _PARAMETERS_A_REQUEST])
    for start in range(0, len(metrics), _METRICS_A_REQUEST):
        client.log_batch(run_id, metrics=metrics[start : start + _METRICS_A_REQUEST])
    for path in run.artifacts:
        client.log_artifact(run_id, path)
    client.set_terminated(run_id, "FINISHED", int(time.time() * 1000))


def _points(curves: pd.DataFrame, timestamp: int) -> list[Metric]:
    return [
        Metric(str(name), float(row[name]), timestamp, int(row["epoch"]))
        for row in curves.to_dict("records")
        for name in row
        if name != "epoch" and pd.notna(row[name])
    ]


def _commit(root: Path) -> str | None:
    git = ["git", "-C", str(root), "rev-parse", "HEAD"]
    answer = subprocess.run(git, capture_output=True, text=True, check=False)
    return answer.stdout.strip() if answer.returncode == 0 else None
