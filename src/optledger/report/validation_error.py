"""Scores turned into errors, which a logarithmic axis can show."""

import pandas as pd

from optledger.core.metric import METRICS
from optledger.datasets.kinds import kind_of_score
from optledger.trials.records import score_of

ERROR = "validation_error"
"""The column of the validation error."""

SMALLEST_ERROR = 1e-4
"""The lowest error that is drawn for a score up to 1, as a logarithmic axis has no 0."""


def error_of(values: pd.Series, score: str) -> pd.Series:
    """Return scores as errors: 1 minus the score, or the score itself if less is better.

    An error of 1 minus the score is raised to `SMALLEST_ERROR`, if it is lower.
    """
    return values if METRICS[score].lower_is_better else (1 - values).clip(lower=SMALLEST_ERROR)


def error_name(score: str) -> str:
    """Return the name of what `error_of` returns, for titles."""
    told = score.replace("_", " ")
    return told if METRICS[score].lower_is_better else f"error (1 - {told})"


def title_of(metric: str, curves: pd.DataFrame) -> str:
    """Return the title of a chart of learning curves."""
    score = score_of(curves)
    if metric == ERROR:
        return f"Validation {error_name(score)}"
    unit = METRICS["loss"].in_unit if "loss" in kind_of_score(score).METRICS else ""
    return f"{metric.replace('_', ' ').capitalize()}{unit and f',{unit}'}"


def with_error(curves: pd.DataFrame) -> pd.DataFrame:
    """Return results/curves.csv with the validation error: mean, lowest and highest.

    Unless less is better, the highest score gives the lowest error.
    """
    score = score_of(curves)
    ends = {"": "", "_min": "_max", "_max": "_min"}
    if METRICS[score].lower_is_better:
        ends = {end: end for end in ends}
    errors = {
        f"{ERROR}{end}": error_of(curves[f"validation_{score}{other}"], score)
        for end, other in ends.items()
    }
    return curves.assign(**errors)
