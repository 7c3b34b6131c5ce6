"""Errors that are part of the interface: one line for the user, no traceback."""

import re
import sys
from collections.abc import Callable


class UserError(Exception):
    """Something the user can put right. Its text says where, what was found, what is allowed."""


def run(command: Callable[[], None]) -> None:
    """Run `command` as a program: a `UserError` becomes its text and exit status 2.

    An interruption is one word, with the exit status that shells give it.
    """
    try:
        command()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    except UserError as error:
        print(without_credentials(str(error)), file=sys.stderr)
        sys.exit(2)


def without_credentials(text: str) -> str:
    """Return `text` with the user names and passwords of URLs replaced by asterisks."""
    return re.sub(r"(?<=://)\S*@|(?<=password=)[^&\s]+", _asterisks, text)


def _asterisks(credentials: re.Match[str]) -> str:
    return "***@" if credentials[0].endswith("@") else "***"
