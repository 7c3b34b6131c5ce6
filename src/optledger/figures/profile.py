"""The performance profile: how often a variant is within a factor of the fastest."""

from collections.abc import Sequence

import pandas as pd

from optledger.figures.panels import line_of, panel
from optledger.figures.style import svg


def draw(profile: pd.DataFrame, target: float, shown: str, variants: Sequence[str]) -> str:
    """Return one variant's profile for one target as SVG, those of the others behind it.

    By itself, as profiles often lie on each other.

    Args:
        profile: results/profile.csv.
        target: one of its targets.
        shown: the variant in colour.
        variants: all that there are.
    """
    table = profile[profile["target"] == target]
    # Where every factor is 1, a step still needs somewhere to go.
    end = max(1.5, table["factor"].max())
    with panel(shown) as (figure, axes):
        for name in variants:
            own = table[table["variant"] == name]
            axes.plot(
                [*own["factor"], end],
                [*(100 * own["fraction"]), 100 * own["fraction"].iloc[-1]],
                drawstyle="steps-post",
                # One that is nowhere near stands on the axis, and must be seen there.
                clip_on=False,
                **line_of(name, variants, [shown]),
            )
        axes.set_ylim(0, 103)
        axes.set_xlim(1, end)
        axes.set_xlabel("times the fastest's epochs")
        return svg(figure)
