"""The leaderboard: the variants in the order of their mean on the deciding metric."""

from collections.abc import Mapping

import pandas as pd

from optledger.analysis.summary import METRICS, summarize
from optledger.params import Variant

# Each learning rate is given in params.yaml; the pipeline tries no others.
_SEARCH_TRIALS = 0


def leaderboard(
    seeds: pd.DataFrame, variants: Mapping[str, Variant], deciding_metric: str
) -> pd.DataFrame:
    """Return a row per variant, the best first.

    Args:
        seeds: results/seeds.csv, a row per variant and seed.
        variants: the declared variants, each of which has seeds.
        deciding_metric: one of accuracy, precision, recall and f1.

    Returns:
        Rank; mean and sample standard deviation of each metric over the seeds; how many seeds
        there are and how many of them diverged; learning rate; epochs; search trials, the budget
        that the learning rate was chosen with. Variants with equal means stand by name.
    """
    summary = summarize(seeds)
    rows = []
    for name, variant in variants.items():
        own = seeds[seeds["variant"] == name]
        rows.append(
            {
                "variant": name,
                **summary[name],
                "seeds": len(own),
                "diverged_seeds": int(own["diverged_epoch"].notna().sum()),
                "optimizer": variant.optimizer.name,
                "learning_rate": variant.learning_rate,
                "epochs": variant.epochs,
                "search_trials": _SEARCH_TRIALS,
            }
        )
    table = pd.DataFrame(rows).sort_values(
        [deciding_metric, "variant"], ascending=[False, True], ignore_index=True
    )
    table.insert(0, "rank", table.index + 1)
    return table


def curves(histories: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a row per variant and epoch: means over the seeds that reached it.

    Args:
        histories: by variant, its history.csv.
    """
    means = [
        history.drop(columns="seed").groupby("epoch", as_index=False).mean().assign(variant=name)
        for name, history in histories.items()
    ]
    table = pd.concat(means, ignore_index=True)
    return table[["variant", *table.columns.drop("variant")]]


def markdown(table: pd.DataFrame, deciding_metric: str) -> str:
    """Return the leaderboard as a Markdown table, metrics as mean ± standard deviation."""
    shown = pd.DataFrame({"rank": table["rank"], "variant": table["variant"]})
    for metric in METRICS:
        shown[metric] = [
            _mean_std(mean, std)
            for mean, std in zip(table[metric], table[f"{metric}_std"], strict=True)
        ]
    shown["seeds"] = [
        f"{seeds} ({diverged} diverged)" if diverged else str(seeds)
        for seeds, diverged in zip(table["seeds"], table["diverged_seeds"], strict=True)
    ]
    for column in ("learning_rate", "epochs", "search_trials"):
        shown[column.replace("_", " ")] = [f"{value:g}" for value in table[column]]
    note = (
        f"Test split, mean ± standard deviation over seeds, ranked by {deciding_metric}. "
        "Precision, recall and f1 are macro averages; loss is cross-entropy in nats. "
        "Learning rates are those of params.yaml; search trials are the ones that the pipeline "
        "chose them with."
    )
    return f"{shown.to_markdown(index=False, disable_numparse=True)}\n\n{note}\n"


def _mean_std(mean: float, std: float) -> str:
    if pd.isna(mean):
        return ""
    return f"{mean:.4f}" if pd.isna(std) else f"{mean:.4f} ± {std:.4f}"
