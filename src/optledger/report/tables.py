"""The tables of the report, as its template shows them: cells as text, with their colours."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optledger.analysis.comparisons import against, plain_rows, reference
from optledger.analysis.preview import is_preview
from optledger.analysis.words import (
    brief,
    epochs_to,
    further_seeds,
    interval,
    learning_rate,
    mean_interval,
    p_value,
    signed,
    verdict_at,
    with_noun,
)
from optledger.core.metric import METRICS, metrics_in
from optledger.core.params import Comparison, Params
from optledger.datasets.kinds import kind_of
from optledger.figures.panels import near

FEW = 8
"""The most variants with which the cells of a matrix still show numbers."""


class Bar(NamedTuple):
    """The drawing of a difference in its cell, in percent of the cell's width.

    Attributes:
        margin: start and width of the margin.
        outer: start and width of the interval; None if it is unknown, or beyond the axis.
        inner: the same of the narrower interval, which shows equivalence; None in a preview, too.
        middle: the place of the difference; None if it is unknown, or beyond the axis.
        beyond: `left` or `right`, if the difference is beyond that end of the axis; else empty.
    """

    margin: tuple[float, float]
    outer: tuple[float, float] | None = None
    inner: tuple[float, float] | None = None
    middle: float | None = None
    beyond: str = ""


class Rank(NamedTuple):
    """A row of the leaderboard.

    Attributes:
        rank: from 1.
        variant: its name.
        badges: any of `first`, `leading` and `champion`.
        mean: the mean of the deciding metric.
        told: the mean in words.
        spread: the standard deviation over seeds, in words.
        interval: the interval of the mean, in words.
        verdict: its verdict against the reference; empty in a preview, `out` if seeds diverged.
        difference: the difference from the reference with its interval, in words.
        bar: the drawing of that difference; the margin alone if it is unknown.
        epochs: for each target, the epochs to it as a number, which may be infinite, and in words.
        learning_rate: the chosen learning rate; if searches chose several, that of most seeds.
        rate: the learning rate in words.
        edge: `lowest` or `highest`, if it is that end of the rates tried; else empty.
        seeds: how many seeds there are.
        diverged: how many of them diverged.
    """

    rank: int
    variant: str
    badges: list[str]
    mean: float
    told: str
    spread: str
    interval: str
    verdict: str
    difference: str
    bar: Bar | None
    epochs: list[tuple[float, str]]
    learning_rate: float
    rate: str
    edge: str
    seeds: int
    diverged: int


class Cell(NamedTuple):
    """A cell of a matrix.

    Attributes:
        text: the text in it.
        title: the same in full, for a tooltip.
        kind: its class in the style sheet.
        share: the strength of its colour, in percent.
    """

    text: str
    title: str
    kind: str = ""
    share: float = 0.0


def page_reference(leaderboard: pd.DataFrame, comparison: Comparison) -> str:
    """Return the reference of the page: the baseline if none of its seeds diverged, or the best.

    Args:
        leaderboard: results/leaderboard.csv.
        comparison: the section of params.yaml.
    """
    sound = leaderboard.loc[leaderboard["diverged_seeds"] == 0, "variant"].tolist()
    if comparison.baseline is not None and comparison.baseline in sound:
        return comparison.baseline
    return reference(leaderboard)


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
    beside = plain_rows(against(comparisons, metric, page_reference(leaderboard, comparison)))
    few = is_preview(leaderboard["seeds"], comparison)
    ends = _axis_of(leaderboard, comparisons, comparison)
    return [
        Rank(
            rank=row["rank"],
            variant=name,
            badges=[badge for badge in ("first", "leading", "champion") if row[badge]],
            mean=row[metric],
            told="none" if pd.isna(row[metric]) else METRICS[metric].formatted(row[metric]),
            spread=_spread(metric, row[f"{metric}_std"]),
            interval=mean_interval(
                metric, row[f"{metric}_low"], row[f"{metric}_high"], row["diverged_seeds"]
            ),
            verdict=_stands(row, beside.get(name), comparison, few),
            difference=_told(beside.get(name), comparison),
            bar=_bar(None if row["diverged_seeds"] else beside.get(name), comparison, *ends, few),
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
    return "" if pd.isna(deviation) else METRICS[metric].formatted(deviation)


def _stands(
    row: Mapping[str, Any],
    beside: Mapping[str, Any] | None,
    comparison: Comparison,
    is_preview: bool,
) -> str:
    if row["diverged_seeds"]:
        return "out"
    if is_preview:
        return ""
    return "reference" if beside is None else verdict_at(beside, comparison)


def targets(leaderboard: pd.DataFrame) -> list[str]:
    """Return the validation scores to which epochs are counted."""
    names = leaderboard.columns[leaderboard.columns.str.startswith("epochs_to_")]
    return [str(name).removeprefix("epochs_to_") for name in names]


def _epochs(row: Mapping[str, Any], target: str) -> str:
    return epochs_to(row[f"epochs_to_{target}"], row[f"seeds_to_{target}"], row["seeds"])


def written_ends(
    leaderboard: pd.DataFrame, comparisons: pd.DataFrame, comparison: Comparison
) -> tuple[str, str]:
    """Return the ends of the bars' axis in words, in the metric's unit."""
    ends = _axis_of(leaderboard, comparisons, comparison)
    left, right = (signed(end, comparison.metric) for end in ends)
    return left, right


def zero(leaderboard: pd.DataFrame, comparisons: pd.DataFrame, comparison: Comparison) -> float:
    """Return the place of 0 on the bars' axis, in percent."""
    left, right = _axis_of(leaderboard, comparisons, comparison)
    return round(100 * left / (left - right), 1)


