"""Where trials run: the interface, and the choice of what is behind it.

Results do not depend on that choice, so it is made by the environment, not by params.yaml.
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
"""As Ray has it."""

Task = TypeVar("Task")
Result = TypeVar("Result")

Report = Callable[[int], None]
"""What a task tells while it runs: how many epochs it has done."""


Take = Callable[[Task | None], Task | None]
"""Returns a task for a worker that had this one last, or None where there is none now."""


def in_order(tasks: Iterable[Task]) -> Take[Task]:
    """Return what takes these tasks, one after the other, whichever worker asks."""
    left = iter(tasks)
    return lambda last: next(left, None)


class Preparation(NamedTuple):
    """What makes a process ready for tasks.

    Attributes:
        driver: called once, in the process that hands out the tasks.
        preload: the module that is imported once, before workers are made.
        worker: a module's function, called in a worker before each task.
    """

    driver: Callable[[], None]
    preload: str
    worker: Callable[[], None]


class Travel(NamedTuple):
    """What tasks need where nothing but the packages is installed.

    Attributes:
        code: files and folders, where they are here, by the name that they have beside each other
            there.
        data: called once, here: what tasks read.
        accept: a module's function, called there with what `data` returned.
        facts: a module's function, called here and there: what must be equal for equal results, by
            name, in words that tell what they are of.
    """

    code: Mapping[str, Path]
    data: Callable[[], Any]
    accept: Callable[[Any], None]
    facts: Callable[[], Mapping[str, str]]


class Cluster(NamedTuple):
    """A Ray cluster to run tasks on.

    Attributes:
        address: as Ray has it: host and port of its head, `auto`, or `local` for a try.
        leaves_out_unlike: whether to go on without nodes that would give other bytes.
    """

    address: str
    leaves_out_unlike: bool = False


def cluster(address: str | None = None, leaves_out_unlike: bool = False) -> Cluster | None:
    """Return the cluster at an address, or that RAY_ADDRESS names; None where nothing does.

    Raises:
        UserError: it is no address.
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
    """Workers that run tasks, one at a time each, and start at a task anew if they are lost."""

    @property
    def count(self) -> int:
        """How many workers there are at most, and so how many tasks run at once."""
        ...

    @property
    def whereabouts(self) -> str:
        """Where they are, in a few words; nothing if here."""
        ...

    def run(
        self,
        function: Callable[[Task, Report], Result],
        take: Take[Task],
        on_epoch: Callable[[Task, int], None] = lambda task, epochs: None,
    ) -> Iterator[tuple[Task, Result]]:
        """Run `function` on one task after the other; yield results as they finish.

        Args:
            function: a module's function; its task and what it returns are plain data.
            take: asked for an idle worker's next task, and again after each result.
            on_epoch: told of a task and of the epochs that it has done.

        Yields:
            A task and its result.

        Raises:
            UserError: a task raised one, or failed twice, as its worker was ended or the system
                refused something.
            RuntimeError: a task failed twice by a fault of this project.
        """
        ...


def workers(
    preparation: Preparation,
    travel: Travel,
    cluster: Cluster | None = None,
    most: int | None = None,
) -> AbstractContextManager[Executor]:
    """Return an executor of as many workers as OPTLEDGER_WORKERS says, else as processors.

    Args:
        preparation: what makes a worker ready.
        travel: what it needs, as it is on another host.
        cluster: where it is to be, if not on this machine.
        most: how many there is work for, if that is known.

    Raises:
        UserError: OPTLEDGER_WORKERS is not a positive number.
    """
    if cluster is None:
        from optledger.execution.processes import Processes

        return Processes(worker_count(), preparation)
    from optledger.execution.on_ray.cluster import Actors

    return Actors(cluster, preparation, travel, most)


def worker_count() -> int:
    """Return how many workers OPTLEDGER_WORKERS asks for, else how many processors there are.

    Raises:
        UserError: it is not a positive number.
    """
    value = os.environ.get(WORKERS_VARIABLE)
    if value is None:
        return processors.available()
    if not value.isdecimal() or int(value) < 1:
        raise UserError(f"{WORKERS_VARIABLE}: found {value!r}; allowed: an integer of at least 1")
    return int(value)
