"""The pipeline's stages: each reads files, calls what computes, and writes files."""

import os
import signal
import threading
import time
from collections.abc import Callable

import psutil

from optledger.core import errors

_LOOK_EVERY_SECONDS = 0.5
_GRACE_SECONDS = 10


def _outermost() -> tuple[psutil.Process, int]:
    """Find what DVC started: this process, or the shell that some shells leave around it.

    Returns:
        That process, and its parent's id: DVC's.
    """
    process = psutil.Process()
    while (parent := process.parent()) is not None and "DVC_STAGE" in _environment(parent):
        process = parent
    return process, process.ppid()


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        environment: dict[str, str] = process.environ()
    except psutil.Error:
        return {}
    return environment


# Before what a stage imports, which takes long enough for DVC to be killed meanwhile.
_STARTED_BY_DVC = _outermost() if "DVC_STAGE" in os.environ else None


def run(main: Callable[[], None]) -> None:
    """Run a stage as a program, which an ending DVC takes with it, however it ends.

    DVC that is killed would leave the stage running, to write its outputs beside whatever runs
    next.
    """

    def command() -> None:
        # What is half-written is put away when a stage is told to end, too.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        if _STARTED_BY_DVC is not None:
            threading.Thread(target=_end_with_dvc, args=_STARTED_BY_DVC, daemon=True).start()
        main()

    # Around it all, as DVC may have ended before this begins.
    errors.run(command)


def _end_with_dvc(process: psutil.Process, dvc: int) -> None:
    while _parent(process) == dvc:
        time.sleep(_LOOK_EVERY_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)


def _parent(process: psutil.Process) -> int | None:
    try:
        parent: int = process.ppid()
    except psutil.NoSuchProcess:
        return None
    return parent
