"""Test metrics summarized over seeds, and the order that they give the variants."""

import pandas as pd

from optledger.core.formats import rounded
from optledger.core.metric import METRICS


def summarize(seeds: pd.DataFrame) -> dict[str, dict[str, float | None]]:
    """Summarize results/seeds.csv, a row per variant and seed, as results/metrics.json holds it.

    A diverged seed counts with accuracy, precision, recall and F1 of 0, and without a loss.

    Returns:
        By variant, in the table's order: each metric's mean, and as `<metric>_std` its sample
        standard deviation (ddof 1); None where there are too few seeds for it.
    """
    return {
        str(name): {
            **{metric: rounded(rows[metric].mean()) for metric in METRICS},
            **{f"{metric}_std": rounded(rows[metric].std(ddof=1)) for metric in METRICS},
        }
        for name, rows in seeds.groupby("variant", sort=False)
    }


def ranking(seeds: pd.DataFrame, metric: str) -> list[str]:
    """Return the variants of results/seeds.csv by their mean, the best first, ties by name."""
    means = {name: summary[metric] for name, summary in summarize(seeds).items()}
    return sorted(means, key=lambda name: (-(means[name] or 0.0), name))
