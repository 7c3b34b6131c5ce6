"""The tables of the report, as its template shows them: cells as text, and what colours them."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optledger.analysis.comparisons import against, plain_rows, reference
from optledger.analysis.preview import behind, is_preview
from optledger.analysis.words import (
    epochs_to,
    interval,
    learning_rate,
    mean_interval,
    signed,
    verdict_at,
)
from optledger.core.metric import METRICS, metrics_in
from optledger.core.params import Comparison, Params
from optledger.figures.panels import near

FEW = 8
"""So many variants are few enough for numbers in the cells of a matrix."""


class Span(NamedTuple):
    """An interval in its cell, in percent of the cell's width.

    Attributes:
        low: where it begins.
        width: how wide it is.
        middle: where the mean is.
    """

    low: float
    width: float
    middle: float


class Rank(NamedTuple):
    """A row of the leaderboard.

    Attributes:
        rank: from 1.
        variant: its name.
        badges: what it is called.
        mean: of the deciding metric.
        told: the same in words.
        spread: of a preview, the standard deviation over seeds, in words.
        interval: of the mean, in words.
        span: the same as it is drawn; None where it is unknown, or beyond the axis.
        verdict: against the best that leads, and in a preview how far its mean is behind the best
            one; out, where seeds diverged.
        epochs: to each target, as a number, which may be infinite, and in words.
        learning_rate: the chosen one, or that of most seeds.
        rate: the same in words.
        edge: which end of those tried that is, if it is one.
        seeds: how many there are.
        diverged: how many of them did.
    """

    rank: int
    variant: str
    badges: list[str]
    mean: float
    told: str
    spread: str
    interval: str
    span: Span | None
    verdict: str
    epochs: list[tuple[float, str]]
    learning_rate: float
    rate: str
    edge: str
    seeds: int
    diverged: int


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
) -> list[Rank]:
    """Return the rows of the leaderboard.

    Args:
        leaderboard: results/leaderboard.csv.
        comparisons: results/comparisons.csv.
        comparison: the section of params.yaml.
    """
    metric = comparison.metric
    beside = plain_rows(against(comparisons, metric, reference(leaderboard)))
    few = is_preview(leaderboard["seeds"], comparison)
    gaps = behind(leaderboard, metric) if few else {}
    ends = axis(leaderboard, comparison)
    return [
        Rank(
            rank=row["rank"],
            variant=name,
            badges=[badge for badge in ("first", "leading", "champion") if row[badge]],
            mean=row[metric],
            told="none" if pd.isna(row[metric]) else METRICS[metric].told(row[metric]),
            spread=_spread(metric, row[f"{metric}_std"]) if few else "",
            interval=mean_interval(
                metric, row[f"{metric}_low"], row[f"{metric}_high"], row["diverged_seeds"]
            ),
            span=_span(row, metric, *ends),
            verdict=gaps.get(name) or _stands(row, beside.get(name), comparison),
            epochs=[
                (row[f"epochs_to_{target}"], _epochs(row, target))
                for target in targets(leaderboard)
            ],
            learning_rate=row["learning_rate"],
            rate=learning_rate(row["learning_rate"], row["learning_rate_seeds"], row["seeds"]),
            edge="" if pd.isna(row["search_edge"]) else row["search_edge"],
            seeds=row["seeds"],
            diverged=row["diverged_seeds"],
        )
        for name, row in plain_rows(leaderboard.set_index("variant", drop=False)).items()
    ]


def _spread(metric: str, deviation: float) -> str:
    return "" if pd.isna(deviation) else f"± {METRICS[metric].told(deviation)}"


def _stands(
    row: Mapping[str, Any], beside: Mapping[str, Any] | None, comparison: Comparison
) -> str:
    if row["diverged_seeds"]:
        return "out"
    return "" if beside is None else verdict_at(beside, comparison)


def targets(leaderboard: pd.DataFrame) -> list[str]:
    """Return the validation scores that epochs are counted to."""
    names = leaderboard.columns[leaderboard.columns.str.startswith("epochs_to_")]
    return [str(name).removeprefix("epochs_to_") for name in names]


def _epochs(row: Mapping[str, Any], target: str) -> str:
    return epochs_to(row[f"epochs_to_{target}"], row[f"seeds_to_{target}"], row["seeds"])


def axis(leaderboard: pd.DataFrame, comparison: Comparison) -> tuple[float, float]:
    """Return the ends of the axis of `Span`: of the intervals that are known and not far away."""
    metric = comparison.metric
    known = leaderboard[leaderboard["diverged_seeds"] == 0]
    rows = plain_rows(leaderboard if known.empty else known)
    ends = pd.DataFrame([_ends(row, metric) for row in rows.values()])
    reach = ends[1].max() - ends[0]
    if METRICS[metric].lower_is_better:
        reach = ends[1] - ends[0].min()
    ends = ends[near(reach)]
    low, high = float(ends[0].min()), float(ends[1].max())
    room = 0.04 * (high - low) or 0.001
    return max(METRICS[metric].least, low - room), min(METRICS[metric].most, high + room)


def _ends(row: Mapping[str, Any], metric: str) -> tuple[float, float]:
    low, high = row[f"{metric}_low"], row[f"{metric}_high"]
    if not math.isfinite(high - low):
        low = high = row[metric]
    return max(METRICS[metric].least, low), min(METRICS[metric].most, high)


def _span(row: Mapping[str, Any], metric: str, low: float, high: float) -> Span | None:
    ends = _ends(row, metric)
    length = row[f"{metric}_high"] - row[f"{metric}_low"]
    unknown = row["diverged_seeds"] or not math.isfinite(length)
    if unknown or ends[1] < low or ends[0] > high:
        return None
    left, right, middle = (
        100 * min(1.0, max(0.0, (value - low) / (high - low))) for value in (*ends, row[metric])
    )
    return Span(round(left, 2), round(right - left, 2), round(middle, 2))


# A variant against itself.
_ITSELF = Cell("", "", "self")

_MARKS = {
    "better": "▲",
    "worse": "▼",
    "equivalent": "=",
    "inconclusive": "?",
    "not judged": "\N{EN DASH}",
    "not pursued": "\N{EN DASH}",
}


def verdicts(
    comparisons: pd.DataFrame, names: Sequence[str], comparison: Comparison
) -> list[list[Cell]]:
    """Return a row for each variant: its verdict against each, and none against itself."""
    few = len(names) <= FEW
    beside = [plain_rows(against(comparisons, comparison.metric, other)) for other in names]
    return [
        [
            _verdict(name, other, rows[name], comparison, few) if name != other else _ITSELF
            for other, rows in zip(names, beside, strict=True)
        ]
        for name in names
    ]


def _verdict(
    name: str, other: str, row: Mapping[str, Any], comparison: Comparison, few: bool
) -> Cell:
    verdict = str(row["verdict"])
    told = signed(row["difference"], comparison.metric)
    unit = METRICS[comparison.metric].of_unit
    ends = f": {told}{unit}, {interval(row, comparison.metric)}" if told else ""
    text = f"{_MARKS[verdict]} {told}" if few else _MARKS[verdict]
    title = f"{name} against {other}: {verdict_at(row, comparison)}{ends}"
    return Cell(text, title, verdict.replace(" ", "-"))


MOST_CLASSES = 30
"""So many classes a matrix of the page has; of more, those that are mistaken most often."""


def shown_classes(confusion: pd.DataFrame, per_class: pd.DataFrame, variant: str) -> list[str]:
    """Return the classes that the page shows, in their order.

    Args:
        confusion: results/confusion.csv.
        per_class: results/per_class.csv, which has every class.
        variant: whose mistakes decide, where there are too many.
    """
    classes = per_class["class"].drop_duplicates()
    own = confusion[
        (confusion["variant"] == variant) & (confusion["actual"] != confusion["predicted"])
    ]
    mistakes = own.groupby("actual")["count"].sum().reindex(classes, fill_value=0)
    most = mistakes.sort_values(ascending=False, kind="stable").index[:MOST_CLASSES]
    return [str(name) for name in classes[classes.isin(most)]]


def heat_map(
    per_class: pd.DataFrame, names: Sequence[str], classes: Sequence[str]
) -> list[list[Cell]]:
    """Return a row of F1 for each variant, a cell for each class, darker where more is wrong."""
    if not classes:
        return []
    table = per_class.pivot(index="variant", columns="class", values="f1")
    table = table.loc[list(names), list(classes)]
    # Of what it lacks of 1, in powers of ten: from 0.98 to 0.99 is as far as from 0.8 to 0.9.
    values = table.to_numpy(float)
    lacking = np.log10(np.clip(1 - np.where(np.isnan(values), 1.0, values), 1e-3, 1.0))
    shares = _shares(lacking)
    return [
        [
            _heat(f"{name}, class {label}", f1, share)
            for label, f1, share in zip(table.columns, row, own, strict=True)
        ]
        for name, row, own in zip(names, values, shares, strict=True)
    ]


def _heat(place: str, f1: float, share: float) -> Cell:
    if math.isnan(f1):
        return Cell("", f"{place}: no test item, no prediction", "heat")
    return Cell(f"{100 * f1:.1f}", f"{place}: F1 {f1:.4f}", "heat", round(float(share), 1))


def confusion(table: pd.DataFrame, variant: str, classes: Sequence[str]) -> list[list[Cell]]:
    """Return a row for each true class, a cell for each predicted one, darker for more mistakes."""
    own = table[table["variant"] == variant]
    if own.empty:
        return []
    pivot = own.pivot(index="actual", columns="predicted", values="count")
    counts = pivot.reindex(index=list(classes), columns=list(classes)).fillna(0).to_numpy(int)
    mistakes = counts.copy()
    np.fill_diagonal(mistakes, 0)
    shares = 100 * np.sqrt(mistakes / max(1, mistakes.max()))
    return [
        [
            Cell(
                str(count) if count else "",
                f"{count} of true class {classes[actual]} predicted as {classes[predicted]}",
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


# Sections that the tables have, or that results do not depend on.
_ELSEWHERE = {"variants", "cases", "model", "training", "publish"}


def parameters(params: Params, metrics: Iterable[object]) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return what the variants differ in, a row each, and what they share with the settings.

    Args:
        params: what params.yaml says.
        metrics: the names of those that are measured, among others.

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
    rest = params.model_dump(mode="json", exclude=_ELSEWHERE)
    margins = rest["comparison"]["margins"]
    rest["comparison"]["margins"] = {name: margins[name] for name in metrics_in(metrics)}
    settings = pd.json_normalize(rest).iloc[0].map(_shown)
    return table[["variant", *differing]], {**{str(k): v for k, v in settings.items()}, **shared}


def _plain(section: Any) -> dict[str, Any]:
    dumped: dict[str, Any] = section.model_dump(mode="json")
    return {name: value for name, value in dumped.items() if value not in (None, {})}


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:g}"
    return "" if value is None else str(value)
