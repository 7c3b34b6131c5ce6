"""The answer as a figure: how far each variant is from the first, with its interval and verdict."""

import math

import numpy as np
import pandas as pd

from optledger.analysis.comparisons import against
from optledger.analysis.words import interval, signed
from optledger.figures.panels import short
from optledger.figures.style import GREY, GRID, lines, style, svg
from optledger.params import Comparison

_ROW, _HEADS = 0.4, 0.75

# Times as far as half of the intervals reach: one that reaches further leaves them no room.
_FAR = 2.0


def draw(leaderboard: pd.DataFrame, comparisons: pd.DataFrame, comparison: Comparison) -> str:
    """Return the differences from the first variant on the deciding metric as SVG.

    The grey band is the margin. The thick part of a line is the narrower interval, which shows
    equivalence. An arrow is a variant that is further away than the axis goes.

    Args:
        leaderboard: results/leaderboard.csv.
        comparisons: results/comparisons.csv.
        comparison: the section of params.yaml.
    """
    # Not at the top: importing Matplotlib reads its user's settings and fonts.
    from matplotlib.figure import Figure

    metric = comparison.metric
    first, *others = leaderboard["variant"].tolist()
    rows = against(comparisons, metric, first)
    margin = 100 * getattr(comparison.margins, metric)
    styles = lines(leaderboard["variant"])
    low, high = _limits(rows, margin)
    with style():
        figure = Figure(figsize=(5.6, _HEADS + _ROW * max(1, len(others))), layout="constrained")
        if not others:
            figure.text(0.02, 0.5, f"{short(first)} is the only variant.", va="center")
            return svg(figure)
        axes = figure.add_subplot()
        beside = axes.get_yaxis_transform()
        axes.axvspan(-margin, margin, color=GRID, linewidth=0, zorder=0)
        axes.axvline(0, color=GREY, linewidth=1, zorder=1)
        for place, name in enumerate(others):
            row, colour = rows.loc[name], styles[name].color
            value = 100 * float(row["difference"])
            if value < low:
                axes.plot(low + 0.02 * (high - low), place, marker="<", color=colour, markersize=7)
            elif math.isfinite(value):
                outer, inner = (
                    np.clip(100 * row[[f"{prefix}low", f"{prefix}high"]].to_numpy(float), low, high)
                    for prefix in ("", "inner_")
                )
                axes.plot(outer, [place, place], color=colour, linewidth=1.4, gid=name)
                axes.plot(inner, [place, place], color=colour, linewidth=4.5)
                axes.plot(value, place, marker="o", color=colour, markersize=7.5, zorder=3)
            axes.text(1.03, place - 0.2, row["verdict"], transform=beside, va="center")
            if math.isfinite(value):
                told = f"{signed(row['difference'], metric)} ({interval(row, metric)})"
                told = told.replace("-", "\N{MINUS SIGN}")
                axes.text(
                    1.03, place + 0.2, told, transform=beside, va="center", size=8, color=GREY
                )
        axes.set_yticks(range(len(others)), [short(name) for name in others])
        axes.set_ylim(len(others) - 0.4, -0.6)
        axes.set_xlim(low, high)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(f"\N{LEFTWARDS ARROW} worse than {short(first)}, in points of {metric}")
        return svg(figure)


def _limits(rows: pd.DataFrame, margin: float) -> tuple[float, float]:
    """Return the ends of the axis: of the margin, and of the intervals that are not far away."""
    ends = 100 * rows[["low", "high"]].dropna()
    reach = ends.abs().max(axis=1)
    near = ends[reach <= _FAR * reach.median()]
    low, high = 1.05 * near["low"].min(), 1.05 * near["high"].max()
    return float(np.fmin(-1.4 * margin, low)), float(np.fmax(1.4 * margin, high))
