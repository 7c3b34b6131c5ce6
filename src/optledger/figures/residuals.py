"""The figure of true against predicted numbers; a prediction on the diagonal is right."""

import numpy as np
import pandas as pd

from optledger.figures.panels import panel
from optledger.figures.style import GREY, svg


def draw(residuals: pd.DataFrame, colour: str, name: str) -> str:
    """Return the predictions of one variant as SVG, a dot for each test item.

    Args:
        residuals: the variant's rows of results/test/residuals.csv, with `actual` and `predicted`.
        colour: colour of the dots.
        name: name of the number that is predicted.
    """
    with panel() as (figure, axes):
        values = residuals[["actual", "predicted"]].to_numpy(float)
        low, high = float(np.nanmin(values)), float(np.nanmax(values))
        room = 0.03 * (high - low) or 1.0
        both = [low - room, high + room]
        axes.plot(both, both, color=GREY, linewidth=1)
        axes.plot(
            residuals["actual"],
            residuals["predicted"],
            marker="o",
            markersize=2.5,
            linestyle="none",
            color=colour,
            alpha=0.6,
        )
        axes.set_xlim(*both)
        axes.set_ylim(*both)
        axes.set_xlabel(f"true {name}")
        axes.set_ylabel(f"predicted {name}, mean over seeds")
        return svg(figure)
