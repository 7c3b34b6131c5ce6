"""Numbers and names as text, for sentences and table cells."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from optledger.core.metric import METRICS
from optledger.core.params import Comparison


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence: `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def brief(names: Sequence[str], most: int = 8) -> str:
    """Return names like `listed`; of more than `most`, the first ones and the number of others."""
    if len(names) <= most:
        return listed(names)
    shown = names[: max(1, most // 2)]
    return listed([*shown, f"{len(names) - len(shown)} others"])


def with_noun(count: float, noun: str) -> str:
    """Return a count with its noun, as in `1 seed` and `2 seeds`."""
    return f"{count:g} {noun}" if count == 1 else f"{count:g} {noun}s"


def are(names: Sequence[str]) -> str:
    """Return the verb that goes with these names: `is` or `are`."""
    return "is" if len(names) == 1 else "are"


def confidence(comparison: Comparison) -> str:
    """Return the confidence with which intervals hold together."""
    return f"{100 * comparison.confidence:g} % confidence"


def looks(comparison: Comparison) -> str:
    """Return the declared looks, as numbers of seeds."""
    return listed([str(look) for look in comparison.looks])


def verdict_at(row: Mapping[str, Any] | pd.Series, comparison: Comparison) -> str:
    """Return the verdict of a row of `comparisons`, with its look where looks are declared."""
    verdict = str(row["verdict"])
    if not comparison.looks or verdict in ("inconclusive", "not judged", "not pursued"):
        return verdict
    return f"{verdict} at {row['look']:g} seeds"


def signed(value: float, metric: str) -> str:
    """Return a difference with its sign, in the metric's unit; empty if it is missing."""
    return "" if pd.isna(value) else METRICS[metric].signed(value)


def interval(row: Mapping[str, Any] | pd.Series, metric: str, inner: bool = False) -> str:
    """Return the interval of a row of `comparisons`, in the metric's unit.

    Args:
        row: the row.
        metric: the metric of the row.
        inner: whether to return the narrower interval, which shows equivalence.
    """
    prefix = "inner_" if inner else ""
    ends = [row.get(f"{prefix}{end}", math.nan) for end in ("low", "high")]
    low, high = (signed(end, metric) for end in ends)
    if math.isinf(row["half_width"]):
        # One end is open where a variant has few seeds that spread far: nothing bounds how bad it
        # is.
        most = METRICS[metric].reach
        if ends[0] > -most:
            return f"above {low}"
        return f"below {high}" if ends[1] < most else "unknown"
    return f"{low} to {high}" if low else ""


def mean_interval(metric: str, low: float, high: float, diverged: int) -> str:
    """Return the interval of a mean, cut to the metric's range; unknown if a seed diverged.

    Args:
        metric: the metric of the mean.
        low: the lower end.
        high: the upper end.
        diverged: number of seeds that diverged.
    """
    if diverged or not math.isfinite(high - low):
        return "unknown"
    told = METRICS[metric]
    return f"{told.formatted(max(told.least, low))} to {told.formatted(min(told.most, high))}"


def learning_rate(rate: float, with_it: int, seeds: int) -> str:
    """Return a learning rate, and how many seeds have it if searches found several.

    Args:
        rate: the learning rate.
        with_it: number of seeds that have it.
        seeds: number of all seeds.
    """
    return f"{rate:g}" if with_it == seeds else f"{rate:g} ({with_it} of {seeds} seeds)"


def p_value(value: float) -> str:
    """Return a p-value; empty if it is missing."""
    if pd.isna(value):
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def further_seeds(seeds: float) -> str:
    """Return how many more seeds would settle a comparison."""
    if pd.isna(seeds):
        return "unknown"
    return f"{seeds:g}" if math.isfinite(seeds) else "no number"


def epochs_to(epochs: float, reached: int, seeds: int) -> str:
    """Return the median epochs to a target, and how many seeds reached it if some did not."""
    if reached == seeds:
        return f"{epochs:g}"
    median = f"{epochs:g}" if math.isfinite(epochs) else "never"
    return f"{median} ({reached} of {seeds} seeds)" if reached else "never"


def converged_after(epoch: float, converged: int, seeds: int) -> str:
    """Return the mean epoch of convergence, and how many seeds converged if some did not."""
    if not converged:
        return ""
    return f"{epoch:.3g}" if converged == seeds else f"{epoch:.3g} ({converged} of {seeds} seeds)"


def plus_minus(metric: str, mean: float, half: float) -> str:
    """Return a mean of a metric and how far off it may be, if that is known."""
    if pd.isna(mean):
        return ""
    told = METRICS[metric].formatted(mean)
    is_known = pd.notna(half) and math.isfinite(half)
    return f"{told} ± {METRICS[metric].formatted(half)}" if is_known else told
