"""The pipeline's stages: each reads files, calls what computes, and writes files."""

import os
import signal
import threading
import time
from collections.abc import Callable

from optledger import errors

# Before what a stage imports, which takes long enough for DVC to be killed meanwhile.
_PARENT = os.getppid()

_LOOK_EVERY_SECONDS = 0.5
_GRACE_SECONDS = 10


def run(main: Callable[[], None]) -> None:
    """Run a stage as a program, which an ending DVC takes with it, however it ends.

    DVC that is killed would leave the stage running, to write its outputs beside whatever runs
    next.
    """
    # What is half-written is put away when a stage is told to end, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if "DVC_STAGE" in os.environ:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    errors.run(main)


def _end_with_parent() -> None:
    while os.getppid() == _PARENT:
        time.sleep(_LOOK_EVERY_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)
