"""How figures look: a line for each name, the same everywhere, and ink that can turn dark."""

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
"""Six that people with any colour vision tell apart, on white; after them come dashes."""

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
"""What takes the place of each colour where the page is dark."""

VARIABLES = {
    **{colour: f"--colour-{number}" for number, colour in enumerate(COLOURS)},
    **{INK: "--ink", GREY: "--grey", GRID: "--grid", PAPER: "--paper"},
}
"""What a style sheet calls each colour."""

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
    # Text stays text; identifiers are drawn from this and not at random.
    "svg.fonttype": "none",
    "svg.hashsalt": "optledger",
    "text.color": INK,
    "xtick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.color": GREY,
    "ytick.labelcolor": INK,
}


class Line(NamedTuple):
    """How one name is drawn.

    Attributes:
        color: as `#0b4a9e`.
        linestyle: as Matplotlib calls it.
    """

    color: str
    linestyle: str


def lines(names: Iterable[str]) -> dict[str, Line]:
    """Return a line for each name, by its place in the alphabet.

    So whatever draws the same names draws them alike, in any order: report, DVC's plots, MLflow.
    """
    styles = itertools.cycle(itertools.product(_DASHES, COLOURS))
    return {
        name: Line(colour, dash)
        for name, (dash, colour) in zip(sorted(names), styles, strict=False)
    }


@contextmanager
def style(changes: Mapping[Any, Any] | None = None) -> Iterator[None]:
    """Draw in this project's style, whatever the user's own is.

    Args:
        changes: of it, as Matplotlib's parameters.
    """
    # Not at the top: importing Matplotlib reads its user's settings and fonts.
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_STYLE, **(changes or {})})
        yield


def svg(figure: "Figure") -> str:
    """Return a figure as SVG, the same bytes for the same figure; call it within `style`."""
    # Figures have no date, and Matplotlib would read one, or end with what is none.
    os.environ.pop("SOURCE_DATE_EPOCH", None)
    content = io.StringIO()
    figure.savefig(content, format="svg", metadata={"Date": None})
    return content.getvalue()


def themed(content: str) -> str:
    """Return an SVG whose colours are those that the page's style sheet gives them."""
    return re.sub("|".join(VARIABLES), lambda colour: f"var({VARIABLES[colour.group()]})", content)
