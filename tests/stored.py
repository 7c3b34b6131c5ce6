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
    lacking = [name for name in schema.needed(table.columns) if name not in table]
    return table.assign(**{name: _cell(schema.column(name)) for name in lacking})


def _cell(column: Column | None) -> Any:
    assert column is not None
    if column.is_optional:
        return None
    if column.dtype == "str":
        return column.words[0] if column.words else "a text"
    return 1
