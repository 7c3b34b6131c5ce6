"""Test metrics summarized over seeds, and the order that they give the variants."""

import math

import pandas as pd

from optledger.core.formats import rounded
from optledger.core.metric import METRICS, metrics_in


def summarize(seeds: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """Summarize results/seeds.csv, a row per variant and seed, as results/metrics.json holds it.

    A diverged seed counts with 0 in what is best at 1, and has no loss: that is the mean of the
    others. Where it has no error of a number either, its variant has no mean of that.

    Returns:
        By variant, in the table's order: each metric's mean, and as `<metric>_std` its sample
        standard deviation (ddof 1); None where there are too few seeds for it.
    """
    names = metrics_in(seeds)
    return {
        str(name): {
            **{each: rounded(rows[each].mean(skipna=each in _OF_THE_REST)) for each in names},
            **{
                f"{each}_std": rounded(rows[each].std(ddof=1, skipna=each in _OF_THE_REST))
                for each in names
            },
        }
        for name, rows in seeds.groupby("variant", sort=False)
    }


_OF_THE_REST = {"loss"}


def _written(value: float) -> float:
    """Return a value as tables have it, if it is finite."""
    return value if math.isinf(value) else rounded(value) or 0.0


def ranking(seeds: pd.DataFrame, metric: str) -> list[str]:
    """Return the variants of results/seeds.csv by their mean, the best first, ties by name."""
    found = METRICS[metric]
    means = seeds.groupby("variant", sort=False)[metric].agg(lambda own: own.mean(skipna=False))
    # Of a seed that diverged there is no error: nothing is worse.
    worst = math.inf if found.lower_is_better else found.least
    return sorted(
        map(str, means.index),
        key=lambda name: (found.worse(_written(means.fillna(worst)[name])), name),
    )
