"""The driver's side of a Ray cluster: an executor whose workers are actors on its nodes."""

import os
import pickle
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from importlib.util import find_spec
from multiprocessing import Pipe
from pathlib import Path
from typing import Any, NamedTuple, cast

from optledger.core.errors import UserError, printable
from optledger.execution import loop
from optledger.execution.executor import (
    WORKERS_VARIABLE,
    Cluster,
    Preparation,
    Report,
    Result,
    Take,
    Task,
    Travel,
    worker_count,
)
from optledger.execution.loop import Message, Worker

LOG = Path(".optledger/ray.log")
"""The file of Ray's own output."""

_LOOK_SECONDS = 1.0
_END_SECONDS = 10.0
_CHILD = "optledger.execution.on_ray.child"
# If uv runs this process, Ray would run the workers by uv, too.
_ENVIRONMENT = {"RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0"}
# How long an actor may be silent: this many times its task's longest silence so far, but at least
# these seconds. Before the first sign of life, while the task is compiled, it has longer.
_PATIENCE = 10
_LEAST_SECONDS = 30.0
_FIRST_SECONDS = 180.0


class Settings(NamedTuple):
    """The settings of the process that runs Ray.

    Attributes:
        cluster: the cluster for the actors.
        asked: how many actors to start, even if processors for them are yet to come; None for one
            for each processor.
        most: the number of actors that there is work for, if known.
        here: how many workers this machine has room for.
        folder: an empty folder for temporary files.
        preparation: the steps that make an actor ready.
        travel: what tasks need on another host.
    """

    cluster: Cluster
    asked: int | None
    most: int | None
    here: int
    folder: Path
    preparation: Preparation
    travel: Travel


class Remote:
    """An actor, from the driver's side.

    Attributes:
        task: as in `loop.Worker`.
        number: the actor's number in the process that runs Ray.
        node: the name of the actor's node.
    """

    def __init__(self, number: int, node: str, give: "Callable[[Remote, bytes], None]") -> None:
        self.task: Any = None
        self.number = number
        self.node = node
        self._give = give
        self._heard = 0.0
        self._longest: float | None = None
        self._is_late = False

    def start(self, function: Any, task: Any) -> None:
        """Send the actor a task."""
        self.task = task
        self._heard, self._longest, self._is_late = time.monotonic(), None, False
        self._give(self, pickle.dumps((function, task)))

    def hear(self) -> None:
        """Note a sign of life."""
        now = time.monotonic()
        self._longest = max(self._longest or 0.0, now - self._heard)
        self._heard, self._is_late = now, False

    def overdue(self, now: float) -> str | None:
        """Return "late" once if the actor is silent for too long, "lost" after twice that time.

        Before the first sign of life, while the task may be compiled, the actor has longer.
        """
        known = self._longest
        patience = _FIRST_SECONDS if known is None else max(_LEAST_SECONDS, _PATIENCE * known)
        silent = now - self._heard
        if silent > 2 * patience:
            return "lost"
        was_late, self._is_late = self._is_late, silent > patience
        return "late" if self._is_late and not was_late else None


