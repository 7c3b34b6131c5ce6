"""Runs a task in a worker of any executor."""

import traceback
from collections.abc import Callable
from typing import Any

from optledger.core.errors import UserError, refused
from optledger.execution.loop import Message


def answer(
    function: Any, task: Any, prepare: Callable[[], None], tell: Callable[[Message], object]
) -> None:
    """Run a task, and send messages about its progress and its outcome.

    Args:
        function: the function to call with the task.
        task: the task.
        prepare: called first, to make this process ready.
        tell: sends a message.
    """
    try:
        # Inside the try block, so that a package that cannot be imported is reported.
        prepare()
        tell(("done", function(task, lambda epochs: tell(("epoch", epochs)))))
    except UserError as error:
        tell(("refused", error))
    except Exception as error:
        if line := refused(error):
            tell(("failed", line, None))
            return
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        tell(("failed", cause, traceback.format_exc()))
