"""The options for adding a dataset, and the draft of its entry."""

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

DEFAULT_FRACTION = 0.2


def option_words(given: str) -> tuple[str, ...]:
    """Return the comma-separated words of an option."""
    return tuple(word.strip() for word in given.split(",") if word.strip())


def option_pairs(given: str) -> dict[str, str]:
    """Return the NAME=VALUE pairs of an option as a mapping.

    Raises:
        UserError: a pair lacks its name or its value.
    """
    parted = [word.partition("=") for word in option_words(given)]
    if wrong := next((word for word, _, value in parted if not word or not value), None):
        raise UserError(f"--arrays: found {shown(wrong)}; allowed: NAME=VALUE, parted by commas")
    return {name: value for name, _, value in parted}


def image_size(given: str | None) -> tuple[int, int] | None:
    """Return the rows and columns of a text such as 32x32, or None for None.

    Raises:
        UserError: the text has another form.
    """
    if given is None:
        return None
    if match := re.fullmatch("([1-9][0-9]{0,3})x([1-9][0-9]{0,3})", given):
        return int(match[1]), int(match[2])
    raise UserError(f"--size: found {shown(given)}; allowed: rows and columns, as in 32x32")


@dataclass(frozen=True)
class Options:
    """What a user says about new data, apart from their path.

    Attributes:
        kind: the kind of target; needed only where the values fit several kinds.
        target: the column of a table that holds the target; for labels, all of their columns.
        test: which items are the test split: a folder, COLUMN=VALUE, or a separate file.
        test_fraction: the share of the items to draw at random as the test split.
        by: what no split may divide: a pattern for the paths of images, or a column.
        size: the rows and columns to which images are resized.
        channels: 1 or 3; images are converted to this number of channels.
        categories: columns of a table whose values are names.
        drop: columns of a table to leave out.
        arrays: the names of arrays, by role.
        separator: the character between the cells of a CSV file.
        duplicates: whether test items may also be train items.
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
        """Check that the options fit the data and each other.

        Args:
            what: the kind of data, for messages.
            *possible: the names of the options that these data can have.

        Raises:
            UserError: an option has no meaning for these data, `channels` is neither 1 nor 3, or
                both `test` and `test_fraction` are given.
        """
        general = {"duplicates", *possible}
        for name, value in vars(self).items():
            if value and name not in general:
                option = f"--{name.replace('_', '-')}"
                fitting = ", ".join(f"--{each.replace('_', '-')}" for each in sorted(general))
                raise UserError(
                    f"optledger dataset add: {option} is not for {what}; use only {fitting}"
                )
        if self.channels not in (None, 1, 3):
            raise UserError(f"--channels: found {self.channels}; allowed: 1 or 3")
        if self.test is not None and self.test_fraction is not None:
            both = "--test and --test-fraction exclude each other"
            raise UserError(f"optledger dataset add: {both}; choose one")

    def fraction(self, **more: Any) -> Test:
        """Return a test split that is a fraction of the items, by default `DEFAULT_FRACTION`.

        Args:
            **more: other fields of the test split.

        Raises:
            UserError: the fraction is not between 0 and 1, or another field is invalid.
        """
        fraction = DEFAULT_FRACTION if self.test_fraction is None else self.test_fraction
        return validate(
            Test, {"fraction": fraction, **more}, Path("optledger dataset add: --test-fraction")
        )


@dataclass(frozen=True)
class Draft:
    """The draft of an entry.

    Attributes:
        entry: the keys that belong to the format.
        target: the target that a model predicts.
        items: all items. Their inputs may be digests: equal inputs mean equal items.
        test: how the entry chooses the test split; None where separate files or arrays hold it.
        files: by role, the name that a file is to have, and the path of the file or folder.
        found: the lines of the report, each a word and its explanation.
    """

    entry: Mapping[str, Any]
    target: AnyTarget
    items: Items
    test: Test | None
    files: Mapping[str, tuple[str, Path]]
    found: list[tuple[str, str]]
