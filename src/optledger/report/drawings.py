"""The charts and figures of the page, each with a text for people who cannot see it."""

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from markupsafe import Markup, escape

from optledger.core.metric import METRICS
from optledger.figures import residuals as residuals_figure
from optledger.figures.style import lines, themed
from optledger.report.charts import Axis, Chart, Curve
from optledger.report.validation_error import ERROR, error_name, error_of, title_of, with_error
from optledger.trials.records import score_of


class Drawing(NamedTuple):
    """A figure in the page.

    Attributes:
        svg: markup whose identifiers are unique in the page.
        caption: the text below it; may be empty.
    """

    svg: Markup
    caption: str


def learning(table: pd.DataFrame, leaderboard: pd.DataFrame) -> Iterator[Chart]:
    """Yield a chart of learning curves for each metric: means over seeds, in a band of all seeds.

    Args:
        table: results/curves.csv.
        leaderboard: results/leaderboard.csv.
    """
    names = leaderboard["variant"].tolist()
    lost = set(leaderboard.loc[leaderboard["diverged_seeds"] > 0, "variant"])
    table = with_error(table)
    metrics = [metric for metric in (ERROR, "validation_loss") if table[metric].notna().any()]
    for metric in metrics or ["train_loss"]:
        own = {name: table[table["variant"] == name] for name in names}
        yield Chart(
            key=metric,
            title=title_of(metric, table),
            curves={
                name: Curve(
                    points=_points(rows, "epoch", metric),
                    band=_points(rows, "epoch", f"{metric}_min", f"{metric}_max"),
                    lost=name in lost,
                )
                for name, rows in own.items()
                if len(rows)
            },
            x=Axis("epoch", whole=True),
            y=Axis("", log=True),
            variants=names,
            texts={name: _end(rows, metric) for name, rows in own.items()},
        )


def speed(table: pd.DataFrame, names: Sequence[str], score: str) -> Iterator[Chart]:
    """Yield a chart of performance profiles for each target.

    Args:
        table: results/profile.csv.
        names: all variants, in the order of the leaderboard.
        score: the metric of the validation split, in words.
    """
    for target, rows in table.groupby("target", sort=False):
        own = {name: rows[rows["variant"] == name] for name in names}
        # If every factor is 1, the axis still needs some length.
        end = max(1.5, rows["factor"].max())
        yield Chart(
            key=f"profile-{target:g}",
            title=f"How soon they get to a validation {score} of {target:g}",
            curves={
                name: Curve(_steps(each["factor"], 100 * each["fraction"], end))
                for name, each in own.items()
            },
            x=Axis("times the fastest's epochs", ends=(1, 1 + 1.03 * (end - 1))),
            y=Axis("", ends=(-2, 104)),
            variants=names,
            texts={
                name: f"is the fastest, or as fast, in {100 * each['fraction'].iloc[0]:g} % of the "
                "seeds"
                for name, each in own.items()
            },
        )


def searches(table: pd.DataFrame, leaderboard: pd.DataFrame) -> Chart | None:
    """Return the chart of validation errors by learning rate; None if there was no search.

    Args:
        table: results/search.csv.
        leaderboard: results/leaderboard.csv.
    """
    if table.empty:
        return None
    score = score_of(table)
    column = f"validation_{score}"
    # The mean score of each rate; a rate with a diverged trial is marked with a cross.
    trials = (
        table.assign(lost=table[column].isna())
        .groupby(["variant", "learning_rate", "chosen"], as_index=False)
        .agg(score=(column, "mean"), lost=("lost", "any"))
    )
    trials["error"] = error_of(trials["score"], score)
    names = leaderboard["variant"].tolist()
    own = {name: trials[trials["variant"] == name] for name in names}
    edges = leaderboard.set_index("variant")["search_edge"]
    return Chart(
        key="rates",
        title=f"Validation {error_name(score)} of each learning rate that was tried",
        curves={
            name: Curve(
                points=_points(rows, "learning_rate", "error"),
                dotted=True,
                rings=_points(rows[rows["chosen"] == 1], "learning_rate", "error"),
                crosses=rows.loc[rows["lost"], "learning_rate"].tolist(),
            )
            for name, rows in own.items()
            if len(rows)
        },
        x=Axis("learning rate", log=True),
        y=Axis("", log=True),
        variants=names,
        texts={name: _tried(rows, score, edges[name]) for name, rows in own.items()},
    )


def _points(rows: pd.DataFrame, *columns: str) -> list[Any]:
    return list(rows[list(columns)].itertuples(index=False, name=None))


def _steps(factors: pd.Series, values: pd.Series, end: float) -> list[tuple[float, float]]:
    """Return the corners of a step function that rises at each factor and goes on to `end`."""
    corners: list[tuple[float, float]] = []
    for factor, value in zip(factors, values, strict=True):
        corners += [(factor, corners[-1][1]), (factor, value)] if corners else [(factor, value)]
    return [*corners, (end, corners[-1][1])]


def residuals(
    table: pd.DataFrame, variant: str, names: Sequence[str], number: str
) -> Drawing | None:
    """Draw a variant's predicted numbers against the true ones; None if the table is empty.

    Args:
        table: the variant's rows of results/test/residuals.csv.
        variant: its name.
        names: all variants, in the order of the leaderboard.
        number: the name of the number that is predicted.
    """
    if table.empty:
        return None
    half = (table["predicted"] - table["actual"]).abs().median()
    text = f"{variant}: true and predicted {number}; half of the errors are below {half:.3g}"
    figure = residuals_figure.draw(table, lines(names)[variant].color, number)
    return inline(figure, "residuals", text)


def case(path: Path) -> Drawing:
    """Return the figure of a case, as its stage drew it."""
    name = path.parent.name
    text = f"{name.replace('_', ' ')}: how far each method is from the optimum, by epochs"
    return inline(path.read_text(encoding="utf-8"), f"case-of-{name}", text)


def inline(svg: str, name: str, text: str, caption: str = "") -> Drawing:
    """Return an SVG file as part of a page.

    Args:
        svg: the file's text, as Matplotlib writes it.
        name: a prefix that makes its identifiers unique in the page.
        text: a description for people who cannot see it.
        caption: the text below it.
    """
    content = svg[svg.index("<svg") :]
    content = re.sub(r"\s*<metadata>.*?</metadata>", "", content, flags=re.DOTALL)
    content = re.sub(r"\s*<style[^>]*>.*?</style>", "", content, flags=re.DOTALL)
    content = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", content)
    opened = f'<svg role="img" aria-label="{escape(text)}"'
    return Drawing(Markup(themed(content.replace("<svg", opened, 1))), caption)


def _end(rows: pd.DataFrame, metric: str) -> str:
    """Return in words where a curve ends."""
    if rows.empty:
        return "has no epoch"
    return f"ends at {rows[metric].iloc[-1]:.3g} after {rows['epoch'].iloc[-1]:g} epochs"


def _tried(rows: pd.DataFrame, score: str, edge: str) -> str:
    """Return in words the score of each learning rate that was tried."""
    parts = []
    for row in rows.to_dict("records"):
        came_to = "diverged" if math.isnan(row["score"]) else METRICS[score].formatted(row["score"])
        at = "" if pd.isna(edge) else f", the {edge} tried"
        parts.append(f"{row['learning_rate']:g} {came_to}{f' (chosen{at})' * row['chosen']}")
    return f"has a validation {score.replace('_', ' ')} by learning rate: {', '.join(parts)}"