class Actors:
    """An executor on the processors of a Ray cluster, which may come and go."""

    def __init__(
        self, cluster: Cluster, preparation: Preparation, travel: Travel, most: int | None = None
    ) -> None:
        """Start nothing yet.

        Args:
            cluster: the cluster to run on.
            preparation: the steps that make an actor ready.
            travel: what tasks need on another host.
            most: the number of actors that there is work for, if known.

        Raises:
            UserError: OPTLEDGER_WORKERS is not a positive number.
        """
        self.address = cluster.address
        self._settings = (cluster, worker_count(), most, preparation, travel)
        self._workers: dict[int, Remote] = {}
        # In the order in which they became idle.
        self._idle: dict[int, Remote] = {}
        self._unread: deque[tuple[Any, ...]] = deque()
        self._looked = 0.0

    def __enter__(self) -> "Actors":
        """Start the process that runs Ray.

        Raises:
            UserError: Ray is not installed.
        """
        if find_spec("ray") is None:
            remedy = "run make setup RAY=1, or install optledger[ray]"
            raise UserError(f"{self.address}: the package ray is not installed; {remedy}")
        cluster, here, most, preparation, travel = self._settings
        asked = here if WORKERS_VARIABLE in os.environ else None
        LOG.parent.mkdir(exist_ok=True)
        # A local Ray makes sockets in it, and the path of a socket must be short.
        place = "/tmp" if cluster.address == "local" else None
        self._folder = Path(tempfile.mkdtemp(prefix="optledger-", dir=place))
        self._pipe, far_end = Pipe()
        with LOG.open("w") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-m", _CHILD, str(far_end.fileno())],
                pass_fds=[far_end.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **_ENVIRONMENT, **(_token() if place else {})},
                # An interruption from the terminal is only for the driver.
                start_new_session=True,
            )
        far_end.close()
        self._send(Settings(cluster, asked, most, here, self._folder, preparation, travel))
        return self

    def __exit__(self, *exception: object) -> None:
        """End the process that runs Ray, and the workers with it."""
        self._pipe.close()
        try:
            self._child.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def count(self) -> int:
        """The number of workers at present."""
        return len(self._workers)

    @property
    def whereabouts(self) -> str:
        """How many workers there are, and on how many nodes."""
        nodes = {worker.node for worker in self._workers.values()}
        return f"{_many(self.count, 'worker')} on {_many(len(nodes), 'node')}"

    def run(
        self,
        function: Callable[[Task, Report], Result],
        take: Take[Task],
        on_epoch: Callable[[Task, int], None] = lambda task, epochs: None,
    ) -> Iterator[tuple[Task, Result]]:
        """Run tasks as `Executor.run` describes."""
        return loop.run(self, function, take, on_epoch)

    def idle(self) -> Iterator[Remote]:
        """Yield idle workers. The caller gives each one a task, or stops."""
        while self._idle:
            yield next(iter(self._idle.values()))

    def wait(self) -> Iterator[tuple[Remote, Message]]:
        """Yield the messages of workers.

        Raises:
            UserError: the cluster is lost, or one of its nodes would give other bytes.
        """
        if self._unread or self._pipe.poll(_LOOK_SECONDS):
            if not self._unread:
                self._unread.extend(self._receive())
            while self._unread:
                yield from self._heard(self._unread.popleft())
        now = time.monotonic()
        # A message that is not read yet may come from a worker that seems silent.
        if now - self._looked > _LOOK_SECONDS and not self._pipe.poll():
            self._looked = now
            for worker in [
                each for each in self._workers.values() if each.number not in self._idle
            ]:
                if ending := worker.overdue(now):
                    if ending == "lost":
                        self._end(worker)
                    yield worker, (ending, f"its worker on {worker.node} has fallen silent")

    def abandon(self, workers: Collection[Worker]) -> None:
        """End these workers."""
        for worker in [each for each in self._workers.values() if each in workers]:
            self._end(worker)

    def _end(self, worker: Remote) -> None:
        """End a worker, in whose place another one starts."""
        del self._workers[worker.number]
        self._send((worker.number, None))

    def _heard(self, message: tuple[Any, ...]) -> Iterator[tuple[Remote, Message]]:
        match message:
            case "ready", number, node:
                self._workers[number] = Remote(number, node, self._give)
                self._idle[number] = self._workers[number]
            case "told", number, pickled if number in self._workers:
                worker = self._workers[number]
                told = pickle.loads(pickled)
                worker.hear()
                if told[0] != "epoch":
                    self._idle[number] = worker
                yield worker, told
            case "lost", number, cause if number in self._workers:
                worker = self._workers.pop(number)
                if self._idle.pop(number, None) is None:
                    yield worker, ("lost", cause)
            case "note", line:
                print(printable(f"{self.address}: {line}"), file=sys.stderr, flush=True)
            case "over", line:
                raise UserError(line)

    def _give(self, worker: Remote, pickled: bytes) -> None:
        del self._idle[worker.number]
        self._send((worker.number, pickled))

    def _send(self, command: Any) -> None:
        # If the process has ended, reading the pipe reveals it.
        with suppress(OSError):
            self._pipe.send(command)

    def _receive(self) -> list[tuple[Any, ...]]:
        """Return messages of the process that runs Ray.

        Raises:
            UserError: the process has ended.
        """
        try:
            return cast(list[tuple[Any, ...]], self._pipe.recv())
        except (EOFError, OSError):
            raise UserError(
                f"{self.address}: Ray has ended, {LOG} may say why; finished trials are kept, so "
                "run the same command again to go on"
            ) from None


def _token() -> dict[str, str]:
    """Return settings for a token that keeps other users out of a local Ray.

    Without them, Ray would write a token into the user's home.
    """
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
