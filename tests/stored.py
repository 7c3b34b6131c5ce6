"""Files of results/ and data/prepared/ that are whole, for tests that care for a part of them."""

from typing import Any

import pandas as pd

from optledger.core.tables import Column, Schema


def summary(classes: int, **examples: int) -> dict[str, Any]:
    """Return data/prepared/summary.json of a dataset, with one example of each class or so many."""
    splits = ("train", "validation")
    return {
        "classes": classes,
        "dataset": "synthetic",
        "examples": dict.fromkeys(splits, classes) | examples,
        "examples_per_class": dict.fromkeys(splits, [1] * classes),
        "image_shape": [8, 8],
    }


def filled(table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return a table with every column of a schema; what it lacked holds what is allowed."""
    lacking = {name: _cell(column) for name, column in schema.columns.items() if name not in table}
    return table.assign(**lacking)


def _cell(column: Column) -> object:
    if column.is_optional:
        return None
    if column.dtype == "str":
        return column.words[0] if column.words else "a text"
    return 1
