"""Places that keep finished work: a folder, or a remote that fsspec supports."""

import fcntl
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from optledger.core import git
from optledger.core.errors import UserError, without_credentials

VARIABLE = "OPTLEDGER_TRIALS"
FOLDER = Path(".optledger/trials")
"""The folder if the variable is not set, relative to the main repository's root."""

TRIAL = ".trial"
PREDICTIONS = ".predictions"
"""The endings of file names, one for each kind of file."""

_WRITING = ".writing-"

# Object stores: an object appears only when it is complete. Elsewhere, a file has a temporary name
# until then.
_OF_OBJECTS = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss", "memory"}

_SSH = {"ssh", "sftp"}
_PATIENCE_SECONDS = 20


class Item(NamedTuple):
    """A file in a place.

    Attributes:
        size: in bytes.
        modified: in seconds since 1970; None if not known.
    """

    size: int
    modified: float | None


class Place(Protocol):
    """A store of named files, each written as a whole or not at all."""

    def __str__(self) -> str:
        """Return the place's name for the user, without passwords."""
        ...

    def path(self, name: str) -> str:
        """Return a file's full name for the user."""
        ...

    def items(self) -> Mapping[str, Item]:
        """Return all files by name; none if the place does not exist."""
        ...

    def read(self, name: str, head: bool = False) -> bytes:
        """Read a file; with `head`, at least its first two lines."""
        ...

    def write(self, name: str, content: bytes) -> None:
        """Write a file, or replace it."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file."""
        ...


