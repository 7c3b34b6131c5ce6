"""The figures of the report: SVG that stands in the page, with a text for who cannot see it."""

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from markupsafe import Markup, escape

from optledger.analysis.words import listed
from optledger.figures import curves, differences, profile, sensitivity
from optledger.figures.panels import panels
from optledger.figures.style import themed
from optledger.params import Comparison


class Drawing(NamedTuple):
    """A figure in the page.

    Attributes:
        svg: markup, with identifiers of its own.
        caption: what it shows, in words.
    """

    svg: Markup
    caption: str


def answer(
    leaderboard: pd.DataFrame, comparisons: pd.DataFrame, comparison: Comparison
) -> Drawing | None:
    """Draw how far each variant is from the first; None where there is no other."""
    if len(leaderboard) == 1:
        return None
    first = leaderboard["variant"].iloc[0]
    text = (
        f"Each variant's {comparison.metric} less that of {first}, with its interval and verdict, "
        "all of which the verdict matrix has in numbers."
    )
    return inline(differences.draw(leaderboard, comparisons, comparison), "answer", text)


def learning(table: pd.DataFrame, leaderboard: pd.DataFrame) -> Iterator[tuple[str, list[Drawing]]]:
    """Yield the kinds of learning curves, each with its drawings.

    Args:
        table: results/curves.csv.
        leaderboard: results/leaderboard.csv.
    """
    names = leaderboard["variant"].tolist()
    diverged = set(leaderboard.loc[leaderboard["diverged_seeds"] > 0, "variant"])
    steady = [name for name in names if name not in diverged] or names
    leading = leaderboard.loc[leaderboard["leading"] == 1, "variant"].tolist()
    table = curves.with_error(table)
    metrics = [
        metric for metric in (curves.ERROR, "validation_loss") if table[metric].notna().any()
    ] or ["train_loss"]
    for metric in metrics:
        name = metric.replace("_", " ")
        drawn = [
            inline(
                curves.draw(table, metric, shown, names, steady),
                f"{metric}-{shown[0]}",
                f"{name} by epoch: {_ends(table, metric, shown)}",
            )
            for shown in panels(names)
        ]
        if len(leading) < len(names) and 0 < len(leading) <= len(panels(leading)[0]):
            closer = inline(
                curves.draw(table, metric, leading, names, leading),
                f"{metric}-leading",
                f"{name} by epoch of those that lead: {_ends(table, metric, leading)}",
            )
            drawn = [closer, *drawn] if len(drawn) > 1 else [*drawn, closer]
        yield name, drawn


def speed(table: pd.DataFrame, leaderboard: pd.DataFrame) -> Iterator[tuple[float, list[Drawing]]]:
    """Yield each target with the drawings of its performance profile."""
    names = leaderboard["variant"].tolist()
    for target in table["target"].unique():
        at_once = table[(table["target"] == target) & (table["factor"] == 1)]
        shares = at_once.set_index("variant")["fraction"]
        yield (
            float(target),
            [
                inline(
                    profile.draw(table, target, shown),
                    f"profile-{target:g}-{shown[0]}",
                    "Share of the seeds in which each is the fastest, or as fast: "
                    + listed([f"{name} {100 * shares[name]:g} %" for name in shown]),
                )
                for shown in panels(names)
            ],
        )


def searches(table: pd.DataFrame, names: Sequence[str]) -> list[Drawing]:
    """Draw what each learning rate that was tried came to, a drawing for each variant.

    Args:
        table: results/search.csv.
        names: all variants.
    """
    return [
        inline(
            sensitivity.draw(table, name, names),
            f"search-{name}",
            f"{name}: {_tried(table[table['variant'] == name])}",
        )
        for name in table["variant"].unique()
    ]


def case(path: Path) -> Drawing:
    """Return the figure of a case, as its stage drew it."""
    name = path.parent.name
    text = f"{name.replace('_', ' ')}: how far each method is from the optimum, by epochs"
    return inline(path.read_text(), f"case-{name}", text)


def inline(svg: str, name: str, text: str) -> Drawing:
    """Return an SVG file as part of a page.

    Args:
        svg: as Matplotlib writes it.
        name: what makes its identifiers its own.
        text: what it shows, for who cannot see it.
    """
    content = svg[svg.index("<svg") :]
    content = re.sub(r"\s*<metadata>.*?</metadata>", "", content, flags=re.DOTALL)
    content = re.sub(r"\s*<style[^>]*>.*?</style>", "", content, flags=re.DOTALL)
    content = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", content)
    opened = f'<svg role="img" aria-label="{escape(text)}"'
    return Drawing(Markup(themed(content.replace("<svg", opened, 1))), text)


def _ends(table: pd.DataFrame, metric: str, shown: Sequence[str]) -> str:
    """Return what each of the curves comes to."""
    ends = table.groupby("variant")[["epoch", metric]].last()
    return "; ".join(
        f"{name} ends at {value:.3g} after {epoch:g} epochs"
        for name, epoch, value in ends[ends.index.isin(shown)].itertuples()
    )


def _tried(own: pd.DataFrame) -> str:
    parts = []
    for row in own.to_dict("records"):
        accuracy = float(row["validation_accuracy"])
        came_to = "diverged" if math.isnan(accuracy) else f"{accuracy:.4f}"
        chosen = " (chosen)" if row["chosen"] else ""
        parts.append(f"{row['learning_rate']:g} {came_to}{chosen}")
    return f"validation accuracy by learning rate: {', '.join(parts)}"
