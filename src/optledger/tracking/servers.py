"""Starts MLflow's servers on what is published: its pages, or the champion's model."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from optledger.core.breaks import command
from optledger.core.errors import UserError, without_credentials
from optledger.tracking.location import database, innermost_reason, rehome, tracking_uri
from optledger.tracking.publication import configure

_HOST = "127.0.0.1"


def show(port: int) -> None:
    """Print links to the leaderboards, and serve MLflow's pages if the store is local.

    Raises:
        UserError: the store is missing or cannot be used, or the port is taken.
    """
    uri = _published()
    if uri.startswith("http"):
        print(*_links(uri, uri.rstrip("/")), sep="\n")
        return
    _check_port(port, "ui")
    print(*_links(uri, f"http://{_HOST}:{port}"), sep="\n", flush=True)
    _become("server", "--host", _HOST, "--port", str(port), "--backend-store-uri", uri)


def serve(dataset: str, port: int) -> None:
    """Serve the model of a dataset's champion.

    Raises:
        UserError: the store is missing or cannot be used, there is no champion, or the port is
            taken.
    """
    uri = _published()
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    from optledger.tracking.promotion import ALIAS
    from optledger.tracking.registration import registered_name

    name = registered_name(dataset)
    try:
        known = MlflowClient(uri).search_registered_models(f"name='{name}'")
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise UserError(f"serve: {without_credentials(uri)}: {innermost_reason(error)}") from None
    if not any(ALIAS in each.aliases for each in known):
        raise UserError(
            f"serve: {without_credentials(uri)} has no champion of {name} yet; publish official "
            f"results: {command('optledger', 'publish')}"
        )
    _check_port(port, "serve")
    os.environ["MLFLOW_TRACKING_URI"] = uri
    model = f"models:/{name}@{ALIAS}"
    _become(
        *("models", "serve", "--model-uri", model, "--env-manager", "local"),
        *("--host", _HOST, "--port", str(port)),
    )


def _published() -> str:
    """Return the URI of the store.

    Raises:
        UserError: the store is a file that is missing or cannot be used.
    """
    configure()
    uri = tracking_uri(Path())
    path = database(uri)
    if path is not None and not path.exists():
        remedy = command("dvc", "repro", "publish")
        raise UserError(f"{path}: does not exist, as nothing was published yet; run: {remedy}")
    if path is not None:
        rehome(path)
    return uri


def _links(uri: str, address: str) -> Iterator[str]:
    """Yield a link to each dataset's leaderboard, and one to the leaderboard of its last try."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    from optledger.tracking.experiment_tags import leaderboard, newest, tries

    try:
        experiments = MlflowClient(uri).search_experiments(
            filter_string="name LIKE 'optledger-%'", order_by=["name ASC"]
        )
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise UserError(f"ui: {without_credentials(uri)}: {innermost_reason(error)}") from None
    for each in experiments:
        if newest(each.tags):
            yield f"{each.name}: {address}/{leaderboard(each.experiment_id)}"
        for record in tries(each.tags)[:1]:
            place = leaderboard(each.experiment_id, record["name"])
            yield f"{each.name}, the last try, {record['name']}: {address}/{place}"


def _check_port(port: int, target: str) -> None:
    with socket.socket() as trial:
        # Servers set this, too: they need not wait until an earlier one's connections are closed.
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((_HOST, port))
        except (OSError, OverflowError) as error:
            told = getattr(error, "strerror", None) or error
            another = f"another: make {target} PORT={port + 1 if port < 65535 else 5000}"
            raise UserError(f"port {port}: {told}; take {another}") from None


def _become(*arguments: str) -> NoReturn:
    """Replace this process with MLflow: there is nothing more for it to do."""
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", *arguments])
