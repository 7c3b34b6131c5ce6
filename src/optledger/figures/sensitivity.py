"""Sensitivity to the learning rate: what each that was tried came to, the chosen one marked."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from optledger.core.metric import METRICS
from optledger.figures.curves import error_of
from optledger.figures.panels import line_of, panel, plain_numbers
from optledger.figures.style import GREY, svg
from optledger.trials.records import score_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw(search: pd.DataFrame, shown: str, variants: Sequence[str]) -> str:
    """Return one variant's search as SVG, those of the others behind it: the mean of each rate.

    A rate of which a trial diverged has a cross at the top edge.

    Args:
        search: results/search.csv.
        shown: the variant in colour.
        variants: all that there are, also those that nothing was searched for.
    """
    score = score_of(search)
    column = f"validation_{score}"
    trials = (
        search.assign(lost=search[column].isna())
        .groupby(["variant", "learning_rate", "chosen"], as_index=False)
        .agg(error=(column, "mean"), lost=("lost", "any"))
    )
    trials["error"] = errors = error_of(trials["error"], score)
    with panel(shown) as (figure, axes):
        axes.set_xscale("log")
        axes.set_yscale("log")
        if errors.notna().any():
            most = METRICS[score].most
            axes.set_ylim(errors.min() / 1.3, min(most, errors.max()) * 1.3)
        axes.set_xlim(search["learning_rate"].min() / 2, search["learning_rate"].max() * 2)
        plain_numbers(axes.xaxis, most=4)
        plain_numbers(axes.yaxis)
        for name in search["variant"].unique():
            own = trials[trials["variant"] == name]
            drawn = line_of(name, variants, [shown])
            marker = "o" if name == shown else None
            axes.plot(own["learning_rate"], own["error"], marker=marker, markersize=3.5, **drawn)
            if name == shown:
                _mark(axes, own, drawn["color"])
        axes.set_xlabel("learning rate", color=GREY)
        return svg(figure)


def _mark(axes: "Axes", trials: pd.DataFrame, colour: str) -> None:
    """Put a ring around the chosen trial, and a cross at the top edge for each that diverged."""
    chosen = trials[trials["chosen"] == 1]
    axes.scatter(
        chosen["learning_rate"],
        chosen["error"],
        s=110,
        facecolors="none",
        edgecolors=colour,
        linewidths=1.6,
        zorder=4,
        gid="chosen",
    )
    lost = trials.loc[trials["lost"], "learning_rate"]
    top = np.full(len(lost), 0.94)
    if len(lost):
        axes.scatter(
            lost,
            top,
            s=30,
            marker="x",
            color=colour,
            transform=axes.get_xaxis_transform(),
            zorder=4,
            gid="diverged",
        )
