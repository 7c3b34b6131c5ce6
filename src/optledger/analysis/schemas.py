"""Schemas of the tables in results/, and the reader of these tables."""

import math
from collections.abc import Collection
from pathlib import Path
from typing import get_args

import pandas as pd

from optledger.core.errors import UserError
from optledger.core.metric import METRICS, Metric, Verdict
from optledger.core.paths import PARAMS, RESULTS
from optledger.core.tables import (
    COUNT,
    FLAG,
    FRACTION,
    INFINITE,
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    TEXT,
    Column,
    Schema,
    one_of,
    optional,
    read,
)
from optledger.datasets.kinds import KINDS
from optledger.trials.records import EPOCHS, TRIAL, VALIDATIONS


def _column(metric: Metric) -> Column:
    """Return what a column of a metric may hold; it may be empty for a diverged seed."""
    if math.isinf(metric.least):
        return optional(NUMBER)
    return FRACTION if metric.most == 1 else optional(NOT_NEGATIVE)


_SCORES: tuple[dict[str, Column], ...] = tuple(
    {name: _column(METRICS[name]) for name in kind.METRICS} for kind in KINDS.values()
)
"""The metrics of each kind of target, as columns."""

_SUMMARIES = tuple(
    {
        **own,
        **{f"{metric}_std": optional(NOT_NEGATIVE) for metric in own},
        **{f"{metric}_{end}": optional(INFINITE) for metric in own for end in ("low", "high")},
    }
    for own in _SCORES
)

_SEEDS = Schema(
    {
        "variant": TEXT,
        **TRIAL,
        "converged_epoch": optional(COUNT),
    },
    # A variant that was left behind has fewer seeds, so not every combination has a row.
    key=("variant", "seed"),
    choices=tuple(own | kept for own, kept in zip(_SCORES, VALIDATIONS, strict=True)),
)

_LEADERBOARD = Schema(
    {
        **{"rank": COUNT, "variant": TEXT, "leading": FLAG, "first": FLAG, "champion": FLAG},
        **{"seeds": COUNT, "diverged_seeds": COUNT, "optimizer": TEXT, "learning_rate": POSITIVE},
        **{"learning_rate_seeds": COUNT, "epochs": NOT_NEGATIVE, "converged_seeds": COUNT},
        "converged_epoch": optional(NOT_NEGATIVE),
        "search_trials": COUNT,
        "search_edge": optional(one_of(("lowest", "highest"))),
        "sensitivity": optional(INFINITE),
    },
    key=("variant",),
    families={"seeds_to_": COUNT, "epochs_to_": INFINITE},
    choices=_SUMMARIES,
)

_COMPARISONS = Schema(
    {
        **{"metric": one_of(tuple(METRICS)), "variant": TEXT, "against": TEXT, "look": COUNT},
        "difference": optional(NUMBER),
        **dict.fromkeys(("half_width", "low", "high"), optional(INFINITE)),
        **dict.fromkeys(("inner_low", "inner_high"), optional(INFINITE)),
        **dict.fromkeys(("p_value", "p_adjusted"), optional(FRACTION)),
        "verdict": one_of(get_args(Verdict)),
        **{"noise": optional(TEXT), "further_seeds": optional(INFINITE)},
        "difference_of_all": optional(NUMBER),
    },
    key=("metric", "variant", "against"),
    pair=("variant", "against"),
    is_complete=True,
    may_be_empty=True,
)

