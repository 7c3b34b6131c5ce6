"""The pipeline's stages: each reads files, calls the code that computes, and writes files."""

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
    """Find the process that DVC started: this one, or a shell that is still around it.

    Returns:
        That process, and the id of its parent, which is DVC.
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


# Looked up before a stage's imports, which take long enough for DVC to be killed meanwhile.
_STARTED_BY_DVC = _outermost() if "DVC_STAGE" in os.environ else None


def run(main: Callable[[], None]) -> None:
    """Run a stage as a program that ends when DVC ends, however DVC ends.

    Otherwise a stage would go on after DVC is killed, and write its outputs while the next DVC
    already runs.
    """

    def command() -> None:
        # SIGTERM raises KeyboardInterrupt, so that half-written files are removed here, too.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        if _STARTED_BY_DVC is not None:
            threading.Thread(target=_end_with_dvc, args=_STARTED_BY_DVC, daemon=True).start()
        main()

    # `errors.run` is outermost: DVC may have ended already, and then the thread ends this at once.
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
