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

# By the ratio of an axis' ends: where in a decade its ticks are.
_SUBS = (
    (6.0, (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)),
    (30.0, (1.0, 2.0, 5.0)),
    (300.0, (1.0, 3.0)),
)

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


def plain_numbers(axis: Any, most: int = 6) -> None:
    """Print the ticks of a logarithmic axis as people write numbers: 0.03, not a power of ten.

    Args:
        axis: one of Matplotlib's, whose ends are set.
        most: how many ticks it has room for.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    low, high = sorted(axis.get_view_interval())
    ratio = high / low if low > 0 else 10.0
    subs = next((subs for below, subs in _SUBS if ratio < below), (1.0,))
    axis.set_major_locator(LogLocator(subs=subs, numticks=most))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


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
