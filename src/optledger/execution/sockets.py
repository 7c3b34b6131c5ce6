"""Where the fork server has its socket."""

import socket
import tempfile
from collections.abc import Iterator
from multiprocessing import util

from optledger.core.errors import UserError

_SHORT = ("/tmp", "/var/tmp")


def place() -> None:
    """Have multiprocessing make its socket where one can be made: a short place if TMPDIR is none.

    A socket's path has at most 107 bytes (103 on macOS), and some filesystems have no sockets.
    Linux's abstract sockets have no path, but no permissions either: whoever connects to this one
    can have code run.

    Raises:
        UserError: there is no such place.
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
            # Made when it is first asked for, and kept for this process.
            util.get_temp_dir()
        finally:
            tempfile.tempdir = usual
        return
    raise UserError(
        f"TMPDIR: found {'; '.join(obstacles)}; allowed: a folder that sockets can be made in"
    )


def _folders() -> Iterator[str]:
    """Yield where to try: first what TMPDIR says, as far as it can be written."""
    try:
        yield tempfile.gettempdir()
    except FileNotFoundError as error:
        raise UserError(f"TMPDIR: {error.strerror}") from None
    yield from _SHORT


def _try(folder: str) -> None:
    """Make a socket as multiprocessing will: its path is as long.

    Raises:
        OSError: none can be made.
    """
    with (
        tempfile.TemporaryDirectory(prefix="pymp-", dir=folder) as place,
        socket.socket(socket.AF_UNIX) as listener,
    ):
        listener.bind(f"{place}/listener-12345678")
