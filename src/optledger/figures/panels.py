"""Panels: which variants one figure draws in colour, on axes that all figures of a kind share."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from optledger.figures.style import GREY, lines, style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Times the distance of those that are near: one further away leaves them no room.
_FAR = 4.0

# In characters: of a name as it is printed, and of one of which three columns fit.
_LONGEST, _NARROW = 22, 12


@contextmanager
def panel() -> Iterator["tuple[Figure, Axes]"]:
    """Yield a figure and its axes, in this project's style."""
    # Not at the top: importing Matplotlib reads its user's settings and fonts.
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(4.9, 3.4), layout="constrained")
        yield figure, figure.add_subplot()


def line_of(variant: str, variants: Sequence[str], shown: Sequence[str]) -> dict[str, Any]:
    """Return how Matplotlib draws a variant: in its colour, or thin and grey behind the others."""
    named = {"label": short(variant), "gid": identifier(variant)}
    if variant not in shown:
        return {**named, "color": GREY, "linewidth": 0.6, "alpha": 0.45, "zorder": 1}
    return {**named, **lines(variants)[variant]._asdict(), "zorder": 3}


def name_lines(figure: "Figure", shown: Sequence[str]) -> None:
    """Add a legend, if several lines are shown."""
    if len(shown) > 1:
        handles = figure.axes[0].get_legend_handles_labels()[0]
        wanted = {identifier(name) for name in shown}
        named = [handle for handle in handles if handle.get_gid() in wanted]
        # Read in rows, which Matplotlib fills by columns.
        columns = 3 if max(map(len, shown)) <= _NARROW else 2
        rows = [handle for start in range(columns) for handle in named[start::columns]]
        figure.legend(
            handles=rows,
            loc="outside upper left",
            ncols=columns,
            handlelength=2.2,
            columnspacing=1.2,
        )


def identifier(variant: str) -> str:
    """Return what an SVG calls the line of a variant, which is no name of Matplotlib's own."""
    return f"variant:{variant}"


def near(reach: "pd.Series[float]") -> "pd.Series[bool]":
    """Return which of some distances leave each other room on one axis.

    A quarter of them always does; those that are much further away would hide the others.
    """
    return reach <= _FAR * reach.quantile(0.25, interpolation="lower")


def short(name: str) -> str:
    """Return a name cut to what a figure has room for."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
