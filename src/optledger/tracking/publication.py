"""Publishes the contents of results/ to the experiments of a tracking store."""

import fcntl
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from optledger.core.errors import UserError
from optledger.core.formats import digest
from optledger.core.params import Params
from optledger.datasets import registry
from optledger.datasets.registry import Entry
from optledger.tracking.agreement import DUPLICATE_OF, RunCounts
from optledger.tracking.location import database, innermost_reason, rehome, tracking_uri
from optledger.tracking.run import Run
from optledger.tracking.runs import collect, collect_cases
from optledger.tracking.standing import Standing, standing

if TYPE_CHECKING:
    from optledger.tracking.store import Store

# MLflow reads these; what the user has set takes precedence. By default, its client repeats a
# request whose answer was lost, for minutes. Here a pass is repeated instead, which first looks at
# what exists.
_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    # Otherwise MLflow prints two lines for each run that ends.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}

# Seconds between passes without progress, and seconds without progress until giving up.
_PAUSES, _PATIENCE = (0.5, 1.0, 2.0), 15.0


def publish(
    params: Params, root: Path, restore: bool = False, is_official: bool | None = None
) -> tuple[RunCounts, Standing]:
    """Make the tracking store hold the results of this checkout.

    Args:
        params: the contents of params.yaml.
        root: the repository that a local store belongs to.
        restore: whether to bring back what a person deleted.
        is_official: whether a person calls the results official; None to go by Git.

    Returns:
        What became of the runs, as counts, and the standing of the results.

    Raises:
        UserError: the store cannot be reached or used.
    """
    held = experiments(params, registry.load(params.dataset))
    content = digest([run.key for runs in held.values() for run in runs])
    # DVC sets this variable for the stages of an experiment.
    experiment = os.environ.get("DVC_EXP_NAME", "")
    told = standing(params.publish, content, experiment, is_official)
    counts = [publish_runs(runs, name, root, restore, told) for name, runs in held.items()]
    return RunCounts(*map(sum, zip(*counts, strict=True))), told


def experiments(params: Params, dataset: Entry) -> dict[str, list[Run]]:
    """Return the runs that each experiment should hold, by the experiment's name."""
    return {
        f"optledger-{params.dataset}": collect(params, dataset),
        # Cases do not use the dataset, so their runs are kept apart.
        "optledger-cases": collect_cases(params),
    }


def publish_runs(
    runs: Sequence[Run],
    experiment: str,
    root: Path,
    restore: bool = False,
    told: Standing = Standing(),  # noqa: B008 # it is frozen
) -> RunCounts:
    """Make one experiment of the tracking store hold `runs`.

    Args:
        runs: each root followed by its children.
        experiment: the name of the experiment, which is created if it does not exist.
        root: the repository that a local store belongs to.
        restore: whether to bring back what a person deleted.
        told: whether the results are official, and where they come from.

    Raises:
        UserError: the store cannot be reached or used.
    """
    uri = tracking_uri(root)
    configure()
    with _database_lock(uri):
        return _persistently(uri, lambda: _open(uri, experiment, root, told, restore), runs)


def replace(replaced: Sequence[str], root: Path) -> None:
    """Delete runs as duplicates, so that the next publication creates them again.

    Args:
        replaced: ids of runs whose content is wrong, as reported by `optledger verify`.
        root: the repository that a local store belongs to.

    Raises:
        UserError: there is no such run, or the store cannot be reached or used.
    """
    configure()
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    uri = tracking_uri(root)
    with _database_lock(uri):
        try:
            client = MlflowClient(uri)
            for run_id in replaced:
                if client.get_run(run_id).info.lifecycle_stage == "deleted":
                    continue
                client.set_tag(run_id, DUPLICATE_OF, "replaced")
                client.delete_run(run_id)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            raise UserError(f"publish: {uri}: {innermost_reason(error)}") from None


def configure() -> None:
    """Give MLflow the settings that it reads when it is imported."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)


def _open(uri: str, experiment: str, root: Path, told: Standing, restore: bool) -> "Store":
    # A new database needs no messages, and a failure is reported once, in one line.
    for name in ("alembic", "mlflow.store.db.utils"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        from mlflow.store.db import utils

        from optledger.tracking.store import open_store

        # The default retries to connect to a database that is down, for minutes.
        utils.MAX_RETRY_COUNT = 1
        return open_store(uri, experiment, root, told, restore)
    except ImportError as error:
        raise UserError(f"publish: {uri}: {error}") from None


@contextmanager
def _database_lock(uri: str) -> Iterator[None]:
    """Wait for the lock of a local database, which takes one publisher at a time, and hold it."""
    path = database(uri)
    if path is None:
        yield
        return
    beside = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = beside.open("w")
    except OSError as error:
        raise UserError(f"publish: {beside}: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"publish: waiting for another publication to {path}", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError as error:
            # Some network mounts have no locks. What remains are SQLite's transactions and the
            # checks of each pass, which are enough for servers.
            note = f"publish: note: {beside}: {error.strerror}; publish there one at a time"
            print(note, file=sys.stderr)
        rehome(path)
        yield


def _persistently(uri: str, opened: Callable[[], "Store"], runs: Sequence[Run]) -> RunCounts:
    """Settle `runs`: repeat failing passes until one succeeds or several make no progress."""
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    store, settled, pauses, end = None, 0, iter(_PAUSES), time.monotonic() + _PATIENCE
    while True:
        try:
            store = store or opened()
            return store.reconcile(runs)
        except (MlflowException, SQLAlchemyError, OSError) as error:
            if store is not None and store.changed > settled:
                settled, pauses, end = store.changed, iter(_PAUSES), time.monotonic() + _PATIENCE
            pause = next(pauses, None)
            if pause is None or time.monotonic() > end:
                raise UserError(f"publish: {uri}: {innermost_reason(error)}") from None
            time.sleep(pause)