def _axis_of(
    leaderboard: pd.DataFrame, comparisons: pd.DataFrame, comparison: Comparison
) -> tuple[float, float]:
    rows = against(comparisons, comparison.metric, page_reference(leaderboard, comparison))
    lost = leaderboard.loc[leaderboard["diverged_seeds"] > 0, "variant"]
    return axis(rows.drop(lost, errors="ignore"), comparison)


def axis(rows: pd.DataFrame, comparison: Comparison) -> tuple[float, float]:
    """Return the left and the right end of the axis of `Bar`; the left is the worse side.

    Args:
        rows: as returned by `against`, without variants that have a diverged seed.
        comparison: the section of params.yaml.
    """
    ends = rows[["low", "high"]].dropna()
    ends = ends[near(ends.abs().max(axis=1))]
    margin = comparison.margin(comparison.metric)
    # The minimum of no rows is NaN, which fmin and fmax ignore.
    low = float(np.fmin(-1.4 * margin, 1.05 * ends["low"].min()))
    high = float(np.fmax(1.4 * margin, 1.05 * ends["high"].max()))
    if not low < high:
        low, high = -1.0, 1.0
    return (high, low) if METRICS[comparison.metric].lower_is_better else (low, high)


def _told(row: Mapping[str, Any] | None, comparison: Comparison) -> str:
    if row is None or math.isnan(row["difference"]):
        return ""
    told = signed(row["difference"], comparison.metric)
    return f"{told} ({interval(row, comparison.metric, row['verdict'] == 'equivalent')})"


def _bar(
    row: Mapping[str, Any] | None,
    comparison: Comparison,
    left: float,
    right: float,
    is_preview: bool,
) -> Bar:
    def place(value: float) -> float:
        return round(100 * min(1.0, max(0.0, (value - left) / (right - left))), 1)

    def piece(ends: tuple[float, float]) -> tuple[float, float] | None:
        if math.isnan(ends[0]):
            return None
        places = sorted(map(place, ends))
        width = round(places[1] - places[0], 1)
        return (places[0], width) if width else None

    metric = comparison.metric
    margin = comparison.margin(metric)
    found = Bar(piece((-margin, margin)) or (place(0), 0.0))
    if row is None or math.isnan(row["difference"]):
        return found
    outer = piece((row["low"], row["high"]))
    share = (row["difference"] - left) / (right - left)
    if share < 0 or share > 1:
        return found._replace(outer=outer, beyond="left" if share < 0 else "right")
    inner = None if is_preview else piece((row["inner_low"], row["inner_high"]))
    return found._replace(outer=outer, inner=inner, middle=place(row["difference"]))


# The cell of a variant against itself.
_SAME = Cell("", "", "self")

_MARKS = {
    "better": "▲",
    "worse": "▼",
    "equivalent": "=",
    "inconclusive": "?",
    "not judged": "\N{EN DASH}",
    "not pursued": "\N{EN DASH}",
}


_DIVERGED = Cell("\N{EN DASH}", "out, as seeds diverged", "not-judged")


