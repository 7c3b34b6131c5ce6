"""What a model's arguments must be before its layers are built."""

from collections.abc import Iterable, Sequence

_MOST_NUMBERS = 100_000_000
"""Of a layer's weights and outputs: 400 MB, of which an optimizer keeps two more."""


def check_counts(name: str, counts: Sequence[int]) -> None:
    """Check the argument `name`, such as the units of each layer.

    Raises:
        ValueError: a count is below 1.
    """
    if min(counts, default=1) < 1:
        raise ValueError(f"{name} must be integers of at least 1, not {counts!r}")


def check_size(numbers: Iterable[int]) -> None:
    """Check how many numbers each layer has.

    Raises:
        ValueError: together they are too many to build.
    """
    if (size := sum(numbers)) > _MOST_NUMBERS:
        raise ValueError(f"its layers would have {size:,} numbers, more than {_MOST_NUMBERS:,}")
