"""Breaks in the chain from data to runs, and the commands that mend them."""

import shlex
from dataclasses import dataclass

from optledger.core.errors import printable


@dataclass(frozen=True)
class Break:
    """A place where the chain from data to runs does not hold.

    Attributes:
        where: the file, the stage or the run.
        found: what is there.
        expected: what belongs there, and who says so.
        remedy: the command that mends it.
        is_note: whether it may be deliberate; it is then reported, but does not count as a break.
            `expected` then says in words what the remedy is for.
    """

    where: str
    found: str
    expected: str
    remedy: str
    is_note: bool = False

    def __str__(self) -> str:
        told = f"found {self.found}; expected {self.expected}; remedy: {self.remedy}"
        if self.is_note:
            told = f"{self.found}; {self.expected}: {self.remedy}"
        return printable(f"{'note: ' * self.is_note}{self.where}: {told}")


def command(*words: object) -> str:
    """Return a command line ready to type, with the quotes that a shell needs."""
    return shlex.join(map(str, words))
