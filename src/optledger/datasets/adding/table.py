"""A CSV or Parquet file, as new data."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from optledger.core.documents import shown
from optledger.core.errors import UserError, printable
from optledger.core.places import error_at_places, first_places
from optledger.datasets.adding.draft import Draft, Options, option_words
from optledger.datasets.adding.target import target_of
from optledger.datasets.formats.table import (
    category,
    cells,
    is_parquet,
    numbers,
    read_frame,
    row_place,
    row_places,
    text,
)
from optledger.datasets.items import Items
from optledger.datasets.kinds import KINDS
from optledger.datasets.registry import Test

_SEPARATORS = ",;\t|"
_MOST_VALUES = 1000
_NAMED = 5

# From this share of numbers on, a column counts as numeric, and its other cells as mistakes.
_MOSTLY = 0.5


def draft_of(path: Path, options: Options) -> Draft:
    """Look at a table.

    Raises:
        UserError: the file is not a table, cells are invalid, options do not fit the table, or it
            could be understood in several ways.
    """
    options.check_used(
        *(
            "a table",
            "kind",
            "target",
            "test",
            "test_fraction",
            "by",
            "categories",
            "drop",
            "separator",
        )
    )
    separator = options.separator or _separator(path)
    frame = read_frame(path, separator)
    _check_names(path, separator, frame)
    columns_of_target = _target(path, frame, options)
    test_path, test_column = _test(path, frame, options)
    tables = [(path, frame)]
    if test_path is not None:
        tables.append((test_path, read_frame(test_path, separator)))
    used, left_out = _columns(path, frame, options, {*columns_of_target, test_column, options.by})
    for at, each in tables[1:]:
        if lacking := [
            name for name in (*used, *options.categories, *columns_of_target) if name not in each
        ]:
            remedy = "add them, as the train part has them"
            raise error_at_places(at, "columns missing", lacking, remedy)
    # Each table by itself, so that a message names the file and the line.
    values = {name: _values(tables, name) for name in options.categories}
    columns = [
        np.concatenate([numbers(at, name, each[name]) for at, each in tables]) for name in used
    ]
    columns += [
        np.concatenate([category(at, name, each[name], own) for at, each in tables]).astype(
            np.float32
        )
        for name, own in values.items()
    ]
    for name, column in zip((*used, *values), columns, strict=True):
        if column.min() == column.max():
            left_out[name] = "all its cells are the same"
    kept = [name for name in used if name not in left_out]
    if not kept and not values:
        raise UserError(f"{path}: has no column of numbers; add one, or use others: --categories")
    for name in columns_of_target:
        for at, each in tables:
            _check_filled(at, name, each[name])
    frames = [each for _, each in tables]
    whole = pd.concat(frames, ignore_index=True) if len(frames) > 1 else frame
    place_of = row_places([at for at, _ in tables], [len(each) for each in frames])
    where = f"{path}: {first_places(columns_of_target)}"
    told = cells(whole, columns_of_target)
    target = target_of(where, told, options.kind, columns_of_target, place_of)
    targets = [
        KINDS[target.kind].read(
            f"{at}: {first_places(columns_of_target)}",
            cells(each, columns_of_target),
            target,
            row_place,
        )
        for at, each in tables
    ]
    test: Test | None = None
    is_test = groups = None
    if test_path is not None:
        is_test = np.arange(len(whole)) >= len(frame)
    elif test_column is not None:
        assert options.test is not None
        value = options.test.partition("=")[2]
        is_test = (whole[test_column].astype(str) == value).to_numpy()
        test = Test(column=test_column, value=value, by=options.by)
        if not 0 < is_test.sum() < len(is_test):
            there = [shown(each) for each in whole[test_column].astype(str).unique()]
            raise error_at_places(
                f"{path}: {test_column}",
                "values",
                there,
                f"some rows, not all, need {shown(value)}",
            )
    else:
        test = options.fraction(by=options.by)
    if options.by is not None:
        if test is None:
            reason = "does not work with a test file of its own; use one table with both parts"
            raise UserError(f"optledger dataset add: --by {reason}")
        groups = whole[options.by].astype(str).to_numpy()
    items = Items(
        inputs=np.stack(columns, axis=1),
        targets=np.concatenate(targets),
        is_test=is_test,
        groups=groups,
        place=place_of,
    )
    files = {"table": (path.name, path)}
    if test_path is not None:
        files["test_table"] = (test_path.name, test_path)
    reasons = [f"{name} ({why})" for name, why in left_out.items()]
    return Draft(
        entry={
            "format": "table",
            "columns": kept,
            **({"categories": values} if values else {}),
            **({} if is_parquet(path) else {"separator": separator}),
        },
        target=target,
        items=items,
        test=test,
        files=files,
        found=[
            ("columns", f"{len(kept)} of numbers: {_some(kept)}"),
            *(("category", f"{name}: {first_places(own)}") for name, own in values.items()),
            *([("left out", "; ".join(reasons))] if reasons else []),
        ],
    )


def _separator(path: Path) -> str:
    """Return the separator that is most frequent in the first line; for Parquet, a comma.

    Raises:
        UserError: the first line has no separator.
    """
    if is_parquet(path):
        return ","
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        line = file.readline(1 << 20)
    counts = {each: line.count(each) for each in _SEPARATORS}
    best = max(counts, key=lambda each: counts[each])
    if counts[best] == 0:
        raise UserError(f"{path}: has only one column; if that is wrong, add --separator")
    return best


def _check_names(path: Path, separator: str, frame: pd.DataFrame) -> None:
    """Check that no two columns share a name.

    pandas renames such columns when it reads a CSV file, so the header is read again here.

    Raises:
        UserError: two columns share a name.
    """
    names = [str(name) for name in frame.columns]
    if not is_parquet(path):
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            names = next(csv.reader(file, delimiter=separator), [])
    if doubled := sorted({name for name in names if name and names.count(name) > 1}):
        raise error_at_places(path, "names that columns share", map(shown, doubled), "rename them")


def _some(names: Sequence[str]) -> str:
    """Return the first names and the last ones, as the target is often the last column."""
    if len(names) <= 2 * _NAMED:
        return ", ".join(names)
    return ", ".join([*names[:_NAMED], f"{len(names) - 2 * _NAMED} more", *names[-_NAMED:]])


def _target(path: Path, frame: pd.DataFrame, options: Options) -> tuple[str, ...]:
    """Return the columns of the target: one, or one for each label.

    Raises:
        UserError: --target is missing or names a column twice, or an option names a column that
            the table does not have.
    """
    names = [str(name) for name in frame.columns]
    if options.target is None:
        remedy = f"add --target with one column, or several for labels, of {_some(names)}"
        raise UserError(printable(f"{path}: which column is the target is not known; {remedy}"))
    targets = (options.target,) if options.target in names else option_words(options.target)
    if len(set(targets)) < len(targets):
        raise UserError(f"--target: found {options.target}; allowed: each column once")
    for option, name in (
        *(("--target", each) for each in targets),
        ("--by", options.by),
        *(("--categories", each) for each in options.categories),
        *(("--drop", each) for each in options.drop),
    ):
        if name is not None and name not in names:
            allowed = f"one of {_some(names)}"
            raise UserError(printable(f"{path}: {option}: found {shown(name)}; allowed: {allowed}"))
    return targets


def _test(path: Path, frame: pd.DataFrame, options: Options) -> tuple[Path | None, str | None]:
    """Return the file of the test split, or the column that marks its rows, or neither.

    Raises:
        UserError: --test names neither a column nor another file.
    """
    if options.test is None:
        return None, None
    column, equals, _ = options.test.partition("=")
    if equals and column in frame.columns:
        return None, column
    file = Path(options.test).expanduser()
    if file.is_file():
        if file.samefile(path):
            raise UserError(
                f"--test: {path} is the train table itself; name another file, or COLUMN=VALUE"
            )
        return file.resolve(), None
    allowed = "COLUMN=VALUE, or a file"
    raise UserError(f"{path}: --test: found {shown(options.test)}; allowed: {allowed}")


def _columns(
    path: Path, frame: pd.DataFrame, options: Options, others: set[str | None]
) -> tuple[list[str], dict[str, str]]:
    """Return the numeric columns, and by column the reason why others are left out.

    Columns with another purpose are in neither: those of `others` and the categories.

    Raises:
        UserError: a numeric column has some cells that are not finite numbers.
    """
    used, left_out = [], {}
    for name in map(str, frame.columns):
        if name in others or name in options.categories:
            continue
        if name in options.drop:
            left_out[name] = "dropped"
        elif name.startswith("Unnamed: ") or not name.strip() or not name.isprintable():
            left_out[name] = "it has no name"
        elif why := _no_numbers(frame[name]):
            left_out[name] = why
        else:
            # Refuses a mostly numeric column that has other cells, and lists them.
            numbers(path, name, frame[name])
            used.append(name)
    return used, left_out


def _no_numbers(column: "pd.Series[Any]") -> str | None:
    """Return why a column does not count as numeric; None if it does."""
    if column.dtype.kind in "iufb" or pd.api.types.is_bool_dtype(column):
        return None
    if column.dtype.kind in "mM" or isinstance(column.dtype, pd.DatetimeTZDtype):
        return "times"
    cells = column.dropna()
    if not cells.map(lambda cell: isinstance(cell, str | int | float | bool)).all():
        parsed = pd.to_numeric(cells.map(str), errors="coerce")
        return None if parsed.notna().all() else "no single values"
    share = pd.to_numeric(cells.map(str), errors="coerce").notna().mean() if len(cells) else 0.0
    return "texts; --categories takes them" if share < _MOSTLY else None


def _values(tables: Sequence[tuple[Path, pd.DataFrame]], name: str) -> tuple[str, ...]:
    """Return the different values of a category in all tables, sorted.

    Raises:
        UserError: a cell is empty, or there are too many values.
    """
    for at, each in tables:
        _check_filled(at, name, each[name])
    values = sorted({text(cell) for _, each in tables for cell in each[name].astype(object)})
    if len(values) > _MOST_VALUES:
        found, allowed = f"{len(values):,} categories", f"{_MOST_VALUES} at most"
        raise UserError(f"{tables[0][0]}: {name}: found {found}; allowed: {allowed}")
    return tuple(values)


def _check_filled(path: Path, name: str, column: "pd.Series[Any]") -> None:
    empty: Sequence[int] = np.flatnonzero(column.isna()).tolist()
    if empty:
        raise error_at_places(
            f"{path}: {name}", "empty cells", map(row_place, empty), "fill them, or remove the rows"
        )
