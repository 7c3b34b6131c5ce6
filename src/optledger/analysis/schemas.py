"""What the tables of results/ hold, and their one reader."""

from collections.abc import Collection
from pathlib import Path
from typing import get_args

import pandas as pd

from optledger.core.errors import UserError
from optledger.core.metric import METRICS, Verdict
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
from optledger.trials.records import EPOCH, TRIAL, VALIDATION

_SCORES: dict[str, Column] = {
    name: FRACTION if metric.most == 1 else optional(NOT_NEGATIVE)
    for name, metric in METRICS.items()
}

_SEEDS = Schema(
    {
        "variant": TEXT,
        **TRIAL,
        **_SCORES,
        **VALIDATION,
        "converged_epoch": optional(COUNT),
    },
    # Of a variant that was left behind there are fewer.
    key=("variant", "seed"),
)

_LEADERBOARD = Schema(
    {
        **{"rank": COUNT, "variant": TEXT, "leading": FLAG, "first": FLAG, "champion": FLAG},
        **_SCORES,
        **{f"{metric}_std": optional(NOT_NEGATIVE) for metric in METRICS},
        **{f"{metric}_{end}": optional(INFINITE) for metric in METRICS for end in ("low", "high")},
        **{"seeds": COUNT, "diverged_seeds": COUNT, "optimizer": TEXT, "learning_rate": POSITIVE},
        **{"learning_rate_seeds": COUNT, "epochs": NOT_NEGATIVE, "converged_seeds": COUNT},
        "converged_epoch": optional(NOT_NEGATIVE),
        "search_trials": COUNT,
        "search_edge": optional(one_of(("lowest", "highest"))),
        "sensitivity": optional(FRACTION),
    },
    key=("variant",),
    families={"seeds_to_": COUNT, "epochs_to_": INFINITE},
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
        {"variant": TEXT, "epoch": COUNT}
        | {f"{name}{end}": each for end in ("", "_min", "_max") for name, each in EPOCH.items()},
        key=("variant", "epoch"),
        may_be_empty=True,
    ),
    "search": Schema(
        {"variant": TEXT, **TRIAL, **VALIDATION, "chosen": FLAG},
        key=("variant", "learning_rate", "seed"),
        may_be_empty=True,
    ),
    "per_class": Schema(
        # Empty for a class that no image has, and no model predicts.
        {"variant": TEXT, "class": TEXT}
        | dict.fromkeys(("precision", "recall", "f1"), optional(FRACTION)),
        key=("variant", "class"),
        is_complete=True,
    ),
    "confusion": Schema(
        {"variant": TEXT, "actual": TEXT, "predicted": TEXT, "count": COUNT},
        key=("variant", "actual", "predicted"),
    ),
    "speed": Schema(
        {"variant": TEXT, "target": FRACTION, "seed": COUNT, "epochs": INFINITE},
        key=("variant", "target", "seed"),
        may_be_empty=True,
    ),
    "profile": Schema(
        {"target": FRACTION, "variant": TEXT, "factor": POSITIVE, "fraction": FRACTION},
        # Of two factors, six digits may be the same.
        key=("target", "variant", "factor", "fraction"),
        may_be_empty=True,
    ),
}
"""By name, the tables of results/."""

METHODS = Schema(
    {
        **{"method": TEXT, "learning_rate": optional(POSITIVE), "batch_size": optional(TEXT)},
        **{"epochs": COUNT, "suboptimality": NOT_NEGATIVE, "distance": optional(NOT_NEGATIVE)},
        **{"loss": optional(NUMBER), "diverged_epoch": optional(COUNT)},
    },
    key=("method",),
    # Metrics are those of the kind of model.
    families={"epochs_to_": optional(COUNT), "": optional(NUMBER)},
)
"""methods.csv of a case."""

TRAJECTORIES = Schema(
    {"method": TEXT, "epoch": COUNT, "suboptimality": NOT_NEGATIVE}, key=("method", "epoch")
)
"""trajectories.csv of a case."""

# They have every variant; of the others, one that had nothing to tell is not in them.
_WHOLE = ("seeds", "leaderboard", "per_class", "confusion")


def read_results(
    *names: str,
    variants: Collection[str] | None = None,
    folder: Path = RESULTS,
    as_text: bool = False,
) -> dict[str, pd.DataFrame]:
    """Read tables of results/ that belong together.

    Args:
        names: of the tables, in `SCHEMAS`.
        variants: those that they have to be of; if not given, those of the first table.
        folder: where they are.
        as_text: whether cells are returned as texts.

    Returns:
        The tables by name.

    Raises:
        UserError: one is missing or unsound, or of other variants.
    """
    tables = {name: read(folder / f"{name}.csv", SCHEMAS[name], as_text) for name in names}
    of = folder / f"{names[0]}.csv" if variants is None else PARAMS
    allowed = _variants(tables[names[0]]) if variants is None else set(variants)
    for name, table in tables.items():
        found = _variants(table)
        if not found <= allowed or (name in _WHOLE and found != allowed):
            raise UserError(
                f"{folder / f'{name}.csv'}: found {', '.join(sorted(found))}; allowed: the "
                f"variants of {of}, {', '.join(sorted(allowed))}, as dvc repro leaves them"
            )
    return tables


def marked(leaderboard: pd.DataFrame, column: str) -> list[str] | None:
    """Return the variants that have 1 in a column, such as `leading`, the best first.

    Args:
        leaderboard: results/leaderboard.csv, by variant.
        column: the column.

    Returns:
        Their names; None where an older version did not tell.
    """
    if column not in leaderboard:
        return None
    return [str(name) for name in leaderboard.index[leaderboard[column] == 1]]


def _variants(table: pd.DataFrame) -> set[str]:
    columns = [column for column in ("variant", "against") if column in table]
    return {name for column in columns for name in table[column]}
