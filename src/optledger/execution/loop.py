"""Hands tasks to workers and collects their results, wherever the workers are."""

import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Protocol

from optledger.core.errors import UserError
from optledger.execution.executor import Report, Result, Take, Task

Message = tuple[Any, ...]
"""A worker's message about its task, one of:

- `"epoch", epochs`: the task has done this number of epochs;
- `"done", result`: the task has finished;
- `"refused", error`: the user has made a mistake;
- `"failed", cause, traceback`: the task has failed; without a fault of this project, the traceback
  is None;
- `"lost", cause`: the worker no longer exists;
- `"late", cause`: the worker is silent, but may speak again.
"""

_MOST_FAILURES = 2
_MOST_LOSSES = 5


class Worker(Protocol):
    """A worker that runs one task at a time.

    Attributes:
        task: the task that it runs, else the last one; None before the first.
    """

    task: Any

    def start(self, function: Any, task: Any) -> None:
        """Make the worker run a task."""
        ...


class Workers(Protocol):
    """The workers of an executor."""

    def idle(self) -> Iterable[Worker]:
        """Return the workers that can take a task now."""
        ...

    def wait(self) -> Iterable[tuple[Worker, Message]]:
        """Wait for messages; return them with their workers, or nothing after a while."""
        ...

    def abandon(self, workers: Collection[Worker]) -> None:
        """Give up the tasks of these workers."""
        ...


class _Job:
    """A task, and how it has gone so far.

    Attributes:
        worker: the worker that has the task now, as far as is known.
        failed_on: the worker that the task failed on last, if any.
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
    """Run tasks as `Executor.run` describes.

    If a worker is lost or late, another one gets its task. The first result counts.
    """
    again: list[_Job] = []
    running: dict[Worker, _Job] = {}
    unfinished = 0

    def next_job(worker: Worker | None) -> _Job | None:
        nonlocal again, unfinished
        again = [job for job in again if not job.is_done]
        # Leave a task that failed on this worker to others, which may have what was missing.
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
                # Look for a task even if no worker is idle, to know whether all are done.
                if (job := next_job(None)) is None:
                    return
                again.append(job)
            for worker, told in workers.wait():
                job = running[worker]
                if told[0] not in ("epoch", "late"):
                    del running[worker]
                if job.is_done or (worker is not job.worker and told[0] != "done"):
                    # The worker was late: another one has its task, or has finished it.
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
        # The caller stopped iterating, or a task failed: give up the running tasks.
        workers.abandon(running.keys())


def _note_failure(job: _Job, told: Message) -> None:
    """Report a failed task, or one that has lost its worker, which is then tried again.

    Raises:
        UserError: the task has failed, or has lost its worker, too often.
        RuntimeError: the task has failed twice by a fault of this project.
    """
    match told:
        case "failed", cause, fault:
            job.failures += 1
            job.failed_on = job.worker
            if job.failures == _MOST_FAILURES:
                raise _failure(f"{job.task}: failed twice: {cause}", fault)
        case _, cause:
            job.losses += 1
            if job.losses == _MOST_LOSSES:
                raise UserError(f"{job.task}: lost its worker {_MOST_LOSSES} times: {cause}")
    print(f"{job.task}: {told[1]}; trying again", file=sys.stderr)


def _failure(text: str, fault: str | None) -> Exception:
    """Return the error to raise; for a fault of this project, with the worker's traceback."""
    if fault is None:
        return UserError(text)
    error = RuntimeError(text)
    error.add_note(fault)
    return error