SCHEMAS = {
    "seeds": _SEEDS,
    "leaderboard": _LEADERBOARD,
    "comparisons": _COMPARISONS,
    "curves": Schema(
        {"variant": TEXT, "epoch": COUNT},
        key=("variant", "epoch"),
        choices=tuple(
            {f"{name}{end}": each for end in ("", "_min", "_max") for name, each in own.items()}
            for own in EPOCHS
        ),
        may_be_empty=True,
    ),
    "search": Schema(
        {"variant": TEXT, **TRIAL, "chosen": FLAG},
        key=("variant", "learning_rate", "seed"),
        choices=VALIDATIONS,
        may_be_empty=True,
    ),
    "per_class": Schema(
        # Empty for a class that no image has and no model predicts.
        {"variant": TEXT, "class": TEXT}
        | dict.fromkeys(("precision", "recall", "f1"), optional(FRACTION)),
        key=("variant", "class"),
        is_complete=True,
        # A target that is a number has no classes.
        may_be_empty=True,
    ),
    "confusion": Schema(
        {"variant": TEXT, "actual": TEXT, "predicted": TEXT, "count": COUNT},
        key=("variant", "actual", "predicted"),
        may_be_empty=True,
    ),
    "speed": Schema(
        {"variant": TEXT, "target": POSITIVE, "seed": COUNT, "epochs": INFINITE},
        key=("variant", "target", "seed"),
        may_be_empty=True,
    ),
    "power": Schema(
        {
            **{"variant": TEXT, "against": TEXT, "difference": POSITIVE, "seeds": INFINITE},
            "widened": optional(POSITIVE),
        },
        key=("variant", "against", "difference"),
        may_be_empty=True,
    ),
    "profile": Schema(
        {"target": POSITIVE, "variant": TEXT, "factor": POSITIVE, "fraction": FRACTION},
        # Two factors may be equal in the six digits that a table keeps.
        key=("target", "variant", "factor", "fraction"),
        may_be_empty=True,
    ),
}
"""The schemas of the tables in results/, by name."""

RESIDUALS = Schema(
    {"variant": TEXT, "item": COUNT, "actual": NUMBER, "predicted": optional(NUMBER)},
    key=("variant", "item"),
    may_be_empty=True,
)
"""The schema of results/test/residuals.csv, which has rows where the target is a number."""

METHODS = Schema(
    {
        **{"method": TEXT, "learning_rate": optional(POSITIVE), "batch_size": optional(TEXT)},
        **{"epochs": COUNT, "suboptimality": NOT_NEGATIVE, "distance": optional(NOT_NEGATIVE)},
        **{"loss": optional(NUMBER), "diverged_epoch": optional(COUNT)},
    },
    key=("method",),
    # The metrics depend on the kind of model.
    families={"epochs_to_": optional(COUNT), "": optional(NUMBER)},
)
"""The schema of a case's methods.csv."""

TRAJECTORIES = Schema(
    {"method": TEXT, "epoch": COUNT, "suboptimality": NOT_NEGATIVE}, key=("method", "epoch")
)
"""The schema of a case's trajectories.csv."""

# Tables of _WHOLE have every variant; those of _BY_CLASS have too, unless they are empty. From any
# other table, a variant without rows is missing.
_WHOLE, _BY_CLASS = ("seeds", "leaderboard"), ("per_class", "confusion")


def read_results(
    *names: str,
    variants: Collection[str] | None = None,
    folder: Path = RESULTS,
    as_text: bool = False,
) -> dict[str, pd.DataFrame]:
    """Read tables of results/ that belong together.

    Args:
        names: names of the tables, keys of `SCHEMAS`.
        variants: the variants that the tables must be of; by default, those of the first table.
        folder: the directory of the tables.
        as_text: whether to return cells as texts.

    Returns:
        The tables by name.

    Raises:
        UserError: a table is missing, is unsound, or has other variants.
    """
    tables = {name: read(folder / f"{name}.csv", SCHEMAS[name], as_text) for name in names}
    of = folder / f"{names[0]}.csv" if variants is None else PARAMS
    allowed = _variants(tables[names[0]]) if variants is None else set(variants)
    for name, table in tables.items():
        found = _variants(table)
        is_whole = name in _WHOLE or (name in _BY_CLASS and not table.empty)
        if not found <= allowed or (is_whole and found != allowed):
            lacking = ", ".join(sorted(allowed - found) if is_whole else ())
            wrong = f"has no {lacking}" if lacking else f"has {', '.join(sorted(found - allowed))}"
            than = "which is a variant" if lacking else "which is no variant"
            raise UserError(
                f"{folder / f'{name}.csv'}: {wrong}, {than} of {of}; run dvc repro first"
            )
    return tables


def marked(leaderboard: pd.DataFrame, column: str) -> list[str] | None:
    """Return the variants that have 1 in a column such as `leading`, the best first.

    Args:
        leaderboard: results/leaderboard.csv, indexed by variant.
        column: the name of the column.

    Returns:
        Their names; None where the table is of an older version and lacks the column.
    """
    if column not in leaderboard:
        return None
    return [str(name) for name in leaderboard.index[leaderboard[column] == 1]]


def _variants(table: pd.DataFrame) -> set[str]:
    columns = [column for column in ("variant", "against") if column in table]
    return {name for column in columns for name in table[column]}
