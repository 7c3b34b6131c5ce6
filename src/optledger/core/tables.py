"""Strict reading of the tables that `formats.write_csv` writes.

A schema says what the cells of each column may hold, and which columns identify a row. Anything
else in a file raises an error of one line that names the place. Only an empty cell counts as a
missing value.
"""

import csv
import io
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from optledger.core import formats
from optledger.core.documents import shown
from optledger.core.errors import UserError

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?([0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?|inf)")


@dataclass(frozen=True)
class Column:
    """What the cells of a column may hold.

    Attributes:
        dtype: pandas' type of the column.
        allowed: what a cell may hold, in words.
        low: the lowest number allowed.
        high: the highest number allowed.
        words: the only texts allowed; if empty, any text is.
        is_optional: whether a cell may be empty.
    """

    dtype: str
    allowed: str
    low: float = -math.inf
    high: float = math.inf
    words: tuple[str, ...] = ()
    is_optional: bool = False

    def takes(self, cell: str) -> bool:
        """Whether a cell may hold this text."""
        if not cell:
            return self.is_optional
        if self.dtype == "str":
            return cell.isprintable() and (not self.words or cell in self.words)
        pattern = _NUMBER if self.dtype == "float64" else _INTEGER
        return bool(pattern.fullmatch(cell)) and self._is_within(float(cell))

    def _is_within(self, number: float) -> bool:
        return self.low <= number <= self.high


_MOST = 1.7e308

TEXT = Column("str", "a text")
COUNT = Column("int64", "an integer of at least 0", low=0)
FLAG = Column("int64", "0 or 1", low=0, high=1)
NUMBER = Column("float64", "a finite number", low=-_MOST, high=_MOST)
POSITIVE = Column("float64", "a finite number above 0", low=5e-324, high=_MOST)
NOT_NEGATIVE = Column("float64", "a finite number of at least 0", low=0, high=_MOST)
FRACTION = Column("float64", "a number from 0 to 1", low=0, high=1)
INFINITE = Column("float64", "a number, or inf")


def one_of(words: Iterable[str]) -> Column:
    """Return a column that allows only these texts."""
    texts = tuple(words)
    return replace(TEXT, allowed=f"one of {', '.join(texts)}", words=texts)


def optional(column: Column) -> Column:
    """Return the same column, but with empty cells allowed."""
    dtype = "Int64" if column.dtype == "int64" else column.dtype
    return replace(column, dtype=dtype, allowed=f"{column.allowed}, or nothing", is_optional=True)


@dataclass(frozen=True)
class Schema:
    """What a table must hold.

    Attributes:
        columns: the columns that must be there.
        key: the columns that identify a row: no two rows agree in all of them.
        pair: two columns of the key that hold different values, in either order.
        families: columns that may be there, by the beginning of their names. The first match
            counts. Columns that are not declared at all are read as texts.
        choices: sets of further columns. A table must have one whole set: the one with which it
            shares the most columns.
        is_complete: whether every combination of the key columns' values must have a row.
        may_be_empty: whether a table without rows is sound.
        remedy: how to get a sound table.
    """

    columns: Mapping[str, Column]
    key: tuple[str, ...]
    pair: tuple[str, ...] = ()
    families: Mapping[str, Column] = field(default_factory=dict)
    choices: tuple[Mapping[str, Column], ...] = ()
    is_complete: bool = False
    may_be_empty: bool = False
    remedy: str = "dvc repro makes it anew"

    def column(self, name: str) -> Column | None:
        """Return the declaration of a column; None if there is none."""
        chosen = (each[name] for each in self.choices if name in each)
        families = (each for start, each in self.families.items() if name.startswith(start))
        return self.columns.get(name) or next(chosen, None) or next(families, None)

    def needed(self, header: Collection[str]) -> list[str]:
        """Return the columns that a table with this header must have."""
        there = {*header}
        chosen = max(self.choices, key=lambda each: len({*each} & there), default={})
        return [*self.columns, *chosen]


def read(path: Path, schema: Schema, as_text: bool = False) -> pd.DataFrame:
    """Read a table, and check it against a schema.

    Args:
        path: the file.
        schema: what the table must hold.
        as_text: whether to return the cells as the texts in the file; they are checked all the
            same.

    Raises:
        UserError: the file is missing, or does not fit the schema.
    """
    try:
        content = formats.read(path)
    except FileNotFoundError:
        raise UserError(f"{path}: does not exist; run dvc repro or dvc pull first") from None
    try:
        return parse(content, schema, as_text=as_text)
    except UserError as error:
        raise UserError(f"{path}: {error}; {schema.remedy}") from None


def parse(
    content: bytes, schema: Schema, needed: Iterable[str] | None = None, as_text: bool = False
) -> pd.DataFrame:
    """Parse the content of a table's file, and check it against a schema.

    Args:
        content: the bytes of the file.
        schema: what the table must hold.
        needed: the columns that must be there, for tables of other versions, which may have fewer;
            if not given, those of the schema.
        as_text: whether to return the cells as texts.

    Raises:
        UserError: the content does not fit the schema; the text does not name the file.
    """
    header, rows, lines = _split(content)
    _check_header(header, schema.needed(header) if needed is None else needed)
    for line, row in zip(lines, rows, strict=True):
        if len(row) != len(header):
            raise _mistake(f"a row of length {len(row)}", f"{len(header)}, a cell a column", line)
    if not rows and not schema.may_be_empty:
        raise UserError("has names of columns, but no rows")
    cells = dict(zip(header, zip(*rows, strict=True) if rows else [()] * len(header), strict=True))
    declared = {name: schema.column(name) for name in header}
    for name, column in declared.items():
        if column:
            _check_cells(name, column, cells[name], lines)
    if set(schema.key) <= cells.keys():
        _check_rows(schema, cells, lines)
    types = {name: column.dtype if column else "str" for name, column in declared.items()}
    return pd.read_csv(
        io.BytesIO(content),
        dtype=str if as_text else types,
        keep_default_na=False,
        na_values=[] if as_text else [""],
    )


def _split(content: bytes) -> tuple[list[str], list[list[str]], list[int]]:
    """Return the names of the columns, the cells of each row, and the line each row ends on."""
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _mistake(f"the byte 0x{content[error.start]:02x}", "UTF-8", line) from None
    for number, each in enumerate(text.split("\n"), start=1):
        if each.startswith(("<<<<<<< ", ">>>>>>> ")):
            raise UserError(f"line {number}: has a merge conflict; keep one of its sides")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise UserError(f"line {reader.line_num}: cannot be read as CSV: {error}") from None
    if not rows or not rows[0][1]:
        raise UserError(f"{'line 1: ' if rows else ''}is empty; names of columns belong there")
    return rows[0][1], [row for _, row in rows[1:]], [line for line, _ in rows[1:]]


def _check_header(header: Sequence[str], needed: Iterable[str]) -> None:
    if lacking := [name for name in needed if name not in header]:
        raise UserError(f"has no column {lacking[0]}, which the table of dvc repro has")
    for name in header:
        if header.count(name) > 1 or not name.isprintable() or not name:
            raise _mistake(f"the column {shown(name)}", "names that differ", 1)


def _check_cells(name: str, column: Column, cells: Sequence[str], lines: Sequence[int]) -> None:
    sound = {cell for cell in set(cells) if column.takes(cell)}
    for line, cell in zip(lines, cells, strict=True):
        if cell not in sound:
            raise _mistake(shown(cell or None), column.allowed, line, name)


def _check_rows(schema: Schema, cells: Mapping[str, Sequence[str]], lines: Sequence[int]) -> None:
    """Check that no key occurs twice, and that no row is missing."""
    seen: set[tuple[str, ...]] = set()
    for line, key in zip(lines, _keys(schema, cells), strict=True):
        if schema.pair and key[-2] == key[-1]:
            raise UserError(f"line {line}: compares {shown(key[-1])} with itself")
        if key in seen:
            raise UserError(f"line {line}: is a second row of {', '.join(key)}; keep one")
        seen.add(key)
    if schema.is_complete and len(seen) != (every := _combinations(schema, cells)):
        of = ", ".join(schema.key)
        raise _mistake(f"{len(seen)} rows", f"{every}, one for each combination of {of}")


def _keys(schema: Schema, cells: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, ...]]:
    alone = [name for name in schema.key if name not in schema.pair]
    firsts = zip(*(cells[name] for name in alone), strict=True)
    if not schema.pair:
        return firsts
    seconds = zip(*(cells[name] for name in schema.pair), strict=True)
    return (first + tuple(sorted(pair)) for first, pair in zip(firsts, seconds, strict=True))


def _combinations(schema: Schema, cells: Mapping[str, Sequence[str]]) -> int:
    alone = [len(set(cells[name])) for name in schema.key if name not in schema.pair]
    members = {cell for name in schema.pair for cell in cells[name]}
    return math.prod(alone) * (math.comb(len(members), 2) if schema.pair else 1)


def _mistake(
    found: str, allowed: str, line: int | None = None, column: str | None = None
) -> UserError:
    where = f"line {line}: " if line else ""
    where += f"column {column}: " if column else ""
    return UserError(f"{where}found {found}; allowed: {allowed}")


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of `table`, each as a mapping from columns to cells."""
    return [{str(column): row[column] for column in row} for row in table.to_dict("records")]
