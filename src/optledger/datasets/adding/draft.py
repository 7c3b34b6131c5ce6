"""What looking at new data gives: an entry to be, and what was found."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from optledger.core.documents import shown, validate
from optledger.core.errors import UserError
from optledger.datasets.items import Items
from optledger.datasets.kinds import AnyTarget
from optledger.datasets.registry import Test

FRACTION = 0.2


def words(given: str) -> tuple[str, ...]:
    """Return the words of an option, which commas part."""
    return tuple(word.strip() for word in given.split(",") if word.strip())


def pairs(given: str) -> dict[str, str]:
    """Return the values of an option by their names.

    Raises:
        UserError: one has no name, or no value.
    """
    parted = [word.partition("=") for word in words(given)]
    if wrong := next((word for word, _, value in parted if not word or not value), None):
        raise UserError(f"--arrays: found {shown(wrong)}; allowed: NAME=VALUE, parted by commas")
    return {name: value for name, _, value in parted}


def sides(given: str | None) -> tuple[int, int] | None:
    """Return rows and columns, as in 32x32.

    Raises:
        UserError: they are none.
    """
    if given is None:
        return None
    if match := re.fullmatch("([1-9][0-9]{0,3})x([1-9][0-9]{0,3})", given):
        return int(match[1]), int(match[2])
    raise UserError(f"--size: found {shown(given)}; allowed: rows and columns, as in 32x32")


@dataclass(frozen=True)
class Options:
    """What a person says of the data, beside where they are.

    Attributes:
        kind: of target, where values could be of several.
        target: the column of a table that is to be told; of labels, each of them.
        test: which items are the test split: a folder, COLUMN=VALUE, or a file of its own.
        test_fraction: else so many of them, at random.
        by: what no split may divide: a pattern for the paths of images, or a column.
        size: rows and columns that images are made to have.
        channels: 1 or 3, likewise.
        categories: columns of a table whose values are names.
        drop: columns of a table that are left out.
        arrays: by role, the names of arrays.
        separator: between the cells of a CSV file.
        duplicates: whether test items may be train items, too.
    """

    kind: str | None = None
    target: str | None = None
    test: str | None = None
    test_fraction: float | None = None
    by: str | None = None
    size: tuple[int, int] | None = None
    channels: int | None = None
    categories: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    arrays: Mapping[str, str] = field(default_factory=dict)
    separator: str | None = None
    duplicates: bool = False

    def check_used(self, what: str, *possible: str) -> None:
        """Check that nothing is said that has no meaning for such data.

        Raises:
            UserError: something is.
        """
        general = {"duplicates", *possible}
        for name, value in vars(self).items():
            if value and name not in general:
                option = f"--{name.replace('_', '-')}"
                allowed = ", ".join(f"--{each.replace('_', '-')}" for each in sorted(general))
                raise UserError(
                    f"optledger dataset add: found {option} with {what}; allowed: {allowed}"
                )
        if self.channels not in (None, 1, 3):
            raise UserError(f"--channels: found {self.channels}; allowed: 1 or 3")
        if self.test is not None and self.test_fraction is not None:
            raise UserError("optledger dataset add: found --test and --test-fraction; allowed: one")

    def fraction(self, **more: Any) -> Test:
        """Return the test split as a fraction of the items.

        Raises:
            UserError: it is none.
        """
        fraction = FRACTION if self.test_fraction is None else self.test_fraction
        return validate(
            Test, {"fraction": fraction, **more}, Path("optledger dataset add: --test-fraction")
        )


@dataclass(frozen=True)
class Draft:
    """An entry to be.

    Attributes:
        entry: what the format adds to it.
        target: what is to be told of an item.
        items: with inputs that are the same where items are.
        test: which of them are the test split, if they do not say so.
        files: by role, what it is to be called and the file or the folder.
        found: lines of what was found: a word, and what it is.
    """

    entry: Mapping[str, Any]
    target: AnyTarget
    items: Items
    test: Test | None
    files: Mapping[str, tuple[str, Path]]
    found: list[tuple[str, str]]
