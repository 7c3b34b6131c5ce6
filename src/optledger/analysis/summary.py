"""Test metrics summarized over seeds, and the order that they give the variants."""

import math

import pandas as pd

from optledger.core.formats import rounded
from optledger.core.metric import METRICS, metrics_in


def summarize(seeds: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """Summarize results/seeds.csv, a row per variant and seed, as results/metrics.json holds it.

    A diverged seed counts with 0 in what is best at 1, and without a loss or an error.

    Returns:
        By variant, in the table's order: each metric's mean, and as `<metric>_std` its sample
        standard deviation (ddof 1); None where there are too few seeds for it.
    """
    return {
        str(name): {
            **{metric: rounded(rows[metric].mean()) for metric in metrics_in(seeds)},
            **{f"{metric}_std": rounded(rows[metric].std(ddof=1)) for metric in metrics_in(seeds)},
        }
        for name, rows in seeds.groupby("variant", sort=False)
    }


def ranking(seeds: pd.DataFrame, metric: str) -> list[str]:
    """Return the variants of results/seeds.csv by their mean, the best first, ties by name."""
    found = METRICS[metric]
    means = seeds.groupby("variant", sort=False)[metric].agg(lambda own: own.mean(skipna=False))
    # Of a seed that diverged there is no error: nothing is worse.
    worst = math.inf if found.lower_is_better else found.least
    return sorted(
        map(str, means.index),
        key=lambda name: (found.worse(rounded(means.fillna(worst)[name]) or 0.0), name),
    )
