"""Rows of a CSV or Parquet file: numbers, and categories that the entry declares."""

import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from optledger.core.documents import shown
from optledger.core.errors import UserError, first_line
from optledger.core.places import error_at_places, first_places
from optledger.datasets.items import Items, check_memory
from optledger.datasets.registry import Table

_HEADER = 2
"""The line of the first row: line 1 is the header."""


def read(dataset: Table, folder: Path) -> Items:
    """Read the rows of a dataset from a folder.

    Raises:
        UserError: a file is not a table, or its cells are not as the entry says.
    """
    paths = [folder / file.name for file in dataset.files.values()]
    test = dataset.test
    used = [*dataset.columns, *dataset.categories]
    others = [*dataset.target.columns, *((test.column, test.by) if test else ())]
    wanted = [*used, *(name for name in others if name is not None)]
    frames = [read_frame(path, dataset.separator, list(dict.fromkeys(wanted))) for path in paths]
    inputs = [_inputs(path, frame, dataset) for path, frame in zip(paths, frames, strict=True)]
    kind, columns = dataset.kind, dataset.target.columns
    targets = [
        kind.read(
            f"{path}: {first_places(columns)}", cells(frame, columns), dataset.target, row_place
        )
        for path, frame in zip(paths, frames, strict=True)
    ]
    whole = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frames[0]
    is_test = None
    if test is None:
        is_test = np.arange(len(whole)) >= len(frames[0])
    elif test.column is not None:
        is_test = (whole[test.column].astype(str) == test.value).to_numpy()
    groups = None
    if test is not None and test.by is not None:
        groups = whole[test.by].astype(str).to_numpy()
    return Items(
        *(np.concatenate(inputs), np.concatenate(targets), is_test, groups),
        place=row_places(paths, [len(frame) for frame in frames]),
    )


def cells(frame: pd.DataFrame, columns: Sequence[str]) -> NDArray[Any]:
    """Return the cells of columns: shape (rows,) for one column, otherwise (rows, columns)."""
    if len(columns) == 1:
        return frame[columns[0]].to_numpy()
    return frame[[*columns]].to_numpy()


def row_place(index: int) -> str:
    """Return the line that a row is on, as an editor counts if each row takes one line."""
    return f"line {index + _HEADER}"


def row_places(paths: Sequence[Path], rows: Sequence[int]) -> Callable[[int], str]:
    """Return a function that says where a row is, if rows are counted through several tables.

    It names the line within the row's own table, and that table unless it is the only one.

    Args:
        paths: the tables, in their order.
        rows: how many rows each has.
    """
    if len(paths) == 1:
        return row_place
    firsts = np.cumsum([0, *rows])

    def named(index: int) -> str:
        table = int(np.searchsorted(firsts, index, side="right")) - 1
        return f"{row_place(index - int(firsts[table]))} of {paths[table]}"

    return named


def is_parquet(path: Path) -> bool:
    """Whether a file is read as Parquet, by its suffix."""
    return path.suffix.lower() in (".parquet", ".pq")


