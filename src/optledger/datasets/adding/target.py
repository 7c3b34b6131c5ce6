"""What new data are to tell of an item."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optledger.core.documents import shown
from optledger.core.errors import UserError
from optledger.datasets.kinds import KINDS, AnyTarget

# Of more whole numbers with gaps between them, nobody can say whether they are classes.
_FEW = 20
_FEWEST_ITEMS = 3


def target_of(
    where: object, values: NDArray[Any], kind: str | None, columns: Sequence[str] = ()
) -> AnyTarget:
    """Return the target of new data.

    Args:
        where: the file, for messages.
        values: what it tells of each item.
        kind: of target, if it is said.
        columns: of a table, those that hold the values.

    Raises:
        UserError: the values could mean several things, or nothing.
    """
    if kind is not None and kind not in KINDS:
        raise UserError(f"--kind: found {shown(kind)}; allowed: {', '.join(KINDS)}")
    target: AnyTarget = KINDS[kind or _kind(where, values)].found(where, values, columns)
    return target


def _kind(where: object, values: NDArray[Any]) -> str:
    """Return which kind of target values are.

    Raises:
        UserError: they could be of several.
    """
    if values.ndim == 2 and values.shape[1] > 1:
        if _are_whole(values) and (values.astype(np.float64).sum(axis=1) == 1).all():
            found = "one 1 in each row, which may be a class or a label"
            allowed = "--kind labels, or targets that are numbers of classes"
            raise UserError(f"{where}: {found}; allowed: {allowed}")
        return "labels"
    if values.dtype.kind not in "iuf":
        return "classes"
    if not _are_whole(values):
        return "number"
    different, counts = np.unique(values, return_counts=True)
    dense = np.array_equal(different, np.arange(len(different)))
    if counts.min() >= _FEWEST_ITEMS and (dense or len(different) <= _FEW):
        return "classes"
    found = f"{len(different):,} different whole numbers"
    raise UserError(f"{where}: found {found}; allowed: --kind classes or --kind number")


def _are_whole(values: NDArray[Any]) -> bool:
    if values.dtype.kind not in "buif":
        return False
    # What is not finite is for whoever reads them.
    return bool(np.all((values == np.floor(values)) | ~np.isfinite(values)))
