"""Where in a dataset something is wrong: how many places, and the first of them."""

from collections.abc import Iterable

from optledger.core.errors import UserError, printable

_SHOWN = 3


def listed(places: Iterable[str]) -> str:
    """Return the first places, and how many more there are."""
    every = list(places)
    shown = ", ".join(every[:_SHOWN])
    return f"{shown} and {len(every) - _SHOWN:,} more" if len(every) > _SHOWN else shown


def refuse(where: object, found: str, places: Iterable[str], allowed: str) -> UserError:
    """Return the error of something that is wrong in some places.

    Args:
        where: the dataset or its file.
        found: what is wrong, in the plural.
        places: of each.
        allowed: what to do about it.
    """
    every = list(places)
    return UserError(
        printable(f"{where}: found {len(every):,} {found}: {listed(every)}; allowed: {allowed}")
    )