def read_frame(path: Path, separator: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table, or some of its columns.

    Raises:
        UserError: the file is not a valid table, lacks a column, has no rows, or does not fit into
            memory.
        OSError: the system cannot read the file.
    """
    # A table takes about as much memory as its file has bytes.
    check_memory(path, 1, path.stat().st_size)
    try:
        if is_parquet(path):
            frame = pd.read_parquet(path, columns=None if columns is None else list(columns))
        else:
            with warnings.catch_warnings():
                # pandas warns before it drops the cells of a line that is longer than the header.
                warnings.simplefilter("error", pd.errors.ParserWarning)
                with _watched(path) as file:
                    frame = pd.read_csv(
                        file,
                        sep=separator,
                        usecols=None if columns is None else list(columns),
                        index_col=False,
                        encoding="utf-8-sig",
                        # Only an empty cell is missing: NA may be the name of a class.
                        keep_default_na=False,
                        na_values=[""],
                        low_memory=False,
                    )
    except MemoryError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            # An error of the system. For invalid bytes, pyarrow raises an OSError without errno.
            raise
        # pandas and pyarrow raise errors of many types for bytes that they cannot read.
        kind = "Parquet" if is_parquet(path) else f"CSV with {shown(separator)} between cells"
        raise UserError(f"{path}: cannot be read as {kind}: {first_line(error)}") from None
    if columns is not None:
        frame = frame[list(columns)]
    if frame.empty:
        raise UserError(f"{path}: has no rows")
    return frame.reset_index(drop=True)


@contextmanager
def _watched(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, and show on a terminal how much of it has been read."""
    told = {"unit": "B", "unit_scale": True, "leave": False, "disable": None}
    with (
        tqdm(total=path.stat().st_size, desc=path.name, **told) as bar,
        io.BufferedReader(_Watched(path, bar), _CHUNK_BYTES) as file,
    ):
        yield file


class _Watched(io.FileIO):
    """A file that updates a progress bar as it is read."""

    def __init__(self, path: Path, bar: "tqdm[None]") -> None:
        super().__init__(path)
        self._bar = bar

    def readinto(self, buffer: Any) -> int | None:
        count = super().readinto(buffer)
        self._bar.update(count or 0)
        return count


_CHUNK_BYTES = 1 << 20


def _inputs(path: Path, frame: pd.DataFrame, dataset: Table) -> NDArray[np.float32]:
    """Return the inputs of a model for each row, shape (rows, inputs)."""
    inputs = np.empty((len(frame), len(dataset.column_names)), np.float32)
    for number, name in enumerate(dataset.columns):
        inputs[:, number] = numbers(path, name, frame[name])
    number = len(dataset.columns)
    for name, values in dataset.categories.items():
        found = category(path, name, frame[name], values)
        inputs[:, number : number + len(values)] = found[:, None] == np.arange(len(values))
        number += len(values)
    return inputs


def numbers(path: Path, name: str, column: "pd.Series[Any]") -> NDArray[np.float32]:
    """Return a column as numbers, shape (rows,).

    Raises:
        UserError: a cell is not a finite number.
    """
    plain = column if column.dtype.kind in "iuf" else pd.to_numeric(_plain(column), errors="coerce")
    with np.errstate(over="ignore"):
        found = plain.to_numpy(np.float64, na_value=np.nan).astype(np.float32)
    if len(wrong := np.flatnonzero(~np.isfinite(found))):
        cells = [f"{_shown(column.iloc[index])} at {row_place(int(index))}" for index in wrong]
        remedy = f"correct them, or add the dataset with --drop {shown(name)}"
        raise error_at_places(f"{path}: {name}", "cells that are no finite numbers", cells, remedy)
    return found


def _plain(column: "pd.Series[Any]") -> "pd.Series[Any]":
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.astype(object)
    return column.astype("float64") if pd.api.types.is_bool_dtype(column) else column


def _shown(cell: object) -> str:
    if pd.isna(cell):  # type: ignore[call-overload] # a cell
        return "an empty cell"
    return shown(cell.item() if isinstance(cell, np.generic) else cell)


def category(
    path: Path, name: str, column: "pd.Series[Any]", values: Sequence[str]
) -> NDArray[np.intp]:
    """Return the index of each cell's value among the values of a category, shape (rows,).

    Raises:
        UserError: a cell has none of the values.
    """
    texts = column.astype(object).where(column.notna(), None).map(text)
    places = {value: number for number, value in enumerate(values)}
    found = texts.map(lambda each: places.get(each, -1)).to_numpy(np.intp)
    if len(wrong := np.flatnonzero(found < 0)):
        cells = [f"{_shown(column.iloc[index])} at {row_place(int(index))}" for index in wrong]
        known = f"known are {', '.join(values)}"
        raise error_at_places(f"{path}: {name}", "cells of no known category", cells, known)
    return found


def text(cell: object) -> str:
    """Return a cell as the name of a category; 3.0 and 3 have the same name."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
