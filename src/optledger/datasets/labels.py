"""The classes that a dataset's values name, and their numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optledger.core.documents import shown
from optledger.core.errors import UserError
from optledger.datasets.interface import label_type
from optledger.datasets.places import refuse
from optledger.datasets.registry import MOST_CLASSES, Target

Classes = int | tuple[str, ...]


def classes_of(where: object, values: NDArray[Any]) -> Classes:
    """Return the classes that there are: how many, where they are 0, 1, 2 …, or their names.

    Names are in the order of numbers where all are numbers, and else in that of texts.

    Raises:
        UserError: there is one class, there are too many, or values are no classes.
    """
    different = np.unique(as_classes(where, values))
    if not 2 <= len(different) <= MOST_CLASSES:
        allowed = f"2 to {MOST_CLASSES:,}, of which --target says where they are"
        raise UserError(f"{where}: found {len(different):,} different classes; allowed: {allowed}")
    if different.dtype.kind == "i":
        if np.array_equal(different, np.arange(len(different))):
            return len(different)
        return tuple(map(str, different.tolist()))
    return tuple(different.tolist())


def as_classes(where: object, values: NDArray[Any]) -> NDArray[Any]:
    """Return values as integers or texts, one for each item.

    Raises:
        UserError: they are neither, as fractions or several numbers an item are.
    """
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        found = f"targets of shape {values.shape}"
        raise UserError(f"{where}: {found}; allowed: one class an item, (items,)")
    if values.dtype.kind in "iu":
        return values.astype(np.int64)
    if values.dtype.kind == "f":
        if np.isfinite(values).all() and (values == np.floor(values)).all():
            return values.astype(np.int64)
        first = values[~np.isfinite(values) | (values != np.floor(values))][0]
        raise UserError(f"{where}: found the class {first:g}; allowed: whole numbers, or names")
    if values.dtype.kind in "bOU":
        names = np.array([str(value).strip() for value in values], dtype=object)
        wrong = next((name for name in names if not name or not name.isprintable()), None)
        if wrong is not None:
            raise UserError(f"{where}: found the class {shown(wrong)}; allowed: a name")
        return names.astype(str)
    raise UserError(f"{where}: found targets of type {values.dtype}; allowed: numbers or names")


def numbers_of(
    where: object, values: NDArray[Any], target: Target, place: Callable[[int], str]
) -> NDArray[np.unsignedinteger[Any]]:
    """Return the number of each item's class.

    Args:
        where: the file, for messages.
        values: that name them, shape (items,).
        target: which classes there are.
        place: returns where an item is.

    Raises:
        UserError: some value names none of them.
    """
    found = as_classes(where, values)
    if target.names is None:
        numbers = found if found.dtype.kind == "i" else np.full(len(found), -1)
        allowed = f"0 to {target.count - 1}"
    else:
        texts = found.astype(str)
        names = np.array(target.names)
        order = np.argsort(names)
        places = np.searchsorted(names[order], texts).clip(max=len(names) - 1)
        numbers = order[places]
        numbers = np.where(names[numbers] == texts, numbers, -1)
        allowed = "those of the dataset's entry"
    wrong = np.flatnonzero((numbers < 0) | (numbers >= target.count))
    if len(wrong):
        places_of = [f"{shown(found[index].item())} at {place(int(index))}" for index in wrong]
        raise refuse(where, "classes that are unknown", places_of, allowed)
    return numbers.astype(label_type(target.count))
