"""The figure of a case: suboptimality against epochs, a line for each method."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from optledger.cases.trajectories import FLOOR
from optledger.figures.style import GREY, INK, Line, lines, style, svg

_ALWAYS_RUN_LINES = {
    "newton": Line(INK, "solid"),
    "conjugate_gradient": Line(GREY, "dashed"),
    "scipy_cg": Line(GREY, "dotted"),
}

_HIGHEST = 10.0
"""The largest suboptimality that the vertical axis makes room for; a diverging line leaves it
above."""


def draw(name: str, points: pd.DataFrame, methods: pd.DataFrame) -> str:
    """Return the figure of a case as SVG, the same bytes for the same tables.

    Args:
        name: name of the case.
        points: rows of method, epoch and suboptimality, as returned by `trajectory_table`.
        methods: a row per method, as returned by `method_table`.
    """
    # Not at the top: importing Matplotlib reads the user's settings and fonts.
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    with style():
        figure = Figure(figsize=(4.9, 3.4 + 0.2 * len(methods)), layout="constrained")
        axes = figure.add_subplot()
        styles = _line_styles(methods["method"].tolist())
        # The fastest first, then the methods that did not arrive, the nearest first.
        for row in methods.sort_values(["suboptimality", "epochs", "method"]).to_dict("records"):
            method = str(row["method"])
            own = points[points["method"] == method]
            axes.plot(
                own["epoch"],
                # Values of a diverging method would stretch the axis beyond what float64 holds.
                own["suboptimality"].clip(upper=100 * _HIGHEST),
                **styles[method]._asdict(),
                label=_label(row),
                marker="o",
                markevery=[len(own) - 1],
            )
        axes.set_title(f"{name.replace('_', ' ').capitalize()}: how far from the optimum")
        axes.set_xlabel("epochs (passes over the training examples)")
        axes.set_ylabel("suboptimality, relative to the start")
        # The axis is linear from 0 to 1, because a logarithmic one has no place for the start,
        # epoch 0.
        axes.set_xscale("symlog", linthresh=1, linscale=0.35)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda epoch, _: f"{epoch:g}"))
        axes.set_xlim(0, points["epoch"].max() * 1.15)
        axes.set_yscale("log")
        axes.set_ylim(FLOOR / 2, min(points["suboptimality"].max(), _HIGHEST) * 2)
        figure.legend(loc="outside lower left")
        return svg(figure)


def _line_styles(methods: Sequence[str]) -> dict[str, Line]:
    """Return a line for each method, the same in every figure of the same methods."""
    return lines(set(methods) - _ALWAYS_RUN_LINES.keys()) | _ALWAYS_RUN_LINES


def _label(row: Mapping[Hashable, Any]) -> str:
    """Return a method's name, its settings, and how it ended."""
    settings = []
    if pd.notna(row["learning_rate"]):
        settings.append(f"η = {row['learning_rate']:g}")
    if pd.notna(row["batch_size"]) and row["batch_size"] != "full":
        settings.append(f"batches of {row['batch_size']}")
    name = ", ".join([str(row["method"]).replace("_", " "), *settings])
    if pd.notna(row["diverged_epoch"]):
        return f"{name}: diverged in epoch {row['diverged_epoch']}"
    if row["suboptimality"] <= FLOOR:
        return f"{name}: arrived in {row['epochs']} epochs"
    return f"{name}: {row['suboptimality']:.1e} after {row['epochs']} epochs"
