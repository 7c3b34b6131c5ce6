"""The tables of the report, as its template shows them: cells as text, and what colours them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optledger.analysis.comparisons import against
from optledger.analysis.words import epochs_to, interval, signed
from optledger.params import Comparison, Params

FEW = 8
"""So many variants are few enough for numbers in the cells of a matrix."""


class Range(NamedTuple):
    """An interval as a part of the width of its cell, in percent.

    Attributes:
        low: where it begins.
        high: where it ends.
        middle: where the mean is.
        beyond: whether all of it lies to the left of the axis.
    """

    low: float
    high: float
    middle: float
    beyond: bool


class Cell(NamedTuple):
    """A cell of a matrix.

    Attributes:
        text: what stands there.
        title: what it says in full.
        kind: a class for the style sheet.
        share: how strong its colour is, in percent.
    """

    text: str
    title: str
    kind: str = ""
    share: float = 0.0


def ranks(
    leaderboard: pd.DataFrame, comparisons: pd.DataFrame, comparison: Comparison
) -> list[dict[str, Any]]:
    """Return the rows of the leaderboard.

    Args:
        leaderboard: results/leaderboard.csv.
        comparisons: results/comparisons.csv.
        comparison: the section of params.yaml.
    """
    metric = comparison.metric
    first = leaderboard["variant"].iloc[0]
    beside = _rows(against(comparisons, metric, first))
    low, high = _axis(leaderboard, metric)
    targets = [
        column.removeprefix("epochs_to_")
        for column in leaderboard.columns
        if column.startswith("epochs_to_")
    ]
    rows = []
    for name, row in _rows(leaderboard.set_index("variant", drop=False)).items():
        rows.append(
            {
                **row,
                "mean": row[metric],
                "half": row[f"{metric}_half_width"],
                "range": _range(row, metric, low, high),
                "verdict": beside[name]["verdict"] if name in beside else "",
                "epochs_to": {
                    target: (
                        row[f"epochs_to_{target}"],
                        epochs_to(
                            row[f"epochs_to_{target}"], row[f"seeds_to_{target}"], row["seeds"]
                        ),
                    )
                    for target in targets
                },
            }
        )
    return rows


def axis(leaderboard: pd.DataFrame, comparison: Comparison) -> tuple[float, float]:
    """Return the ends of the axis that the intervals of `ranks` are drawn on."""
    return _axis(leaderboard, comparison.metric)


# Times as far as half of the intervals reach from the best: one further away leaves them no room.
_FAR = 2.0


def _axis(leaderboard: pd.DataFrame, metric: str) -> tuple[float, float]:
    """Return the ends of the intervals that are known and not far away."""
    known = leaderboard[leaderboard["diverged_seeds"] == 0]
    ends = pd.DataFrame(
        [_ends(row, metric) for row in (leaderboard if known.empty else known).to_dict("records")]
    )
    reach = ends[1].max() - ends[0]
    near = ends[reach <= _FAR * reach.median()]
    low, high = float(near[0].min()), float(near[1].max())
    room = 0.04 * (high - low) or 0.001
    return low - room, high + room


def _ends(row: Mapping[Any, Any], metric: str) -> tuple[float, float]:
    half = row[f"{metric}_half_width"]
    half = half if math.isfinite(half) and not row["diverged_seeds"] else 0.0
    return max(0.0, row[metric] - half), min(1.0, row[metric] + half)


def _rows(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return the rows of a table by its index."""
    return {
        str(name): {str(column): value for column, value in row.items()}
        for name, row in table.to_dict("index").items()
    }


def _range(row: Mapping[Any, Any], metric: str, low: float, high: float) -> Range:
    ends = _ends(row, metric)
    low_end, high_end, middle = (
        round(100 * min(1.0, max(0.0, (value - low) / (high - low))), 2)
        for value in (*ends, row[metric])
    )
    return Range(low_end, high_end, middle, ends[1] < low)


_MARKS = {"better": "▲", "worse": "▼", "equivalent": "=", "inconclusive": "?"}


