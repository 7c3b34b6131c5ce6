"""Errors that are part of the interface: one line for the user, no traceback."""

import re
import sys
import unicodedata
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
        print(printable_lines(without_credentials(str(error))), file=sys.stderr)
        sys.exit(2)


def printable(text: str) -> str:
    """Return `text` as one line for a terminal, where no character does anything but show.

    Line breaks, control characters, escape sequences and marks that turn the direction of a text
    stand as Python writes them in a string.
    """
    if text.isprintable():
        return text
    return "".join(map(_printable, text))


def printable_lines(text: str) -> str:
    """Return `text` as `printable` does, but with its line breaks."""
    return "\n".join(map(printable, text.split("\n")))


def _printable(character: str) -> str:
    # Spaces of all widths are not for Python, but show.
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode()


def without_credentials(text: str) -> str:
    """Return `text` with the user names and passwords of URLs replaced by asterisks."""
    return re.sub(r"(?<=://)\S*@|(?<=password=)[^&\s]+", _asterisks, text)


def _asterisks(credentials: re.Match[str]) -> str:
    return "***@" if credentials[0].endswith("@") else "***"
