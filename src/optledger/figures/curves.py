"""Learning curves: the mean over seeds, in a band from the lowest to the highest of them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from optledger.core.metric import METRICS
from optledger.datasets.kinds import kind_of_score
from optledger.figures.panels import line_of, name_lines, panel, plain_numbers
from optledger.figures.style import svg
from optledger.trials.records import score_of

ERROR = "validation_error"
"""How bad the score is, which a logarithmic axis can show."""

LEAST = 1e-4
"""What no error is drawn below, as a logarithmic axis has no 0."""


def error_of(values: pd.Series, score: str) -> pd.Series:
    """Return how bad a score is: what it lacks of 1, or itself where it is an error already."""
    return values if METRICS[score].lower_is_better else (1 - values).clip(lower=LEAST)


def error_name(score: str) -> str:
    """Return what `error_of` gives, in words."""
    told = score.replace("_", " ")
    return told if METRICS[score].lower_is_better else f"error (1 - {told})"


def name_of(metric: str, curves: pd.DataFrame) -> str:
    """Return what a panel of curves is called."""
    score = score_of(curves)
    is_error = metric == ERROR and METRICS[score].lower_is_better
    return f"validation {error_name(score)}" if is_error else metric.replace("_", " ")


def _label(metric: str, curves: pd.DataFrame) -> str:
    """Return what the vertical axis says."""
    if metric == ERROR:
        return f"validation {error_name(score_of(curves))}"
    unit = METRICS["loss"].unit if "loss" in kind_of_score(score_of(curves)).METRICS else ""
    return f"{metric.replace('_', ' ')}{unit and f', in {unit}'}"


def with_error(curves: pd.DataFrame) -> pd.DataFrame:
    """Return results/curves.csv with the validation error, whose lowest is of the best score."""
    score = score_of(curves)
    ends = {"": "", "_min": "_max", "_max": "_min"}
    if METRICS[score].lower_is_better:
        ends = {end: end for end in ends}
    errors = {
        f"{ERROR}{end}": error_of(curves[f"validation_{score}{other}"], score)
        for end, other in ends.items()
    }
    return curves.assign(**errors)


def draw(
    curves: pd.DataFrame,
    metric: str,
    shown: Sequence[str],
    variants: Sequence[str],
    fitted: Sequence[str],
    small: bool = False,
) -> str:
    """Return curves as SVG, the same bytes for the same table.

    Args:
        curves: as of `with_error`.
        metric: one of its columns that has `_min` and `_max` beside it; lower is better.
        shown: the variants in colour, with their bands.
        variants: all that there are, also those that no seed trained for an epoch.
        fitted: those that the axes make room for: not what diverged, or is far from what leads.
        small: whether it is one of many panels, with the variant as its title.
    """
    # Not at the top: importing Matplotlib reads its user's settings and fonts.
    from matplotlib.ticker import MaxNLocator

    with panel(shown[0] if small else "") as (figure, axes):
        fit = curves[curves["variant"].isin(fitted)]
        axes.set_yscale("log")
        axes.set_ylim(*_limits(fit, metric))
        plain_numbers(axes.yaxis)
        axes.set_xlim(0, 1.02 * max(fit["epoch"], default=1))
        # The highest at the end first, as the legend has them.
        last = curves.groupby("variant")[metric].last().sort_values(ascending=False)
        for name in last.index:
            own = curves[curves["variant"] == name]
            drawn = line_of(name, variants, shown)
            # A single epoch is a point, and no line.
            marker = "o" if len(own) == 1 else None
            axes.plot(own["epoch"], own[metric], marker=marker, **drawn)
            if name in shown:
                axes.fill_between(
                    own["epoch"],
                    own[f"{metric}_min"],
                    own[f"{metric}_max"],
                    color=drawn["color"],
                    alpha=0.16,
                    linewidth=0,
                )
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        axes.set_xlabel("epoch")
        if not small:
            axes.set_ylabel(_label(metric, curves))
            name_lines(figure, shown)
        return svg(figure)


def _limits(curves: pd.DataFrame, metric: str) -> tuple[float, float]:
    """Return the ends of the vertical axis: of every seed's whole curve."""
    values = curves[[f"{metric}_min", f"{metric}_max"]].to_numpy(float)
    finite = values[np.isfinite(values) & (values > 0)]
    if not len(finite):
        return 1e-3, 1.0
    return float(finite.min()) / 1.1, float(finite.max()) * 1.1
