"""A place where the chain from data to runs does not hold, and how to mend it."""

import shlex
from dataclasses import dataclass

from optledger.core.errors import printable


@dataclass(frozen=True)
class Break:
    """One break.

    Attributes:
        where: the file, the stage or the run.
        found: what is there.
        expected: what belongs there, and who says so.
        remedy: the command that mends it.
        is_note: whether it may be so on purpose, and is no break.
    """

    where: str
    found: str
    expected: str
    remedy: str
    is_note: bool = False

    def __str__(self) -> str:
        parts = (f"found {self.found}", f"expected {self.expected}", f"remedy: {self.remedy}")
        return printable(f"{'note: ' * self.is_note}{self.where}: {'; '.join(parts)}")


def command(*words: object) -> str:
    """Return a command as one types it, with the quotes that a shell needs."""
    return shlex.join(map(str, words))
