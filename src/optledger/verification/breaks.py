"""A place where the chain from data to runs does not hold, and how to mend it."""

import shlex
from dataclasses import dataclass


@dataclass(frozen=True)
class Break:
    """One break.

    Attributes:
        where: the file, the stage or the run.
        found: what is there.
        expected: what belongs there, and who says so.
        remedy: the command that mends it; empty for a note, which is no break.
    """

    where: str
    found: str
    expected: str
    remedy: str

    def __str__(self) -> str:
        line = f"{self.where}: found {self.found}; expected {self.expected}"
        return f"{line}; remedy: {self.remedy}" if self.remedy else f"note: {line}"


def command(*words: object) -> str:
    """Return a command as one types it, with the quotes that a shell needs."""
    return shlex.join(map(str, words))
