"""The interface of executors, which run tasks, and the choice between them.

Results do not depend on the choice, so that the environment makes it, not params.yaml.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

from optledger.core.errors import UserError
from optledger.execution import processors

WORKERS_VARIABLE = "OPTLEDGER_WORKERS"
ADDRESS_VARIABLE = "RAY_ADDRESS"
"""Ray's own variable for the address of a cluster."""

Task = TypeVar("Task")
Result = TypeVar("Result")

Report = Callable[[int], None]
"""A function that a running task calls with the number of epochs that it has done."""


Take = Callable[[Task | None], Task | None]
"""A function that takes a worker's last task and returns its next; None if there is none now."""


def in_order(tasks: Iterable[Task]) -> Take[Task]:
    """Return a function that hands out these tasks in order, whichever worker asks."""
    left = iter(tasks)
    return lambda last: next(left, None)


class Preparation(NamedTuple):
    """The steps that make processes ready for tasks.

    Attributes:
        driver: called once, in the process that hands out the tasks; on Ray, in each worker.
        preload: the module to import once, before workers are made; on Ray, in each worker.
        worker: a module-level function, called in a worker before each task.
    """

    driver: Callable[[], None]
    preload: str
    worker: Callable[[], None]


class Travel(NamedTuple):
    """What tasks need on another host, on which only packages are installed.

    Attributes:
        code: the files and folders to send, by the name that each has there in a common folder.
        data: called once, here, to return the data that tasks read.
        accept: a module-level function, called there with the data.
        facts: a module-level function, called here and there. It returns facts by name, in words;
            they must be equal for equal results.
    """

    code: Mapping[str, Path]
    data: Callable[[], Any]
    accept: Callable[[Any], None]
    facts: Callable[[], Mapping[str, str]]


class Cluster(NamedTuple):
    """A Ray cluster to run tasks on.

    Attributes:
        address: the address that Ray takes: its head's host and port, `auto`, or `local` for a
            try.
        leaves_out_unlike: whether to go on without nodes that would give other bytes.
    """

    address: str
    leaves_out_unlike: bool = False


def cluster(address: str | None = None, leaves_out_unlike: bool = False) -> Cluster | None:
    """Return the cluster at an address, or else at RAY_ADDRESS; None if neither is given.

    Args:
        address: the address that Ray takes; None to use RAY_ADDRESS.
        leaves_out_unlike: whether to go on without nodes that would give other bytes.

    Raises:
        UserError: the address is not a valid one.
    """
    found = address or os.environ.get(ADDRESS_VARIABLE)
    if not found:
        return None
    if found not in ("auto", "local") and not re.fullmatch(r"[^\s/:]+:\d+|\[[^\s/]+\]:\d+", found):
        name = "--address" if address else ADDRESS_VARIABLE
        allowed = "the head of a Ray cluster, as host:port, or auto, or local for a try"
        raise UserError(f"{name}: found {found!r}; allowed: {allowed}")
    return Cluster(found, leaves_out_unlike)


class Executor(Protocol):
    """Workers that run one task at a time. The task of a lost worker is started anew."""

    @property
    def count(self) -> int:
        """The number of workers, and so the most tasks that run at once."""
        ...

    @property
    def whereabouts(self) -> str:
        """Where the workers are, in a few words; empty if on this machine."""
        ...

    def run(
        self,
        function: Callable[[Task, Report], Result],
        take: Take[Task],
        on_epoch: Callable[[Task, int], None] = lambda task, epochs: None,
    ) -> Iterator[tuple[Task, Result]]:
        """Run `function` on one task after the other; yield results as they finish.

        Args:
            function: a module-level function. Tasks and results are plain data.
            take: called for an idle worker's next task, and again after each result.
            on_epoch: called with a task and the number of epochs that it has done.

        Yields:
            A task and its result.

        Raises:
            UserError: a task raised one, or failed twice because its worker was killed or the
                system refused something. A task that loses its worker too often also raises it.
            RuntimeError: a task failed twice by a fault of this project.
        """
        ...


def workers(
    preparation: Preparation,
    travel: Travel,
    cluster: Cluster | None = None,
    most: int | None = None,
) -> AbstractContextManager[Executor]:
    """Return an executor with OPTLEDGER_WORKERS workers, or with one for each processor.

    Args:
        preparation: the steps that make workers ready.
        travel: what tasks need on the hosts of a cluster.
        cluster: the cluster to run on; None for this machine.
        most: the number of workers that there is work for, if known; used on a cluster.

    Raises:
        UserError: OPTLEDGER_WORKERS is not a positive number.
    """
    if cluster is None:
        from optledger.execution.processes import Processes

        return Processes(worker_count(), preparation)
    from optledger.execution.on_ray.cluster import Actors

    return Actors(cluster, preparation, travel, most)


def worker_count() -> int:
    """Return the number of workers in OPTLEDGER_WORKERS, else the number of processors.

    Raises:
        UserError: OPTLEDGER_WORKERS is not a positive number.
    """
    value = os.environ.get(WORKERS_VARIABLE)
    if value is None:
        return processors.available()
    if not value.isdecimal() or int(value) < 1:
        raise UserError(f"{WORKERS_VARIABLE}: found {value!r}; allowed: an integer of at least 1")
    return int(value)
