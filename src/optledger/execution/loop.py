"""Hands tasks to workers and takes what comes of them, wherever the workers are."""

import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Protocol

from optledger.core.errors import UserError
from optledger.execution.executor import Report, Result, Take, Task

Told = tuple[Any, ...]
"""What a worker tells of its task: one of

- `"epoch", epochs`: so many are done;
- `"done", result`;
- `"refused", error`: a mistake of the user's;
- `"failed", cause, traceback`: the traceback of a fault of this project, else None;
- `"lost", cause`: there is no such worker any more;
- `"late", cause`: it has fallen silent, and may speak again.
"""

_FAILURES = 2
_LOSSES = 5


class Worker(Protocol):
    """One that runs a task at a time.

    Attributes:
        task: the one that it has, else the last that it had, if it had one.
    """

    task: Any

    def start(self, function: Any, task: Any) -> None:
        """Have it run a task."""
        ...


class Workers(Protocol):
    """Those that an executor has."""

    def idle(self) -> Iterable[Worker]:
        """Return those that can be given a task now."""
        ...

    def wait(self) -> Iterable[tuple[Worker, Told]]:
        """Return what is told next, maybe nothing after a while."""
        ...

    def abandon(self, workers: Collection[Worker]) -> None:
        """Give up what these are doing."""
        ...


class _Job:
    """A task, and how it has gone so far.

    Attributes:
        worker: the one that has it now, as far as is known.
        failed_on: the one that it failed on, if it did.
    """

    def __init__(self, task: Any) -> None:
        self.task = task
        self.worker: Worker | None = None
        self.failed_on: Worker | None = None
        self.failures = 0
        self.losses = 0
        self.is_done = False


def run(
    workers: Workers,
    function: Callable[[Task, Report], Result],
    take: Take[Task],
    on_epoch: Callable[[Task, int], None],
) -> Iterator[tuple[Task, Result]]:
    """Run tasks as `Executor` describes it.

    A task whose worker is lost or late is given to another one, and the first result counts.
    """
    again: list[_Job] = []
    running: dict[Worker, _Job] = {}
    unfinished = 0

    def next_job(worker: Worker | None) -> _Job | None:
        nonlocal again, unfinished
        again = [job for job in again if not job.is_done]
        # What has failed on this worker is rather another's, which may have what was wanting.
        for job in again:
            if worker is None or job.failed_on is not worker:
                again.remove(job)
                return job
        if (task := take(worker.task if worker else None)) is not None:
            unfinished += 1
            return _Job(task)
        return again.pop() if again else None

    try:
        while True:
            for worker in workers.idle():
                if (job := next_job(worker)) is None:
                    break
                job.worker, running[worker] = worker, job
                worker.start(function, job.task)
            if not unfinished:
                # Where no worker is there to ask.
                if (job := next_job(None)) is None:
                    return
                again.append(job)
            for worker, told in workers.wait():
                job = running[worker]
                if told[0] not in ("epoch", "late"):
                    del running[worker]
                if job.is_done or (worker is not job.worker and told[0] != "done"):
                    # Of one that was late: another has its task, or has done it.
                    continue
                match told:
                    case "epoch", epochs:
                        on_epoch(job.task, epochs)
                    case "done", result:
                        job.is_done = True
                        unfinished -= 1
                        yield job.task, result
                    case "refused", error:
                        raise error
                    case _:
                        _note_failure(job, told)
                        job.worker = None
                        again.append(job)
    finally:
        # Whoever wants no more results wants no work for them either.
        workers.abandon(running.keys())


def _note_failure(job: _Job, told: Told) -> None:
    """Say what has become of a task, which is tried again.

    Raises:
        UserError: it has failed, or lost its worker, too often.
        RuntimeError: it has failed twice by a fault of this project.
    """
    match told:
        case "failed", cause, fault:
            job.failures += 1
            job.failed_on = job.worker
            if job.failures == _FAILURES:
                raise _failure(f"{job.task}: failed twice: {cause}", fault)
        case _, cause:
            job.losses += 1
            if job.losses == _LOSSES:
                raise UserError(f"{job.task}: lost its worker {_LOSSES} times: {cause}")
    print(f"{job.task}: {told[1]}; once more", file=sys.stderr)


def _failure(text: str, fault: str | None) -> Exception:
    """Return what to raise: of a fault of this project, with the worker's traceback."""
    if fault is None:
        return UserError(text)
    error = RuntimeError(text)
    error.add_note(fault)
    return error
