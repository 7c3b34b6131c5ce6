"""Where the tracking store is."""

import os
from pathlib import Path

from optledger.core.errors import first_line

_SQLITE = "sqlite:///"


def tracking_uri(root: Path) -> str:
    """Return the store that MLFLOW_TRACKING_URI names, or the one of the repository at `root`."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{_SQLITE}mlflow.db"
    path = database(uri)
    # Of the repository, wherever a copy of it runs.
    return uri if path is None else uri.replace(str(path), str(root.resolve() / path), 1)


def database(uri: str) -> Path | None:
    """Return the file that a store is, if it is an SQLite database."""
    return Path(uri.removeprefix(_SQLITE).split("?")[0]) if uri.startswith(_SQLITE) else None


def reason(error: BaseException) -> str:
    """Return the first line of an error's innermost cause: the outer ones name objects."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return first_line(error)
