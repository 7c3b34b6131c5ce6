"""The performance profile: how often a variant is within a factor of the fastest."""

from collections.abc import Sequence

import pandas as pd

from optledger.figures.panels import line_of, name_lines, panel
from optledger.figures.style import svg


def draw(profile: pd.DataFrame, target: float, shown: Sequence[str]) -> str:
    """Return the profile for one target as SVG.

    Args:
        profile: results/profile.csv.
        target: one of its targets.
        shown: the variants in colour.
    """
    table = profile[profile["target"] == target]
    variants = table["variant"].unique().tolist()
    with panel(variants, shown) as (figure, axes):
        for name in variants:
            own = table[table["variant"] == name]
            axes.plot(
                own["factor"],
                100 * own["fraction"],
                drawstyle="steps-post",
                # One that is nowhere near stands on the axis, and must be seen there.
                clip_on=False,
                **line_of(name, variants, shown),
            )
        axes.set_ylim(0, 103)
        axes.set_xlim(1, max(1.5, table["factor"].max()))
        axes.set_xlabel("factor of the fastest variant's epochs")
        if len(shown) > 1 or len(variants) == 1:
            axes.set_ylabel("% of the seeds")
        name_lines(figure, shown)
        return svg(figure)
