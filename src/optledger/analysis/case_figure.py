"""The figure of a case: suboptimality against epochs, a line for each method."""

import io
import itertools
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from optledger.analysis.trajectories import FLOOR

# Okabe and Ito's colours, which colour-blind people tell apart, without the yellow.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")

_INK, _GREY, _GRID = "#222222", "#6b6b6b", "#e6e6e6"

_ALWAYS_RUN_LINES: dict[str, dict[str, Any]] = {
    "newton": {"color": _INK, "linestyle": "solid"},
    "conjugate_gradient": {"color": _GREY, "linestyle": "dashed"},
    "scipy_cg": {"color": _GREY, "linestyle": "dotted"},
}

_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": _GREY,
    "axes.grid": True,
    "axes.labelcolor": _INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": "medium",
    "axes.titleweight": "bold",
    "font.size": 10.0,
    "grid.color": _GRID,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "lines.markersize": 5.0,
    "lines.solid_capstyle": "round",
    # Text stays text; identifiers are drawn from this and not at random.
    "svg.fonttype": "none",
    "svg.hashsalt": "optledger",
    "text.color": _INK,
    "xtick.color": _GREY,
    "xtick.labelcolor": _INK,
    "ytick.color": _GREY,
    "ytick.labelcolor": _INK,
}

_HIGHEST = 10.0
"""Where the vertical axis ends at the latest: a line that diverges leaves it there."""


def draw(name: str, points: pd.DataFrame, methods: pd.DataFrame) -> str:
    """Return the figure of a case as SVG, the same bytes for the same tables.

    Args:
        name: the case's.
        points: rows of method, epoch and suboptimality, as of `trajectory_table`.
        methods: a row per method, as of `method_table`.
    """
    # Not at the top: importing Matplotlib reads its user's settings and fonts.
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    content = io.StringIO()
    with matplotlib.rc_context():
        # A user's own style would be in the file.
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        figure = Figure(figsize=(8.4, 4.4), layout="constrained")
        axes = figure.add_subplot()
        styles = _line_styles(methods["method"].tolist())
        # The fastest first; of those that did not arrive, the nearest.
        for row in methods.sort_values(["suboptimality", "epochs", "method"]).to_dict("records"):
            method = str(row["method"])
            own = points[points["method"] == method]
            axes.plot(
                own["epoch"],
                # What diverges would stretch the axis beyond what float64 holds.
                own["suboptimality"].clip(upper=100 * _HIGHEST),
                **styles[method],
                label=_label(row),
                marker="o",
                markevery=[len(own) - 1],
            )
        axes.set_title(f"{name.replace('_', ' ').capitalize()}: how far from the optimum")
        axes.set_xlabel("epochs (passes over the training examples)")
        axes.set_ylabel("suboptimality, relative to the start")
        # Linear from 0 to 1, so that the start is on it.
        axes.set_xscale("symlog", linthresh=1, linscale=0.35)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda epoch, _: f"{epoch:g}"))
        axes.set_xlim(0, points["epoch"].max() * 1.15)
        axes.set_yscale("log")
        axes.set_ylim(FLOOR / 2, min(points["suboptimality"].max(), _HIGHEST) * 2)
        figure.legend(loc="outside right center", labelspacing=0.9)
        figure.savefig(content, format="svg", metadata={"Date": None})
    return content.getvalue()


def _line_styles(methods: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return a line for each method: the same in every figure of the same methods."""
    rest = [method for method in methods if method not in _ALWAYS_RUN_LINES]
    styles = itertools.cycle(itertools.product(("solid", "dashed", "dotted"), _COLOURS))
    named: dict[str, dict[str, Any]] = {
        method: {"color": colour, "linestyle": linestyle}
        for method, (linestyle, colour) in zip(rest, styles, strict=False)
    }
    return named | _ALWAYS_RUN_LINES


def _label(row: Mapping[Hashable, Any]) -> str:
    """Return a method's name, what it was set to, and how it ended."""
    settings = []
    if pd.notna(row["learning_rate"]):
        settings.append(f"η = {row['learning_rate']:g}")
    if pd.notna(row["batch_size"]) and row["batch_size"] != "full":
        settings.append(f"batches of {row['batch_size']}")
    name = ", ".join([str(row["method"]).replace("_", " "), *settings])
    if pd.notna(row["diverged_epoch"]):
        return f"{name}\n   diverged in epoch {row['diverged_epoch']}"
    if row["suboptimality"] <= FLOOR:
        return f"{name}\n   arrived in {row['epochs']} epochs"
    return f"{name}\n   {row['suboptimality']:.1e} after {row['epochs']} epochs"
