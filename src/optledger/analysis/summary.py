"""Test metrics summarized over seeds, and the order of the variants by them."""

import math

import pandas as pd

from optledger.core.formats import rounded
from optledger.core.metric import METRICS, metrics_in


def summarize(seeds: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """Summarize results/seeds.csv, a row per variant and seed, as results/metrics.json holds it.

    If the target is a class or labels, a diverged seed counts as 0 in every metric but the loss. It
    has no loss, so the mean loss is that of the other seeds. If the target is a number, a diverged
    seed has no metrics, and its variant has no means.

    Returns:
        By variant, in the table's order: each metric's mean, and as `<metric>_std` its sample
        standard deviation (ddof 1). None where a mean or a deviation cannot be computed.
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
    """Return a value rounded as in tables; infinite values stay."""
    return value if math.isinf(value) else rounded(value) or 0.0


def ranking(seeds: pd.DataFrame, metric: str) -> list[str]:
    """Return the variants of results/seeds.csv, the best mean first and ties by name."""
    found = METRICS[metric]
    means = seeds.groupby("variant", sort=False)[metric].agg(lambda own: own.mean(skipna=False))
    # A diverged seed has no error, and no mean is worse than that.
    worst = math.inf if found.lower_is_better else found.least
    return sorted(
        map(str, means.index),
        key=lambda name: (found.worse(_written(means.fillna(worst)[name])), name),
    )
