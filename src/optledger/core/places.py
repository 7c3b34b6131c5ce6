"""Messages about the places where a dataset is wrong: how many, and the first of them."""

from collections.abc import Iterable

from optledger.core.errors import UserError, printable

_SHOWN = 3


def first_places(places: Iterable[str]) -> str:
    """Return the first places as text, and how many more there are."""
    every = list(places)
    shown = ", ".join(every[:_SHOWN])
    return f"{shown} and {len(every) - _SHOWN:,} more" if len(every) > _SHOWN else shown


def error_at_places(where: object, found: str, places: Iterable[str], remedy: str) -> UserError:
    """Return an error about something that is wrong in several places.

    Args:
        where: the dataset or its file.
        found: what is wrong, in the plural.
        places: where each of them is.
        remedy: what to do about it.
    """
    every = list(places)
    return UserError(printable(f"{where}: {len(every):,} {found}: {first_places(every)}; {remedy}"))
