"""Finds a folder for the fork server's socket."""

import socket
import tempfile
from collections.abc import Iterator
from multiprocessing import util

from optledger.core.errors import UserError

_SHORT = ("/tmp", "/var/tmp")


def place() -> None:
    """Make multiprocessing put its socket into TMPDIR, or else into a folder with a short path.

    A socket's path has at most 107 bytes (103 on macOS), and some filesystems have no sockets.
    Linux's abstract sockets have no path, but no permissions either. Every user who connects to
    this socket can have code run.

    Raises:
        UserError: no folder can have a socket.
    """
    obstacles = []
    for folder in dict.fromkeys(_folders()):
        try:
            _try(folder)
        except OSError as error:
            obstacles.append(f"{folder}: {error.strerror or error}")
            continue
        usual, tempfile.tempdir = tempfile.tempdir, folder
        try:
            # The first call makes the folder, and this process keeps it.
            util.get_temp_dir()
        finally:
            tempfile.tempdir = usual
        return
    raise UserError(
        f"TMPDIR: no folder for sockets ({'; '.join(obstacles)}); set it to one that can have them"
    )


def _folders() -> Iterator[str]:
    """Yield the folders to try, first that of TMPDIR if it can be written."""
    try:
        yield tempfile.gettempdir()
    except FileNotFoundError as error:
        raise UserError(f"TMPDIR: {error.strerror}") from None
    yield from _SHORT


def _try(folder: str) -> None:
    """Make a socket with a path as long as that of multiprocessing's.

    Raises:
        OSError: the folder cannot have a socket.
    """
    with (
        tempfile.TemporaryDirectory(prefix="pymp-", dir=folder) as place,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        listener.bind(f"{place}/listener-12345678")
