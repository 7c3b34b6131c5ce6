"""What takes long to make is made once a run of the tests, by the worker that needs it first."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return a folder that `make` has filled, here or in another worker: read-only.

    Whoever runs commands in it, which may write a lock or an index, runs them in a copy.
    """
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = shared / f"{name} once"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            # Where it stays, as a store knows the place of its artifacts.
            folder.mkdir()
            make(folder)
            (folder / "made").touch()
    return folder
