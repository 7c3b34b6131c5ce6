"""Arrays in a .npz file of NumPy, as `numpy.savez` writes and Keras's datasets use."""

import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from optledger.core.errors import UserError, first_line
from optledger.core.formats import open_regular
from optledger.core.places import error_at_places
from optledger.datasets.items import Items, check_memory
from optledger.datasets.registry import Npz

ROLES = ("train_inputs", "train_targets", "test_inputs", "test_targets")

# The usual names of arrays, by role.
_INPUTS, _TARGETS = "x|X|images|inputs|data|features", "y|Y|labels|targets?|classes"
_PATTERNS = {
    "train_inputs": rf"x_train|X_train|train_(?:{_INPUTS})",
    "train_targets": rf"y_train|Y_train|train_(?:{_TARGETS})",
    "test_inputs": rf"x_test|X_test|test_(?:{_INPUTS})",
    "test_targets": rf"y_test|Y_test|test_(?:{_TARGETS})",
}
_WHOLE = {"train_inputs": _INPUTS, "train_targets": _TARGETS}


def read(dataset: Npz, folder: Path) -> Items:
    """Read the arrays of a dataset from a folder.

    Raises:
        UserError: the file is not a .npz file, or its arrays are not those of the entry.
    """
    path = folder / dataset.files["arrays"].name
    arrays = load(path, dataset.arrays)
    parts = [each for each in ("train", "test") if f"{each}_inputs" in arrays]
    names = {str(role): name for role, name in dataset.arrays.items()}
    for part in parts:
        check_lengths(path, names, arrays, part)
    inputs = [as_inputs(path, names[f"{part}_inputs"], arrays[f"{part}_inputs"]) for part in parts]
    for part, own in zip(parts, inputs, strict=True):
        if own.shape[1:] != dataset.shape:
            raise UserError(
                f"{path}: {names[f'{part}_inputs']}: found items of shape {own.shape[1:]}; "
                f"allowed: {dataset.shape}, as the dataset's entry says"
            )
    targets = [
        dataset.kind.read(
            f"{path}: {names[f'{part}_targets']}",
            arrays[f"{part}_targets"],
            dataset.target,
            "item {}".format,
        )
        for part in parts
    ]
    trained = len(targets[0])
    total = sum(map(len, targets))
    return Items(
        inputs=np.concatenate(inputs),
        targets=np.concatenate(targets),
        is_test=np.arange(total) >= trained if len(parts) > 1 else None,
        groups=None,
        place=lambda index: f"item {index - trained if index >= trained else index}",
    )


def load(path: Path, names: Mapping[Any, str]) -> dict[str, NDArray[Any]]:
    """Read arrays by role, without loading anything that is pickled.

    Raises:
        UserError: the file cannot be read, lacks an array, or does not fit into memory.
    """
    with _opened(path) as archive:
        for name in names.values():
            if name not in archive.files:
                there = ", ".join(archive.files)
                raise UserError(f"{path}: has no array {name}; it has {there}")
        _check_sizes(path, list(names.values()))
        return {role: archive[name] for role, name in names.items()}


def names_of_arrays(path: Path) -> list[str]:
    """Return the names of the arrays in a file.

    Raises:
        UserError: the file cannot be read.
    """
    with _opened(path) as archive:
        return list(archive.files)


@contextmanager
def _opened(path: Path) -> Iterator[NpzFile]:
    """Open a file of arrays, and turn errors of NumPy and zipfile into a `UserError`.

    Raises:
        UserError: the file is not a valid .npz file.
    """
    try:
        # Opened here, because NumPy does not close a file that it cannot read.
        with open_regular(path) as file, np.load(file, allow_pickle=False) as arrays:
            if not isinstance(arrays, NpzFile):
                remedy = "write inputs and targets with numpy.savez"
                raise UserError(f"{path}: holds a single array without a name; {remedy}")
            yield arrays
    except (MemoryError, UserError):
        raise
    except Exception as error:
        cause = "objects, which only pickle reads" if "pickle" in str(error) else first_line(error)
        remedy = "write it with numpy.savez"
        raise UserError(f"{path}: cannot be read as arrays: {cause}; {remedy}") from None