def verdicts(comparisons: pd.DataFrame, names: Sequence[str], metric: str) -> list[list[Cell]]:
    """Return a row for each variant: its verdict against each, and none against itself."""
    few = len(names) <= FEW
    beside = [_rows(against(comparisons, metric, other)) for other in names]
    return [
        [
            _verdict(name, other, rows[name], metric, few)
            if name != other
            else Cell("", "", "self")
            for other, rows in zip(names, beside, strict=True)
        ]
        for name in names
    ]


_ITSELF = Cell("", "", "self")


def _verdict(name: str, other: str, row: Mapping[str, Any], metric: str, few: bool) -> Cell:
    verdict = str(row["verdict"])
    told = signed(row["difference"], metric)
    ends = f": {told} points, {interval(row, metric)}" if told else ""
    text = f"{_MARKS[verdict]} {told}" if few else _MARKS[verdict]
    return Cell(text, f"{name} against {other}: {verdict}{ends}", verdict)


def heat_map(per_class: pd.DataFrame, names: Sequence[str]) -> list[list[Cell]]:
    """Return a row of F1 for each variant, a cell for each class, darker where more is wrong."""
    table = per_class.pivot(index="variant", columns="class", values="f1").loc[list(names)]
    # Of what it lacks of 1, in powers of ten: from 0.98 to 0.99 is as far as from 0.8 to 0.9.
    lacking = np.log10(np.clip(1 - table.to_numpy(float), 1e-3, 1.0))
    shares = _shares(lacking)
    return [
        [
            Cell(
                f"{100 * f1:.1f}",
                f"{name}, class {label}: F1 {f1:.4f}",
                "heat",
                round(float(share), 1),
            )
            for label, f1, share in zip(table.columns, row, own, strict=True)
        ]
        for name, row, own in zip(names, table.to_numpy(float), shares, strict=True)
    ]


def confusion(table: pd.DataFrame, variant: str) -> list[list[Cell]]:
    """Return a row for each true class, a cell for each predicted one, darker for more mistakes."""
    own = table[table["variant"] == variant]
    counts = own.pivot(index="actual", columns="predicted", values="count").to_numpy(int)
    mistakes = counts.copy()
    np.fill_diagonal(mistakes, 0)
    shares = 100 * np.sqrt(mistakes / max(1, mistakes.max()))
    return [
        [
            Cell(
                str(count) if count else "",
                f"{count} of true class {actual} predicted as {predicted}",
                "right" if actual == predicted else "heat",
                round(float(shares[actual, predicted]), 1),
            )
            for predicted, count in enumerate(row)
        ]
        for actual, row in enumerate(counts)
    ]


def _shares(values: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = values.max() - values.min()
    return 100 * (values - values.min()) / spread if spread else np.zeros_like(values)


def parameters(params: Params) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return what the variants differ in, a row each, and what they share with the settings.

    Args:
        params: what params.yaml says.

    Returns:
        A table with the column `variant` and one for each parameter that is not the same for all;
        every other parameter by its key.
    """
    table = pd.json_normalize([_plain(each) for each in params.variants.values()]).map(_shown)
    table.columns = table.columns.str.removesuffix(".name")
    differing = [name for name in table.columns if table[name].nunique() > 1]
    table.insert(0, "variant", list(params.variants))
    shared = {
        name: str(table[name].iloc[0])
        for name in table.columns.drop(["variant", *differing])
        if table[name].iloc[0]
    }
    rest = params.model_dump(mode="json", exclude={"variants", "cases", "model", "training"})
    settings = pd.json_normalize(rest).iloc[0].map(_shown)
    return table[["variant", *differing]], {**{str(k): v for k, v in settings.items()}, **shared}


def _plain(section: Any) -> dict[str, Any]:
    dumped: dict[str, Any] = section.model_dump(mode="json")
    return {name: value for name, value in dumped.items() if value not in (None, {}, 0.0)}


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    return "" if value is None or value != value else str(value)
