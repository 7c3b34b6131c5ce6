"""Scores as errors, which a logarithmic axis can show."""

import pandas as pd

from optledger.core.metric import METRICS
from optledger.datasets.kinds import kind_of_score
from optledger.trials.records import score_of

ERROR = "validation_error"
"""The column of how bad the score is."""

LEAST = 1e-4
"""What no error is drawn below, as a logarithmic axis has no 0."""


def error_of(values: pd.Series, score: str) -> pd.Series:
    """Return how bad a score is: what it lacks of 1, or itself where it is an error already."""
    return values if METRICS[score].lower_is_better else (1 - values).clip(lower=LEAST)


def error_name(score: str) -> str:
    """Return what `error_of` gives, in words."""
    told = score.replace("_", " ")
    return told if METRICS[score].lower_is_better else f"error (1 - {told})"


def title_of(metric: str, curves: pd.DataFrame) -> str:
    """Return what a chart of curves is called."""
    score = score_of(curves)
    if metric == ERROR:
        return f"Validation {error_name(score)}"
    unit = METRICS["loss"].in_unit if "loss" in kind_of_score(score).METRICS else ""
    return f"{metric.replace('_', ' ').capitalize()}{unit and f',{unit}'}"


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
