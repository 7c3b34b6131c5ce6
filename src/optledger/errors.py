"""Errors that are part of the interface: one line for the user, no traceback."""

import sys
from collections.abc import Callable


class UserError(Exception):
    """Something the user can put right. Its text says where, what was found, what is allowed."""


def run(command: Callable[[], None]) -> None:
    """Run `command` as a program: a `UserError` becomes its text and exit status 2."""
    try:
        command()
    except UserError as error:
        sys.exit(_report(error))


def _report(error: UserError) -> int:
    print(error, file=sys.stderr)
    return 2
