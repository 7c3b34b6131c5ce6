"""What a worker does with a task, wherever it is."""

import traceback
from collections.abc import Callable
from typing import Any

from optledger.core.errors import UserError, refused
from optledger.execution.loop import Told


def answer(
    function: Any, task: Any, prepare: Callable[[], None], tell: Callable[[Told], object]
) -> None:
    """Run a task, and tell how far it is and what comes of it."""
    try:
        # Here, so that a package that cannot be imported is a cause that is told.
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