class Folder:
    """A folder on this machine, or on a network file system."""

    def __init__(self, folder: Path, suffix: str = TRIAL) -> None:
        """Create nothing yet: the first write creates the folder.

        Args:
            folder: where the files are.
            suffix: the ending of the files' names; other files are ignored.
        """
        self._folder = folder
        self._suffix = suffix
        self._is_tidy = False

    def __str__(self) -> str:
        return str(self._folder)

    def path(self, name: str) -> str:
        """Return a file's path."""
        return str(self._folder / f"{name}{self._suffix}")

    def items(self) -> Mapping[str, Item]:
        """Return all files by name."""
        found = {}
        with suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith(self._suffix):
                    # Another process may remove the file meanwhile.
                    with suppress(FileNotFoundError):
                        status = entry.stat()
                        item = Item(status.st_size, status.st_mtime)
                        found[entry.name.removesuffix(self._suffix)] = item
        return found

    def read(self, name: str, head: bool = False) -> bytes:
        """Read a file; with `head`, only its first two lines."""
        with Path(self.path(name)).open("rb") as file:
            return file.readline() + file.readline() if head else file.read()

    def write(self, name: str, content: bytes) -> None:
        """Write a file under a temporary name, then rename it."""
        self._folder.mkdir(parents=True, exist_ok=True)
        self._tidy()
        try:
            self._write(name, content)
        except FileNotFoundError:
            # Another process tidied the folder before the temporary file was locked.
            self._write(name, content)

    def _write(self, name: str, content: bytes) -> None:
        number, path = tempfile.mkstemp(dir=self._folder, prefix=_WRITING)
        temporary = Path(path)
        try:
            with os.fdopen(number, "wb") as file:
                # The lock marks a file that is being written. It ends with this process.
                with suppress(OSError):
                    fcntl.flock(file, fcntl.LOCK_EX)
                # The permissions of any other file, as the folder may be shared.
                os.fchmod(number, 0o666 & ~_umask())
                file.write(content)
                file.flush()
                temporary.replace(self.path(name))
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    def remove(self, name: str) -> None:
        """Remove a file."""
        Path(self.path(name)).unlink(missing_ok=True)

    def _tidy(self) -> None:
        """Remove the temporary files of processes that were killed while writing."""
        if self._is_tidy:
            return
        self._is_tidy = True
        for path in self._folder.glob(f"{_WRITING}*"):
            with suppress(OSError), path.open("r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()


class Remote:
    """A folder or bucket behind a URL, accessed by fsspec."""

    def __init__(self, url: str, suffix: str = TRIAL) -> None:
        """Check the kind of URL. The first use connects.

        Args:
            url: where the files are.
            suffix: the ending of the files' names; other files are ignored.

        Raises:
            UserError: fsspec does not know this kind of URL, or lacks a package for it.
        """
        import fsspec

        self._url = url.rstrip("/")
        self._suffix = suffix
        self._protocol = url.partition("://")[0]
        try:
            fsspec.get_filesystem_class(self._protocol)
        except ImportError as error:
            package = "pip install sshfs" if self._protocol in _SSH else str(error)
            raise UserError(
                f"{VARIABLE}: {self._protocol}:// needs a package that is not installed: {package}"
            ) from None
        except ValueError as error:
            raise UserError(
                f"{VARIABLE}: found {without_credentials(url)}: {_line(error)}; "
                "allowed: a folder, or a URL of a kind that fsspec knows"
            ) from None

    @cached_property
    def _place(self) -> tuple[Any, str]:
        import fsspec

        options: dict[str, Any] = {}
        if self._protocol in _SSH:
            # Refuse an unknown host, as `ssh` does if nobody answers its question.
            known = str(Path.home() / ".ssh/known_hosts")
            patience = dict.fromkeys(("connect_timeout", "keepalive_interval"), _PATIENCE_SECONDS)
            options = {"known_hosts": known, **patience}
        files, root = fsspec.url_to_fs(self._url, **options)
        return files, root.rstrip("/")

    @property
    def _files(self) -> Any:
        return self._place[0]

    @property
    def _root(self) -> str:
        return self._place[1]

    def __str__(self) -> str:
        return without_credentials(self._url)

    def path(self, name: str) -> str:
        """Return a file's URL, without passwords."""
        return f"{self}/{name}{self._suffix}"

    def items(self) -> Mapping[str, Item]:
        """Return all files by name."""
        try:
            listed = self._files.ls(self._root, detail=True, refresh=True)
        except FileNotFoundError:
            return {}
        return {
            each["name"].rpartition("/")[2].removesuffix(self._suffix): Item(
                int(each["size"]), _seconds(each)
            )
            for each in listed
            if each["name"].endswith(self._suffix) and each["type"] == "file"
        }

    def read(self, name: str, head: bool = False) -> bytes:
        """Read a whole file, even with `head`: one request is quicker than asking for a part."""
        content: bytes = self._files.cat_file(self._file(name))
        return content

    def write(self, name: str, content: bytes) -> None:
        """Write a file in one request, or under a temporary name that is then changed."""
        if self._protocol in _OF_OBJECTS:
            self._files.pipe_file(self._file(name), content)
            return
        self._files.makedirs(self._root, exist_ok=True)
        temporary = f"{self._root}/{_WRITING}{name}-{os.urandom(8).hex()}"
        try:
            self._files.pipe_file(temporary, content)
            self._files.mv(temporary, self._file(name))
        except BaseException:
            with suppress(Exception):
                self._files.rm_file(temporary)
            raise

    def remove(self, name: str) -> None:
        """Remove a file."""
        with suppress(FileNotFoundError):
            self._files.rm_file(self._file(name))

    def _file(self, name: str) -> str:
        return f"{self._root}/{name}{self._suffix}"


def place(suffix: str = TRIAL) -> Place | None:
    """Return the place that OPTLEDGER_TRIALS names, else the repository's own.

    Args:
        suffix: the kind of files, `TRIAL` or `PREDICTIONS`.

    Returns:
        The place, or None if the variable is empty: then nothing is kept.

    Raises:
        UserError: the variable names a place that cannot be used.
    """
    value = os.environ.get(VARIABLE)
    if value == "":
        return None
    if value and "://" in value:
        return Remote(value, suffix)
    try:
        own = Path(value).expanduser() if value else FOLDER
    except RuntimeError as error:
        raise UserError(f"{VARIABLE}: found {value}: {error}; allowed: a folder") from None
    return Folder(git.main_root() / own, suffix)


def _umask() -> int:
    """Return the permission bits that this process removes from new files."""
    own = os.umask(0)
    os.umask(own)
    return own


def _seconds(listed: Mapping[str, Any]) -> float | None:
    """Return when a file was modified, in seconds since 1970; None if the place does not tell.

    Each kind of place has its own key for it.
    """
    for name in ("mtime", "LastModified", "last_modified", "modified", "updated", "created"):
        when = listed.get(name)
        if isinstance(when, datetime):
            return when.timestamp()
        if isinstance(when, int | float):
            return float(when)
    return None


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
