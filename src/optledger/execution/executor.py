"""Where trials run: the interface, and the choice of what is behind it.

Results do not depend on that choice, so it is made by the environment, not by params.yaml.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol, TypeVar

from optledger.core.errors import UserError
from optledger.datasets.examples import read_split
from optledger.execution import processors
from optledger.trials.trial import Predictions, TrainedModel, Trial, TrialResult

WORKERS_VARIABLE = "OPTLEDGER_WORKERS"

Task = TypeVar("Task")
Result = TypeVar("Result")

Report = Callable[[int], None]
"""What a task tells while it runs: how many epochs it has done."""


class Executor(Protocol):
    """Workers that run tasks, one at a time each, and start at a task anew if they are lost."""

    @property
    def count(self) -> int:
        """How many workers there are at most, and so how many tasks run at once."""
        ...

    def run(
        self,
        function: Callable[[Task, Report], Result],
        tasks: Sequence[Task],
        on_epoch: Callable[[int, int], None] = lambda task, epochs: None,
    ) -> Iterator[tuple[int, Result]]:
        """Run `function` on each of `tasks`; yield results as they finish.

        Args:
            function: a module's function; its task and what it returns are plain data.
            tasks: started in their order.
            on_epoch: told of a task's place and of the epochs that it has done.

        Yields:
            A task's place in `tasks`, and its result.

        Raises:
            UserError: a task raised one, or failed twice, as its worker was ended or the system
                refused something.
            RuntimeError: a task failed twice by a fault of this project.
        """
        ...


def workers() -> AbstractContextManager[Executor]:
    """Return an executor of as many processes as OPTLEDGER_WORKERS says, else as processors.

    Raises:
        UserError: OPTLEDGER_WORKERS is not a positive number.
    """
    from optledger.execution.processes import Processes

    return Processes(_worker_count())


def train(trial: Trial, report: Report) -> TrialResult:
    """Train on data/prepared/, in a worker."""
    from optledger.training import engine

    return engine.train(trial, report)


def predict_test(trained: TrainedModel, report: Report) -> Predictions:
    """Predict the test split, in a worker."""
    from optledger.training import engine

    return engine.predict(trained.model, trained.classes, trained.weights, read_split("test"))


def _worker_count() -> int:
    value = os.environ.get(WORKERS_VARIABLE)
    if value is None:
        return processors.available()
    if not value.isdecimal() or int(value) < 1:
        raise UserError(f"{WORKERS_VARIABLE}: found {value!r}; allowed: an integer of at least 1")
    return int(value)
