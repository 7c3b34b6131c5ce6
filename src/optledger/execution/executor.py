"""Where trials run: the interface, and the choice of what is behind it.

Results do not depend on that choice, so it is made by the environment, not by params.yaml.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol, TypeVar

from optledger.core.errors import UserError
from optledger.execution import processors

WORKERS_VARIABLE = "OPTLEDGER_WORKERS"

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


class Executor(Protocol):
    """Workers that run tasks, one at a time each, and start at a task anew if they are lost."""

    @property
    def count(self) -> int:
        """How many workers there are at most, and so how many tasks run at once."""
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


def workers(preparation: Preparation) -> AbstractContextManager[Executor]:
    """Return an executor of as many processes as OPTLEDGER_WORKERS says, else as processors.

    Raises:
        UserError: OPTLEDGER_WORKERS is not a positive number.
    """
    from optledger.execution.processes import Processes

    return Processes(worker_count(), preparation)


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
