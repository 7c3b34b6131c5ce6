"""The executor of one machine: worker processes, with one thread each.

A fork server imports what is heavy once; its children are ready in milliseconds. Each worker has a
pipe of its own, so that the death of one is noticed at once and disturbs no other.
"""

import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import forkserver, get_context, parent_process
from multiprocessing.connection import Connection, wait
from typing import Any, cast

from optledger.core.errors import UserError, refused
from optledger.execution import sockets
from optledger.execution.executor import WORKERS_VARIABLE, Preparation, Report, Result, Task

_ATTEMPTS = 2


class Processes:
    """An executor of worker processes, which start when there is work and end with the block."""

    def __init__(self, count: int, preparation: Preparation) -> None:
        """Have at most `count` workers, and start none yet."""
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
        """End the workers at once: they hold nothing that needs putting away."""
        for worker in self._workers:
            worker.end()

    def run(
        self,
        function: Callable[[Task, Report], Result],
        tasks: Sequence[Task],
        on_epoch: Callable[[int, int], None] = lambda task, epochs: None,
    ) -> Iterator[tuple[int, Result]]:
        """Run tasks as `Executor` describes it."""
        waiting = deque(range(len(tasks)))
        failures: Counter[int] = Counter()
        try:
            while waiting or self._busy():
                while waiting and (worker := self._idle_worker()):
                    place = waiting.popleft()
                    worker.start(place, function, tasks[place])
                busy = self._busy()
                for pipe in wait(list(busy)):
                    worker = busy[cast("Connection[Any, Any]", pipe)]
                    place = cast(int, worker.place)
                    answer = worker.receive()
                    if answer[0] == "epoch":
                        on_epoch(place, answer[1])
                        continue
                    worker.place = None
                    match answer:
                        case "done", result:
                            yield place, result
                        case "refused", error:
                            raise error
                        case "failed", cause, fault:
                            failures[place] += 1
                            if failures[place] == _ATTEMPTS:
                                raise _failure(f"{tasks[place]}: failed twice: {cause}", fault)
                            print(f"{tasks[place]}: {cause}; once more", file=sys.stderr)
                            waiting.appendleft(place)
        finally:
            # Whoever wants no more results wants no work for them either.
            for worker in self._busy().values():
                worker.end()
                self._workers.remove(worker)

    def _busy(self) -> "dict[Connection[Any, Any], _Worker]":
        return {worker.pipe: worker for worker in self._workers if worker.place is not None}

    def _idle_worker(self) -> "_Worker | None":
        """Return a worker without a task, a new one if need be, or None if all have one."""
        for worker in self._workers.copy():
            if not worker.is_alive():
                worker.end()
                self._workers.remove(worker)
            elif worker.place is None:
                return worker
        if len(self._workers) == self.count:
            return None
        self._workers.append(_Worker(self._preparation))
        return self._workers[-1]


class _Worker:
    """A process, and the place of the task that it has, if it has one."""

    def __init__(self, preparation: Preparation) -> None:
        context = get_context("forkserver")
        context.set_forkserver_preload([preparation.preload])
        try:
            self.pipe, far_end = context.Pipe()
        except OSError as error:
            raise UserError(f"a worker could not start: {error}") from None
        self.place: int | None = None
        self._process = context.Process(
            target=_serve, args=(far_end, preparation.worker), daemon=True
        )
        self._obstacle = ""
        try:
            self._process.start()
        except (EOFError, OSError) as error:
            # Another fork server is started for the next worker if this one has ended by then.
            time.sleep(1)
            cause = str(error) or type(error).__name__
            self._obstacle = _fork_server_ending() or f"its worker could not start: {cause}"
        far_end.close()

    def is_alive(self) -> bool:
        return self.place is not None or self._process.is_alive()

    def start(self, place: int, function: Any, task: Any) -> None:
        self.place = place
        # If it is dead, its pipe says so when it is read.
        with suppress(OSError):
            self.pipe.send((function, task))

    def receive(self) -> tuple[Any, ...]:
        try:
            return cast(tuple[Any, ...], self.pipe.recv())
        except (EOFError, OSError):
            if self._obstacle:
                return "failed", self._obstacle, None
            self._process.join()
            # How a worker ended is told by the fork server.
            ending = _fork_server_ending() or _ending("its worker", self._process.exitcode)
            return "failed", ending, None

    def end(self) -> None:
        if self._process.pid is not None:
            self._process.kill()
            self._process.join()
        self.pipe.close()


def _failure(text: str, fault: str | None) -> Exception:
    """Return what to raise: of a fault of this project, with the worker's traceback."""
    if fault is None:
        return UserError(text)
    error = RuntimeError(text)
    error.add_note(fault)
    return error


def _fork_server_ending() -> str | None:
    """Return how the fork server ended, if it did; multiprocessing finds that out by itself."""
    # Told nowhere else; and macOS cannot look without taking the answer from multiprocessing.
    server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    if server is None or not hasattr(os, "waitid"):
        return None
    ended = os.waitid(os.P_PID, server, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if ended is None:
        return None
    code = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
    return _ending("the process that starts workers", code)


def _ending(what: str, exit_code: int | None) -> str:
    """Tell how a process ended, and what to do where that is known."""
    if exit_code is None or exit_code >= 0:
        return f"{what} ended with exit status {exit_code}"
    if exit_code == -signal.SIGKILL:
        fewer = f"{WORKERS_VARIABLE}=1 needs the least"
        return f"{what} was ended by SIGKILL, as the system does when memory is short ({fewer})"
    return f"{what} was ended by {signal.Signals(-exit_code).name}"


def _serve(pipe: "Connection[Any, Any]", prepare: Callable[[], None]) -> None:
    """Be a worker: run one task after the other until the other end is closed."""
    # The parent is told by whoever interrupts, and ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            function, task = pipe.recv()
        except EOFError:
            return
        try:
            # Here, so that a package that cannot be imported is a cause that is told.
            prepare()
            pipe.send(("done", function(task, lambda epochs: pipe.send(("epoch", epochs)))))
        except UserError as error:
            pipe.send(("refused", error))
        except Exception as error:
            if line := refused(error):
                pipe.send(("failed", line, None))
                continue
            cause = " ".join(f"{type(error).__name__}: {error}".split())
            pipe.send(("failed", cause, traceback.format_exc()))


def _end_with_parent() -> None:
    """End this process when its parent has ended, however that came about."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
