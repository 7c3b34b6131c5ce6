"""Panels: figures that share their axes and differ in which variants are in colour."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from optledger.figures.style import GREY, lines, style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# A distance more than this times that of near variants leaves those no room.
_FAR = 4.0

# Upper bound of the ratio of an axis's ends, and the ticks within each decade below that bound.
_SUBS = (
    (6.0, (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0)),
    (30.0, (1.0, 2.0, 5.0)),
    (300.0, (1.0, 3.0)),
)

# In characters: the longest name that is printed in full, and the longest for three legend columns.
_LONGEST, _NARROW = 22, 12


@contextmanager
def panel() -> Iterator["tuple[Figure, Axes]"]:
    """Yield a figure and its axes, in this project's style."""
    # Not at the top: importing Matplotlib reads the user's settings and fonts.
    from matplotlib.figure import Figure

    with style():
        figure = Figure(figsize=(4.9, 3.4), layout="constrained")
        yield figure, figure.add_subplot()


def line_of(variant: str, variants: Sequence[str], shown: Sequence[str]) -> dict[str, Any]:
    """Return Matplotlib's arguments for a variant's line, which is thin and grey unless shown."""
    named = {"label": short(variant), "gid": identifier(variant)}
    if variant not in shown:
        return {**named, "color": GREY, "linewidth": 0.6, "alpha": 0.45, "zorder": 1}
    return {**named, **lines(variants)[variant]._asdict(), "zorder": 3}


def name_lines(figure: "Figure", shown: Sequence[str]) -> None:
    """Add a legend if several lines are shown."""
    if len(shown) > 1:
        handles = figure.axes[0].get_legend_handles_labels()[0]
        wanted = {identifier(name) for name in shown}
        named = [handle for handle in handles if handle.get_gid() in wanted]
        # The legend reads in rows, but Matplotlib fills it by columns.
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
    """Label a logarithmic axis with plain numbers: 0.03, not a power of ten.

    Args:
        axis: a Matplotlib axis whose ends are set.
        most: the largest number of ticks.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    low, high = sorted(axis.get_view_interval())
    ratio = high / low if low > 0 else 10.0
    subs = next((subs for below, subs in _SUBS if ratio < below), (1.0,))
    axis.set_major_locator(LogLocator(subs=subs, numticks=most))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def identifier(variant: str) -> str:
    """Return the id of a variant's line in an SVG. It differs from Matplotlib's own ids."""
    return f"variant:{variant}"


def near(reach: "pd.Series[float]") -> "pd.Series[bool]":
    """Return which distances fit on one axis without hiding the others.

    The nearest quarter always does. A distance does not if it is much larger than those.
    """
    return reach <= _FAR * reach.quantile(0.25, interpolation="lower")


def short(name: str) -> str:
    """Return a name, cut to the length that a figure has room for."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
