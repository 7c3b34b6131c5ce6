"""The figures of the report: SVG that stands in the page, with a text for who cannot see it."""

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from markupsafe import Markup, escape

from optledger.core.metric import METRICS
from optledger.figures import curves, profile, sensitivity
from optledger.figures import residuals as residuals_figure
from optledger.figures.panels import panels
from optledger.figures.style import lines, themed
from optledger.trials.records import score_of


class Drawing(NamedTuple):
    """A figure in the page.

    Attributes:
        svg: markup, with identifiers of its own.
        caption: what stands below it, if anything.
    """

    svg: Markup
    caption: str


def learning(table: pd.DataFrame, leaderboard: pd.DataFrame) -> Iterator[tuple[str, list[Drawing]]]:
    """Yield the kinds of learning curves, each with its drawings.

    Args:
        table: results/curves.csv.
        leaderboard: results/leaderboard.csv.
    """
    names = leaderboard["variant"].tolist()
    steady = leaderboard.loc[leaderboard["diverged_seeds"] == 0, "variant"].tolist() or names
    leading = leaderboard.loc[leaderboard["leading"] == 1, "variant"].tolist()
    table = curves.with_error(table)
    metrics = [
        metric for metric in (curves.ERROR, "validation_loss") if table[metric].notna().any()
    ] or ["train_loss"]
    groups = panels(names)
    small = len(groups) > 1
    # Closer, where the others leave those that lead little room.
    closer = leading if set(leading) != set(steady) and len(panels(leading)) == 1 else []
    for metric in metrics:
        name = curves.name_of(metric, table)
        drawn = [
            inline(
                curves.draw(table, metric, shown, names, steady, small),
                f"{metric}-of-{shown[0]}" if small else metric,
                f"{name} by epoch: {_ends(table, metric, shown)}",
            )
            for shown in groups
        ]
        if closer:
            drawn.append(
                inline(
                    curves.draw(table, metric, closer, names, closer),
                    f"{metric}-leading",
                    f"{name} by epoch of those that lead: {_ends(table, metric, closer)}",
                    "Those that lead, closer",
                )
            )
        yield name, drawn


def speed(table: pd.DataFrame, names: Sequence[str]) -> Iterator[tuple[float, list[Drawing]]]:
    """Yield each target with a drawing of each variant's performance profile.

    Args:
        table: results/profile.csv.
        names: all variants, in the order of the leaderboard.
    """
    for target in table["target"].unique():
        at_once = table[(table["target"] == target) & (table["factor"] == 1)]
        shares = at_once.set_index("variant")["fraction"]
        yield (
            float(target),
            [
                inline(
                    profile.draw(table, target, name, names),
                    f"profile-{target:g}-of-{name}",
                    f"{name} is the fastest, or as fast, in {100 * shares[name]:g} % of the seeds",
                )
                for name in names
            ],
        )


def searches(table: pd.DataFrame, leaderboard: pd.DataFrame) -> list[Drawing]:
    """Draw what each learning rate that was tried came to, a drawing for each variant.

    Args:
        table: results/search.csv.
        leaderboard: results/leaderboard.csv.
    """
    names = leaderboard["variant"].tolist()
    drawn = []
    for row in leaderboard.to_dict("records"):
        name = str(row["variant"])
        own = table[table["variant"] == name]
        if own.empty:
            continue
        edge = row["search_edge"]
        place = "inside the range" if pd.isna(edge) else f"the {edge} tried"
        figure = sensitivity.draw(table, name, names)
        caption = f"{row['learning_rate']:g} chosen, {place}"
        drawn.append(inline(figure, f"search-of-{name}", f"{name}: {_tried(own)}", caption))
    return drawn


def residuals(
    table: pd.DataFrame, variant: str, names: Sequence[str], number: str
) -> Drawing | None:
    """Draw the true and the predicted numbers of a variant; None where there are none.

    Args:
        table: its rows of results/test/residuals.csv.
        variant: its name.
        names: all variants, in the order of the leaderboard.
        number: what the number is called.
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
        svg: as Matplotlib writes it.
        name: what makes its identifiers its own.
        text: what it shows, for who cannot see it.
        caption: what is to stand below it.
    """
    content = svg[svg.index("<svg") :]
    content = re.sub(r"\s*<metadata>.*?</metadata>", "", content, flags=re.DOTALL)
    content = re.sub(r"\s*<style[^>]*>.*?</style>", "", content, flags=re.DOTALL)
    content = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{name}-", content)
    opened = f'<svg role="img" aria-label="{escape(text)}"'
    return Drawing(Markup(themed(content.replace("<svg", opened, 1))), caption)


def _ends(table: pd.DataFrame, metric: str, shown: Sequence[str]) -> str:
    """Return what each of the curves comes to."""
    ends = table.groupby("variant")[["epoch", metric]].last()
    return "; ".join(
        f"{name} ends at {value:.3g} after {epoch:g} epochs"
        for name, epoch, value in ends[ends.index.isin(shown)].itertuples()
    )


def _tried(own: pd.DataFrame) -> str:
    parts, score = [], score_of(own)
    for row in own.to_dict("records"):
        found = float(row[f"validation_{score}"])
        came_to = "diverged" if math.isnan(found) else METRICS[score].told(found)
        chosen = " (chosen)" if row["chosen"] else ""
        parts.append(f"{row['learning_rate']:g} {came_to}{chosen}")
    return f"validation {score.replace('_', ' ')} by learning rate: {', '.join(parts)}"
