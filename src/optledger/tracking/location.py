"""Locations of the tracking store and its artifacts."""

import os
import re
import sqlite3
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from optledger.core.errors import UserError, first_line

if TYPE_CHECKING:
    from mlflow.exceptions import MlflowException
    from sqlalchemy.engine import URL

ARTIFACTS = "mlartifacts"
"""The folder beside a local store that holds its artifacts."""

_VARIABLE = "MLFLOW_TRACKING_URI"

# The tables and columns where MLflow keeps URIs of artifacts. Earlier versions lack some.
_COLUMNS = (
    *(("experiments", "artifact_location"), ("runs", "artifact_uri")),
    *(("logged_models", "artifact_location"), ("trace_tags", "value")),
    *(("model_versions", "source"), ("model_versions", "storage_location")),
)

# How long to wait for a server that is writing to the store.
_SECONDS = 15


def tracking_uri(root: Path) -> str:
    """Return the URI of the store: MLFLOW_TRACKING_URI, or the database of the repository.

    The URI of an SQLite database is read as SQLAlchemy reads it, with one exception: a relative
    path starts at the repository, even where a temporary copy of the repository runs.

    Args:
        root: the repository.

    Raises:
        UserError: SQLAlchemy cannot read the URI, or the database would be in memory.
    """
    uri = os.environ.get(_VARIABLE) or "sqlite:///mlflow.db"
    if not _is_sqlite(uri):
        return uri
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    try:
        url = make_url(uri)
        with warnings.catch_warnings():
            # The warnings are about parameters without effect. MLflow gives them again.
            warnings.simplefilter("ignore")
            _, driver = url.get_dialect()().create_connect_args(url)
    except (SQLAlchemyError, ValueError) as error:
        raise UserError(
            f"{_VARIABLE}: found {uri} ({first_line(error)}); allowed: sqlite:///PATH or a URL"
        ) from None
    path = _file(url)
    if path is None:
        raise UserError(
            f"{_VARIABLE}: found {uri}, a database in memory, which is lost when the command ends; "
            "allowed: sqlite:///PATH or a URL"
        )
    return _spelled(url, root.resolve() / path, driver)


def database(uri: str) -> Path | None:
    """Return the file of a store that is an SQLite database; None for any other store.

    Args:
        uri: the URI of the store, as returned by `tracking_uri`.
    """
    if not _is_sqlite(uri):
        return None
    from sqlalchemy.engine import make_url

    return _file(make_url(uri))


def sqlite_uri(path: Path) -> str:
    """Return the URI of an SQLite database at an absolute path."""
    return f"sqlite:///{_quoted(str(path))}"


def rehome(path: Path) -> None:
    """Correct the artifact URIs of a local store that was moved or copied with its artifacts.

    MLflow records absolute URIs. They are changed if they lead to `mlartifacts` in another folder,
    and artifacts of the same runs are beside the database. A store whose artifacts someone put
    elsewhere is left alone.

    Args:
        path: the database, which need not exist yet.

    Raises:
        UserError: the database cannot be read, or needs a change and cannot be written.
    """
    own = path.parent.resolve() / ARTIFACTS
    if not path.exists() or not own.exists():
        return
    try:
        uri = f"{path.resolve().as_uri()}?mode=rw"
        with closing(sqlite3.connect(uri, uri=True, timeout=_SECONDS)) as store, store:
            columns = list(_columns_of(store))
            for old in list(_moved(store, own)) if columns else ():
                for table, column in columns:
                    store.execute(
                        f"UPDATE {table} SET {column} = ? || substr({column}, ?)"
                        f" WHERE substr({column} || '/', 1, ?) = ? || '/'",
                        (own.as_uri(), len(old) + 1, len(old) + 1, old),
                    )
    except sqlite3.Error as error:
        raise UserError(f"{path}: {error}") from None


def innermost_reason(error: BaseException) -> str:
    """Return the first line of an error's innermost cause; outer ones only name objects."""
    while inner := error.__cause__ or error.__context__:
        error = inner
    return first_line(error)


def is_by_another_publication(error: "MlflowException") -> bool:
    """Whether another publication caused the error by creating or deleting the object first."""
    if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "RESOURCE_ALREADY_EXISTS"):
        return True
    # SQLAlchemy's code for a violated constraint, which is the same for every database.
    return "sqlalche.me/e/" in str(error) and "/gkpj" in str(error)


def _columns_of(store: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    for table, column in _COLUMNS:
        # A column is missing while MLflow is still creating the tables.
        if column in {row[1] for row in store.execute(f"PRAGMA table_info({table})")}:
            yield table, column


def _moved(store: sqlite3.Connection, own: Path) -> Iterator[str]:
    """Yield the former locations, as URIs have them, of artifacts that are now in `own`."""
    experiments = store.execute("SELECT artifact_location FROM experiments")
    # An experiment that MLflow created itself has a numbered folder below.
    place = re.compile(rf"((?:file:|/).*/{ARTIFACTS})(/\d+)?")
    for old in {match[1] for (uri,) in experiments if (match := place.fullmatch(uri or ""))}:
        # One folder may have two names, for example if a symbolic link leads to it.
        folder = Path(_path_of(old))
        if folder == own or (folder.exists() and folder.samefile(own)):
            continue
        runs = store.execute(
            "SELECT substr(artifact_uri, ?) FROM runs WHERE substr(artifact_uri, 1, ?) = ? || '/'",
            (len(old) + 2, len(old) + 1, old),
        )
        if any((own / rest).exists() for (rest,) in runs):
            yield old


def _path_of(uri: str) -> str:
    """Return the path of a `file:` URI, or the path itself if it is no URI."""
    return unquote(urlsplit(uri).path) if uri.startswith("file:") else uri


def _is_sqlite(uri: str) -> bool:
    return uri.startswith(("sqlite:", "sqlite+"))


def _is_file_uri(url: "URL") -> bool:
    """Whether SQLite reads the database's name as a URI, which has parameters of its own."""
    from sqlalchemy.util import asbool

    return asbool(url.query.get("uri", False)) and str(url.database).startswith("file:")


def _file(url: "URL") -> Path | None:
    """Return the file of a database; None for a database in memory."""
    name = url.database
    if name and _is_file_uri(url):
        name = "" if url.query.get("mode") == "memory" else _path_of(name)
    return Path(name) if name and name != ":memory:" else None


def _spelled(url: "URL", path: Path, driver: Mapping[str, Any]) -> str:
    """Return the URI of a database with its path replaced.

    Args:
        url: the original URI.
        path: the new path, which is absolute.
        driver: the parameters that are for Python's sqlite3, not for SQLite.
    """
    # MLflow reads what follows the third slash as a path and creates its folder. So write a plain
    # path, unless parameters have to reach SQLite.
    query = {name: value for name, value in url.query.items() if name != "uri"}
    if query.get("mode") == "rwc" and _is_file_uri(url):
        del query["mode"]
    name = str(path)
    if _is_file_uri(url) and query.keys() - driver.keys():
        name, query = f"file://{quote(name)}", dict(url.query)
    parameters = urlencode(query, doseq=True)
    return f"{url.drivername}:///{_quoted(name)}{'?' * bool(parameters)}{parameters}"


def _quoted(name: str) -> str:
    """Escape only what SQLAlchemy needs: MLflow reads the rest of the URI as a path."""
    quoted = name if unquote(name) == name else name.replace("%", "%25")
    return quoted.replace("?", "%3F")
