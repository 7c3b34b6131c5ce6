"""Checks of a model's arguments before its layers are built."""

from collections.abc import Iterable, Sequence

_MOST_NUMBERS = 100_000_000
"""The most weights and outputs of all layers: 400 MB, and an optimizer keeps two more copies."""


def check_counts(name: str, counts: Sequence[int]) -> None:
    """Check an argument that has a count for each layer, such as its units.

    Args:
        name: the argument's name, for the message.
        counts: the argument's value.

    Raises:
        ValueError: a count is below 1.
    """
    if min(counts, default=1) < 1:
        raise ValueError(f"{name} must be integers of at least 1, not {counts!r}")


def check_size(numbers: Iterable[int]) -> None:
    """Check that a model is not too large to build.

    Args:
        numbers: how many weights and outputs each layer has.

    Raises:
        ValueError: the layers together have too many.
    """
    if (size := sum(numbers)) > _MOST_NUMBERS:
        raise ValueError(f"its layers would have {size:,} numbers, more than {_MOST_NUMBERS:,}")
