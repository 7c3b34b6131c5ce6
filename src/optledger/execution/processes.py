"""The executor on one machine: worker processes with one thread each.

A fork server makes the heavy imports once, and its children are ready in milliseconds. Each worker
has a pipe of its own, so that its death is noticed at once and does not disturb other workers.
"""

import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from multiprocessing import forkserver, get_context, parent_process
from multiprocessing.connection import Connection, wait
from typing import Any, cast

from optledger.core.errors import UserError
from optledger.execution import loop, sockets
from optledger.execution.executor import WORKERS_VARIABLE, Preparation, Report, Result, Take, Task
from optledger.execution.loop import Message, Worker
from optledger.execution.worker import answer


class Processes:
    """An executor of worker processes, which start when there is work and end with the block."""

    def __init__(self, count: int, preparation: Preparation) -> None:
        """Start no worker yet. There will be at most `count`."""
        self.count = count
        self._preparation = preparation
        self._workers: list[_Worker] = []

    def __enter__(self) -> "Processes":
        """Prepare this process, whose environment the workers inherit.

        Raises:
            UserError: there is no folder for the fork server's socket.
        """
        self._preparation.driver()
        sockets.place()
        return self

    def __exit__(self, *exception: object) -> None:
        """Kill the workers at once: they have nothing to clean up."""
        for worker in self._workers:
            worker.end()

    @property
    def whereabouts(self) -> str:
        """An empty text, which stands for this machine."""
        return ""

    def run(
        self,
        function: Callable[[Task, Report], Result],
        take: Take[Task],
        on_epoch: Callable[[Task, int], None] = lambda task, epochs: None,
    ) -> Iterator[tuple[Task, Result]]:
        """Run tasks as `Executor.run` describes."""
        return loop.run(self, function, take, on_epoch)

    def idle(self) -> Iterator["_Worker"]:
        """Yield idle workers, then new ones, which start with their first task."""
        for worker in self._workers.copy():
            if not worker.is_alive():
                worker.end()
                self._workers.remove(worker)
            elif not worker.is_busy:
                yield worker
        while len(self._workers) < self.count:
            worker = _Worker(self._preparation)
            yield worker
            if worker.is_busy:
                self._workers.append(worker)

    def wait(self) -> Iterator[tuple["_Worker", Message]]:
        """Wait until workers send messages, and yield these."""
        busy = {worker.pipe: worker for worker in self._workers if worker.is_busy}
        for pipe in wait(list(busy)):
            worker = busy[cast("Connection[Any, Any]", pipe)]
            told = worker.receive()
            worker.is_busy = told[0] == "epoch"
            yield worker, told

    def abandon(self, workers: Collection[Worker]) -> None:
        """End these workers."""
        for worker in [each for each in self._workers if each in workers]:
            worker.end()
            self._workers.remove(worker)


class _Worker:
    """A worker process, which starts with its first task.

    Attributes:
        task: the task that it runs, else the last one; None before the first.
        is_busy: whether it runs a task.
    """

    def __init__(self, preparation: Preparation) -> None:
        self.task: Any = None
        self.is_busy = False
        self._preparation = preparation
        self._process: Any = None
        self._obstacle = ""

    def is_alive(self) -> bool:
        return self.is_busy or self._process.is_alive()

    def start(self, function: Any, task: Any) -> None:
        if self._process is None:
            self._start_process()
        self.task, self.is_busy = task, True
        # If the process is dead, reading the pipe reveals it.
        with suppress(OSError):
            self.pipe.send((function, task))

    def receive(self) -> Message:
        try:
            return cast(Message, self.pipe.recv())
        except (EOFError, OSError):
            if self._obstacle:
                return "failed", self._obstacle, None
            self._process.join()
            # The fork server tells how a worker ended, unless it has ended itself.
            ending = _fork_server_ending() or _ending("its worker", self._process.exitcode)
            return "failed", ending, None

    def end(self) -> None:
        if self._process.pid is not None:
            self._process.kill()
            self._process.join()
        self.pipe.close()

    def _start_process(self) -> None:
        context = get_context("forkserver")
        context.set_forkserver_preload([self._preparation.preload])
        try:
            self.pipe, far_end = context.Pipe()
        except OSError as error:
            raise UserError(f"a worker could not start: {error}") from None
        self._process = context.Process(
            target=_serve, args=(far_end, self._preparation.worker), daemon=True
        )
        try:
            self._process.start()
        except (EOFError, OSError) as error:
            # The next worker gets another fork server, but only if this one has ended by then.
            time.sleep(1)
            cause = str(error) or type(error).__name__
            self._obstacle = _fork_server_ending() or f"its worker could not start: {cause}"
        far_end.close()


def _fork_server_ending() -> str | None:
    """Return how the fork server ended; None if it has not, or if that is not known.

    The answer is left in place, as multiprocessing asks the system for it, too.
    """
    # No public attribute has the process id. macOS cannot ask without taking the answer away.
    server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    if server is None or not hasattr(os, "waitid"):
        return None
    ended = os.waitid(os.P_PID, server, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if ended is None:
        return None
    code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
    return _ending("the process that starts workers", code)


def _ending(what: str, exit_code: int | None) -> str:
    """Return how a process ended, and what helps, if that is known."""
    if exit_code is None or exit_code >= 0:
        return f"{what} ended with exit status {exit_code}"
    if exit_code == -signal.SIGKILL:
        fewer = f"{WORKERS_VARIABLE}=1 needs the least"
        return f"{what} was ended by SIGKILL, as the system does when memory is short ({fewer})"
    return f"{what} was ended by {signal.Signals(-exit_code).name}"


def _serve(pipe: "Connection[Any, Any]", prepare: Callable[[], None]) -> None:
    """Run as a worker: take one task after the other until the parent closes the pipe."""
    # An interruption reaches the parent, too, which ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # The parent has ended, but the thread may not have noticed that yet.
    with suppress(BrokenPipeError, ConnectionResetError):
        while True:
            try:
                function, task = pipe.recv()
            except EOFError:
                return
            answer(function, task, prepare, pipe.send)


def _end_with_parent() -> None:
    """End this process when its parent has ended, for whatever reason."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
