"""Finds where two files or folders differ, and whether only by rounding."""

import csv
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

from optledger.core.formats import read, read_json


class Cell(NamedTuple):
    """A value in a file, and the value that is expected there.

    Attributes:
        where: the place of the value: a line and column, a line, a key or a byte.
        found: the value in the file; None where there is none.
        expected: the expected value; None where there should be none.
    """

    where: str
    found: Any
    expected: Any


def first_difference(original: Path, found: Path) -> str | None:
    """Describe the first difference between `found` and `original`; None if there is none."""
    names = {each.relative_to(top) for top in (original, found) for each in [top, *top.rglob("*")]}
    for name in sorted(names):
        pair = original / name, found / name
        if not all(each.exists() for each in pair):
            return f"{name}: found {'nothing' if pair[0].exists() else 'a file too many'}"
        for cell in _cells(*pair):
            if cell.found != cell.expected:
                where = f"{name}, {cell.where}" if found.is_dir() else cell.where
                return f"{where}: found {cell.found}; expected {cell.expected}"
    return None


def are_close(original: Path, found: Path, tolerance: float) -> bool:
    """Whether two tables have the same texts, and numbers that are equal within `tolerance`."""
    return all(_is_close(cell, tolerance) for cell in _cells(original, found))


def _cells(original: Path, found: Path) -> Iterator[Cell]:
    if found.is_dir():
        return
    if found.suffix == ".csv":
        yield from _of_tables(*(list(csv.reader(_lines(each))) for each in (found, original)))
    elif found.suffix == ".json":
        yield from _of_documents(*(read_json(each) for each in (found, original)))
    elif found.suffix == ".md":
        for number, pair in enumerate(zip_longest(*map(_lines, (found, original))), start=1):
            yield Cell(f"line {number}", *pair)
    else:
        pairs = zip_longest(*map(read, (found, original)))
        for place, pair in enumerate(pairs):
            yield Cell(f"byte {place}", *pair)


def _of_tables(found: list[list[str]], expected: list[list[str]]) -> Iterator[Cell]:
    header = max(found[0], expected[0], key=len)
    for number, rows in enumerate(zip_longest(found, expected), start=1):
        for column, *pair in zip_longest(header, *(row or [] for row in rows)):
            yield Cell(f"line {number}, column {column}", *pair)


def _of_documents(found: Any, expected: Any, prefix: str = "") -> Iterator[Cell]:
    if not isinstance(found, dict) or not isinstance(expected, dict):
        yield Cell(f"key {prefix.removesuffix('.')}", found, expected)
        return
    for key in sorted(found.keys() | expected.keys()):
        yield from _of_documents(found.get(key), expected.get(key), f"{prefix}{key}.")


def _is_close(cell: Cell, tolerance: float) -> bool:
    if cell.found == cell.expected:
        return True
    try:
        found, expected = float(cell.found), float(cell.expected)
    except (TypeError, ValueError):
        return False
    return abs(found - expected) <= tolerance * max(abs(found), abs(expected))


def _lines(path: Path) -> list[str]:
    return read(path).decode(errors="backslashreplace").splitlines()
