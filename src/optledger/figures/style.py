"""The style of figures: the same line for a name everywhere, and colours that can turn dark."""

import io
import itertools
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0b4a9e", "#a3360a", "#00866f", "#e3429f", "#b98414", "#3f95f2")
"""Six colours that people with any colour vision can distinguish on white. After these, dashes
vary."""

INK, GREY, GRID, PAPER = "#222222", "#6b6b6b", "#e6e6e6", "#ffffff"

DARK = {
    **dict(
        zip(
            COLOURS,
            ("#1a6bc9", "#c9520f", "#04a781", "#f76fc8", "#e8ae25", "#a9c1f0"),
            strict=True,
        )
    ),
    **{INK: "#e6e6e6", GREY: "#9aa0a6", GRID: "#33383e", PAPER: "#14171b"},
}
"""The colour that replaces each colour on a dark page."""

VARIABLES = {
    **{colour: f"--colour-{number}" for number, colour in enumerate(COLOURS)},
    **{INK: "--ink", GREY: "--grey", GRID: "--grid", PAPER: "--paper"},
}
"""The CSS variable of each colour."""

_DASHES = ("solid", "dashed", "dotted", "dashdot")

_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "axes.titleweight": "bold",
    "figure.facecolor": PAPER,
    "font.size": 10.0,
    "grid.color": GRID,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5.0,
    "lines.solid_capstyle": "round",
    # Text stays text. Ids are derived from this salt and not from random numbers.
    "svg.fonttype": "none",
    "svg.hashsalt": "optledger",
    "text.color": INK,
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
}


class Line(NamedTuple):
    """The appearance of a line.

    Attributes:
        color: the colour, such as `#0b4a9e`.
        linestyle: Matplotlib's name of the dash pattern.
    """

    color: str
    linestyle: str


def lines(names: Iterable[str]) -> dict[str, Line]:
    """Return a line for each name, by its place in alphabetical order.

    So the same names, in any order, look the same in the report, in DVC's plots and in MLflow.
    """
    styles = itertools.cycle(itertools.product(_DASHES, COLOURS))
    return {
        name: Line(colour, dash)
        for name, (dash, colour) in zip(sorted(names), styles, strict=False)
    }


@contextmanager
def style(changes: Mapping[Any, Any] | None = None) -> Iterator[None]:
    """Draw in this project's style, whatever the user's own settings are.

    Args:
        changes: changes to the style, as Matplotlib parameters.
    """
    # Not at the top: importing Matplotlib reads the user's settings and fonts.
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_STYLE, **(changes or {})})
        yield


def svg(figure: "Figure") -> str:
    """Return a figure as SVG, the same bytes for the same figure; call it within `style`."""
    # Matplotlib reads this variable even though the figure has no date, and fails if it is
    # malformed.
    os.environ.pop("SOURCE_DATE_EPOCH", None)
    content = io.StringIO()
    figure.savefig(content, format="svg", metadata={"Date": None})
    return content.getvalue()


def themed(content: str) -> str:
    """Replace the colours of an SVG by the variables of the page's style sheet."""
    return re.sub("|".join(VARIABLES), lambda colour: f"var({VARIABLES[colour.group()]})", content)
