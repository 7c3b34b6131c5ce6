"""The target of new data, derived from its values."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optledger.core.documents import shown
from optledger.core.errors import UserError
from optledger.datasets.kinds import KINDS, AnyTarget

# Whole numbers with gaps between them count as classes up to this many different ones. With more,
# the user has to say which kind they are.
_FEW = 20
_FEWEST_ITEMS = 3


def target_of(
    where: object,
    values: NDArray[Any],
    kind: str | None,
    columns: Sequence[str] = (),
    place: Callable[[int], str] = "item {}".format,
) -> AnyTarget:
    """Return the target of new data.

    Args:
        where: the file, for messages.
        values: the target values, one for each item or a row for each item.
        kind: the kind of target, if the user names it.
        columns: the columns of a table that hold the values.
        place: a function that returns where an item is, for messages.

    Raises:
        UserError: the kind is unknown, or the values fit several kinds or none.
    """
    if kind is not None and kind not in KINDS:
        raise UserError(f"--kind: found {shown(kind)}; allowed: {', '.join(KINDS)}")
    target: AnyTarget = KINDS[kind or _kind(where, values)].inferred(where, values, columns, place)
    return target


def _kind(where: object, values: NDArray[Any]) -> str:
    """Return the kind of target that the values are.

    Raises:
        UserError: the values fit several kinds.
    """
    if values.ndim == 2 and values.shape[1] > 1:
        if _are_whole(values) and (values.astype(np.float64).sum(axis=1) == 1).all():
            found = "one 1 in each row, which may be a class or a label"
            remedy = "add --kind labels, or write the numbers of the classes instead"
            raise UserError(f"{where}: {found}; {remedy}")
        return "labels"
    if values.dtype.kind not in "iuf":
        return "classes"
    if not _are_whole(values):
        return "number"
    different, counts = np.unique(values, return_counts=True)
    dense = np.array_equal(different, np.arange(len(different)))
    if counts.min() >= _FEWEST_ITEMS and (dense or len(different) <= _FEW):
        return "classes"
    found = f"{len(different):,} different whole numbers may be classes or not"
    raise UserError(f"{where}: {found}; add --kind classes or --kind number")


def _are_whole(values: NDArray[Any]) -> bool:
    if values.dtype.kind not in "buif":
        return False
    # Values that are not finite are refused later, when the target is read.
    return bool(np.all((values == np.floor(values)) | ~np.isfinite(values)))
