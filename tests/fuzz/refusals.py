"""What may become of an input: it is accepted, or refused in lines for a terminal."""

import time
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from programs import CPU_SECONDS, Ended

from optledger.core.errors import UserError, printable

Result = TypeVar("Result")


def attempt(tally: Counter[str], read: Callable[[], Result]) -> Result | None:
    """Return what is read; None where it is refused, in printable lines and in time."""
    started = time.process_time()
    try:
        result = read()
    except UserError as error:
        _assert_printable(str(error))
        result = None
    assert time.process_time() - started < CPU_SECONDS
    tally["refused" if result is None else "accepted"] += 1
    return result


def assert_sound(tally: Counter[str], ended: Ended, verdicts: bool = False) -> None:
    """Assert that a command is done or refuses, or has a verdict where it has some."""
    printed = ended.stdout + ended.stderr
    assert "Traceback" not in printed
    assert ended.status in ((0, 1, 2) if verdicts else (0, 2)), printed
    if ended.status == 2:
        _assert_printable(ended.stderr.strip("\n"))
    tally["refused" if ended.status == 2 else "accepted"] += 1


def _assert_printable(text: str) -> None:
    assert text
    assert all(line and printable(line) == line for line in text.split("\n")), text
