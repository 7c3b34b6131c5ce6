"""What the nodes of a cluster do in tests, without TensorFlow."""

import importlib
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optledger
from optledger.execution.executor import Preparation, Report, Travel

_data: list[Any] = []


def nothing() -> None:
    """Prepare nothing."""


def facts() -> Mapping[str, str]:
    """Return what a node may have been started with."""
    kind = os.environ.get("KIND", "usual")
    if kind == "broken":
        importlib.import_module("a_package_that_is_not_there")
    return {"kind": "a usual node" if kind == "usual" else f"an {kind} node"}


def accept(data: Any) -> None:
    """Keep what the driver sends."""
    _data.append(data)


def data() -> Any:
    """Return what the driver sends."""
    return "sent along"


def echo(task: int, report: Report) -> tuple[int, str, str, Any]:
    """Report so many epochs; return the task, where this is, whose code it runs, and the data."""
    for epoch in range(1, task + 1):
        report(epoch)
        time.sleep(0.01)
    return task, str(Path.cwd()), str(optledger.__file__), _data[0]


def lasts(task: tuple[float, Path], report: Report) -> int:
    """Write down this process's id, and take so many seconds."""
    seconds, folder = task
    (folder / f"{os.getpid()}").touch()
    for tenth in range(round(seconds * 10)):
        time.sleep(0.1)
        report(tenth)
    return os.getpid()


def exits(text: str, report: Report) -> None:
    """End as a program does."""
    sys.exit(text)


def lists(folder: str, report: Report) -> list[str]:
    """Return the names of files in a folder beside the code."""
    return sorted(path.name for path in Path(folder).iterdir())


def dies(marker: Path, report: Report) -> int:
    """Kill this worker where `marker` is not there yet."""
    report(1)
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def always_dies(text: str, report: Report) -> None:
    """Kill this worker."""
    os.kill(os.getpid(), signal.SIGKILL)


def falls_silent(marker: Path, report: Report) -> int:
    """Stop this worker after an epoch where `marker` is not there yet."""
    report(1)
    if not marker.exists():
        marker.write_text(str(os.getpid()))
        # Until the epoch has been told.
        time.sleep(1)
        os.kill(os.getpid(), signal.SIGSTOP)
    return os.getpid()


PREPARATION = Preparation(nothing, "json", nothing)

TRAVEL = Travel(
    code={
        "optledger": Path(optledger.__path__[0]),
        "remote_tasks.py": Path(__file__),
    },
    data=data,
    accept=accept,
    facts=facts,
)