def _check_sizes(path: Path, names: Collection[str]) -> None:
    """Check that arrays fit into memory, as a few compressed bytes can claim a huge size.

    Raises:
        UserError: they do not fit.
    """
    with zipfile.ZipFile(path) as archive:
        sizes = [archive.getinfo(f"{name}.npy").file_size for name in names]
    check_memory(path, len(sizes), max(sizes))


def recognized(path: Path, there: list[str]) -> dict[str, str]:
    """Return the names of arrays by role, found by their usual names.

    Args:
        path: the file, for messages.
        there: the names of its arrays.

    Raises:
        UserError: a role has no array with a usual name, or several.
    """
    for patterns in (_PATTERNS, _WHOLE):
        found = {
            role: [name for name in there if re.fullmatch(pattern, name)]
            for role, pattern in patterns.items()
        }
        if all(len(names) == 1 for names in found.values()):
            return {role: names[0] for role, names in found.items()}
    raise UserError(
        f"{path}: the names {', '.join(there)} do not tell inputs from targets; add --arrays "
        f"train_inputs=NAME,train_targets=NAME, or use x_train, y_train, x_test and y_test"
    )


def check_lengths(
    path: Path, names: Mapping[Any, str], arrays: Mapping[str, NDArray[Any]], part: str
) -> None:
    """Check that the inputs and targets of a part have the same number of items.

    Raises:
        UserError: the numbers differ, or there are no items.
    """
    inputs, targets = (arrays[f"{part}_{what}"] for what in ("inputs", "targets"))
    if inputs.ndim == 0 or targets.ndim == 0 or len(inputs) != len(targets) or not len(inputs):
        shown = " and ".join(
            f"{names[f'{part}_{what}']} of shape {arrays[f'{part}_{what}'].shape}"
            for what in ("inputs", "targets")
        )
        raise UserError(f"{path}: {shown} do not match; both need as many items, and at least one")


def as_inputs(path: Path, name: str, values: NDArray[Any]) -> NDArray[Any]:
    """Return images as uint8 of shape (items, rows, columns[, channels]), or columns as float32.

    Arrays of two dimensions are columns, shape (items, columns). A single channel is dropped.

    Raises:
        UserError: the values are neither images nor columns.
    """
    where = f"{path}: {name}"
    if values.dtype.kind not in "buif":
        raise UserError(f"{where}: found values of type {values.dtype}; allowed: numbers")
    if values.ndim == 2:
        return _columns(where, values)
    if values.ndim not in (3, 4) or 0 in values.shape:
        allowed = "(items, columns), (items, rows, columns) or (items, rows, columns, channels)"
        raise UserError(f"{where}: found shape {values.shape}; allowed: {allowed}")
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    if values.ndim == 4 and values.shape[1] in (1, 3) and values.shape[3] > 4:
        raise UserError(
            f"{where}: shape {values.shape} has channels first; move them to the last axis"
        )
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind != "b" and np.array_equal(values, values.astype(np.uint8)):
        return values.astype(np.uint8)
    found = "fractions" if values.dtype.kind == "f" else f"values of type {values.dtype}"
    raise UserError(f"{where}: found pixels that are {found}; allowed: whole numbers, 0 to 255")


def _columns(where: str, values: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore", invalid="ignore"):
        columns = values.astype(np.float32)
    wrong = np.argwhere(~np.isfinite(columns))
    if len(wrong):
        places = [f"item {item}, column {column}" for item, column in wrong]
        raise error_at_places(
            where, "numbers that are not finite", places, "numbers up to 3e38 are fine"
        )
    return columns