def verdicts(
    comparisons: pd.DataFrame,
    names: Sequence[str],
    comparison: Comparison,
    lost: Collection[str] = (),
) -> list[list[Cell]]:
    """Return the matrix of verdicts: a row per variant, with a cell for each one it is against.

    Args:
        comparisons: results/comparisons.csv.
        names: the variants, in the order of the leaderboard.
        comparison: the section of params.yaml.
        lost: variants with a diverged seed, which have no verdict.
    """
    few = len(names) <= FEW
    beside = [plain_rows(against(comparisons, comparison.metric, other)) for other in names]
    return [
        [
            _SAME
            if name == other
            else _DIVERGED
            if {name, other} & set(lost)
            else _verdict(name, other, rows[name], comparison, few)
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


class PairRow(NamedTuple):
    """A pair of variants, as a row of their table.

    Attributes:
        variant: the first variant.
        against: the second variant.
        difference: the first minus the second, in words.
        interval: the interval of the difference, in words.
        p_value: the p-value, adjusted for all pairs, in words.
        verdict: the verdict on the first variant, and the look that came to it.
        further: how many more seeds would settle an inconclusive pair, in words.
        numbers: difference, interval and narrower interval, as the script reads them.
        needed: for each difference in results/power.csv, how many seeds would show it.
    """

    variant: str
    against: str
    difference: str
    interval: str
    p_value: str
    verdict: str
    further: str
    numbers: str
    needed: list[str]


def pairs(
    comparisons: pd.DataFrame,
    power: pd.DataFrame,
    comparison: Comparison,
    lost: Collection[str] = (),
) -> list[PairRow]:
    """Return a row for every pair of variants, on the deciding metric.

    Args:
        comparisons: results/comparisons.csv.
        power: results/power.csv.
        comparison: the section of params.yaml.
        lost: variants with a diverged seed, whose pairs are out.
    """
    metric = comparison.metric
    needed = {
        frozenset(pair): [_number(value) for value in own["seeds"]]
        for pair, own in power.groupby(["variant", "against"], sort=False)
    }
    own = comparisons[comparisons["metric"] == metric].reset_index(drop=True)
    return [
        PairRow(
            variant=row["variant"],
            against=row["against"],
            difference=signed(row["difference"], metric),
            interval=interval(row, metric, row["verdict"] == "equivalent"),
            p_value=p_value(row["p_adjusted"]),
            verdict="out"
            if {row["variant"], row["against"]} & set(lost)
            else verdict_at(row, comparison),
            further=further_seeds(row["further_seeds"]) if row["verdict"] == "inconclusive" else "",
            numbers=" ".join(
                f"{METRICS[metric].units * row[name]:.6g}"
                for name in ("difference", "low", "high", "inner_low", "inner_high")
            )
            .replace("nan", "NaN")
            .replace("inf", "Infinity"),
            needed=needed.get(frozenset((row["variant"], row["against"])), []),
        )
        for row in plain_rows(own).values()
    ]


def lead_and_pairs(rows: Sequence[PairRow], leading: Sequence[str]) -> tuple[str, str]:
    """Return two texts: how clear the lead is, and how many pairs are told apart.

    If nothing can be said about the lead, the count comes first and the second text is empty.

    Args:
        rows: every pair.
        leading: the variants that lead.
    """
    judged = {
        (row.variant, row.against): row.verdict.partition(" at ")[0]
        for row in rows
        if row.verdict not in ("not judged", "not pursued", "out")
    }
    apart = sum(verdict in ("better", "worse") for verdict in judged.values())
    equal = sum(verdict == "equivalent" for verdict in judged.values())
    counted = f"{apart} of {with_noun(len(judged), 'pair')} told apart"
    counted += f", {equal} shown to be equivalent" if equal else ""
    among = {verdict for pair, verdict in judged.items() if set(pair) <= set(leading)}
    if len(leading) == 1:
        return f"{leading[0]} leads alone", counted
    if among == {"equivalent"}:
        return f"{brief(leading, most=4)} are equivalent", counted
    if among and among <= {"equivalent", "inconclusive"}:
        return f"{brief(leading, most=4)} are not told apart", counted
    return counted, ""


def sizes(power: pd.DataFrame, comparison: Comparison) -> list[str]:
    """Return the differences in results/power.csv, in the metric's unit."""
    units = METRICS[comparison.metric].units
    return [f"{units * size:.4g}" for size in power["difference"].unique()]


def needed(rows: Sequence[PairRow], names: Sequence[str], held: str) -> dict[str, list[str]]:
    """Return, for each variant, how many seeds would show each difference from `held`."""
    found: dict[str, list[str]] = {name: [] for name in names}
    for row in rows:
        if held in (row.variant, row.against):
            found[row.against if row.variant == held else row.variant] = row.needed
    return found


def price(power: pd.DataFrame, held: str) -> str:
    """Return in words how much wider looks make the intervals of a variant's pairs.

    Args:
        power: results/power.csv.
        held: the variant.

    Returns:
        A text such as "5 %" or "5 to 7 %"; empty if it is unknown.
    """
    of = (power["variant"] == held) | (power["against"] == held)
    wider = (100 * (power.loc[of, "widened"].dropna() - 1)).round().astype(int)
    if wider.empty:
        return ""
    least, most = wider.min(), wider.max()
    return f"{most} %" if least == most else f"{least} to {most} %"


def _number(seeds: float) -> str:
    return f"{seeds:g}" if math.isfinite(seeds) else "\N{EN DASH}"


def sentence(ranked: Sequence[Rank], held: str, baseline: str | None, *, preview: bool) -> str:
    """Return a short sentence on how the other variants compare with one.

    Args:
        ranked: the rows of the leaderboard.
        held: the variant that the others are compared with.
        baseline: the baseline in params.yaml, if there is one.
        preview: whether to tell differences instead of verdicts.
    """
    groups: dict[str, list[str]] = {}
    for row in ranked:
        if row.variant != held:
            told = (
                row.difference.partition(" (")[0] if preview else row.verdict.partition(" at ")[0]
            )
            groups.setdefault("out" if row.diverged else told, []).append(row.variant)
    parts = [f"{_brief(names)} {told}".rstrip() for told, names in groups.items()]
    role = "the baseline " if held == baseline else ""
    return f"Against {role}{held}: {'; '.join(parts)}."


def _brief(names: Sequence[str]) -> str:
    shown = names if len(names) <= FEW else [*names[:4], f"{len(names) - 4} others"]
    return ", ".join(shown)


def seeds(
    table: pd.DataFrame, leaderboard: pd.DataFrame
) -> tuple[list[str], dict[str, list[list[str]]]]:
    """Return the results of each seed: the heads of the columns, and by variant the rows of cells.

    Args:
        table: results/seeds.csv.
        leaderboard: results/leaderboard.csv.
    """
    metrics = [name for name in METRICS if name in table]
    score = kind_of(leaderboard).SCORE
    shown = table[["seed", *metrics]].copy()
    for name in metrics:
        shown[name] = [METRICS[name].formatted(value) for value in table[name]]
    shown[f"validation {score}"] = [
        "" if pd.isna(value) else METRICS[score].formatted(value)
        for value in table[f"validation_{score}"]
    ]
    shown["learning rate"] = table["learning_rate"].map("{:g}".format)
    shown["epochs"] = table["epochs"]
    shown["converged after"] = table["converged_epoch"]
    if table["diverged_epoch"].notna().any():
        shown["diverged in"] = table["diverged_epoch"]
    heads = [str(name).replace("_", " ") for name in shown]
    cells = shown.astype(object).where(shown.notna(), "").astype(str)
    return heads, {
        str(name): rows.to_numpy().tolist() for name, rows in cells.groupby(table["variant"])
    }


MOST_CLASSES = 30
"""The most classes in a matrix of the page; with more, it shows those most often mistaken."""


def shown_classes(confusion: pd.DataFrame, per_class: pd.DataFrame, variant: str) -> list[str]:
    """Return the classes that the page shows, in their order.

    Args:
        confusion: results/confusion.csv.
        per_class: results/per_class.csv, which has every class.
        variant: the variant whose mistakes decide, if there are too many classes.
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
    """Return the matrix of F1: a row per variant, a cell per class, darker for a lower F1."""
    if not classes:
        return []
    table = per_class.pivot(index="variant", columns="class", values="f1")
    table = table.loc[list(names), list(classes)]
    # Coloured by the logarithm of 1 - F1: from 0.98 to 0.99 is as far as from 0.8 to 0.9.
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
    """Return the confusion matrix: a row per true class, a cell per predicted one.

    The colour is stronger for more mistakes.
    """
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


# Sections that other tables show, or that results do not depend on.
_ELSEWHERE = {"variants", "cases", "model", "training", "publish"}


def parameters(params: Params, metrics: Iterable[object]) -> tuple[pd.DataFrame, dict[str, str]]:
    """Return the parameters in which variants differ, and all those that they share.

    Args:
        params: what params.yaml says.
        metrics: the names of the metrics that are measured; other names among them are ignored.

    Returns:
        A table with a row per variant, the column `variant`, and a column for each parameter that
        differs; and a mapping of every other parameter and setting by its key.
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
