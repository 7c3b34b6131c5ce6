"""The figure of the results over time: each variant's mean at each commit, with its interval."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from optledger.core.metric import METRICS
from optledger.figures.panels import line_of, name_lines, near, panel
from optledger.figures.style import svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Numbers of commits: how many the axis names, and from how many on points must be small.
_TICKS, _MANY = 4, 40


def draw(
    table: pd.DataFrame,
    commits: Sequence[str],
    metric: str,
    shown: Sequence[str],
    variants: Sequence[str],
) -> str:
    """Return means over commits as SVG, the same bytes for the same results.

    The band is the mean's interval. An arrow at the edge marks a variant that lies beyond the end
    of the axis.

    Args:
        table: a row per variant and commit that has it, with these columns: `variant`; `place`, the
            position of the commit; `mean`; `low` and `high`, NaN or infinite where unknown.
        commits: labels of the commits on the axis, the oldest first.
        metric: the metric of the means.
        shown: the variants to draw.
        variants: all present variants, which determine the colours.
    """
    table = table.replace([np.inf, -np.inf], np.nan)
    low, high = _limits(table, METRICS[metric].lower_is_better)
    with panel() as (figure, axes):
        axes.set_ylim(low, high)
        axes.set_xlim(-0.5, len(commits) - 0.5)
        for name in shown:
            own = table[table["variant"] == name].set_index("place").reindex(range(len(commits)))
            _draw(axes, own, line_of(name, variants, shown), (low, high))
        places = np.unique(np.linspace(0, len(commits) - 1, _TICKS).round().astype(int))
        axes.set_xticks(places, [commits[place] for place in places], size=8)
        axes.grid(axis="x", visible=False)
        axes.set_ylabel(metric)
        name_lines(figure, shown)
        return svg(figure)


def _draw(axes: "Axes", own: pd.DataFrame, line: dict[str, Any], ends: tuple[float, float]) -> None:
    """Draw a variant's means and intervals, with a gap where the variant did not exist."""
    colour, mean = line["color"], own["mean"]
    known = own["low"].notna() & own["high"].notna()
    axes.fill_between(own.index, own["low"], own["high"], color=colour, alpha=0.12, linewidth=0)
    # A band needs two neighbouring intervals; an interval without a neighbour becomes a line.
    alone = own[known & ~known.shift(1, fill_value=False) & ~known.shift(-1, fill_value=False)]
    axes.vlines(alone.index, alone["low"], alone["high"], color=colour, alpha=0.4, linewidth=0.8)
    axes.plot(own.index, mean, marker="o", markersize=3.5 if len(own) < _MANY else 1.5, **line)
    for far, end, marker in (
        (own.index[mean < ends[0]], ends[0], "v"),
        (own.index[mean > ends[1]], ends[1], "^"),
    ):
        if len(far):
            drawn: dict[str, Any] = {"marker": marker, "linestyle": "none", "clip_on": False}
            axes.plot(far, np.full(len(far), end), color=colour, markersize=6, **drawn)


def _limits(table: pd.DataFrame, lower_is_better: bool) -> tuple[float, float]:
    """Return the ends of the axis, which hold the variants that are not far from the best."""
    lowest = table[["mean", "low"]].min(axis=1).groupby(table["variant"]).min()
    highest = table[["mean", "high"]].max(axis=1).groupby(table["variant"]).max()
    last = table.groupby("variant")["mean"].last()
    best = last.min() if lower_is_better else last.max()
    fit = near(np.maximum(best - lowest, highest - best))
    low, high = float(lowest[fit].min()), float(highest[fit].max())
    margin = 0.05 * (high - low) or 0.005
    return low - margin, high + margin
