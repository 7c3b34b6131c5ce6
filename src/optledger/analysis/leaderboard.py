"""The leaderboard: the variants in the order of their mean on the deciding metric."""

from collections.abc import Mapping

import pandas as pd

from optledger.analysis.summary import METRICS, summarize
from optledger.params import Variant
from optledger.training.search import edge


def leaderboard(
    seeds: pd.DataFrame,
    variants: Mapping[str, Variant],
    searches: Mapping[str, pd.DataFrame],
    deciding_metric: str,
) -> pd.DataFrame:
    """Return a row per variant, the best first.

    Args:
        seeds: results/seeds.csv, a row per variant and seed.
        variants: the declared variants, each of which has seeds.
        searches: by variant, its search.csv, a row per learning rate tried.
        deciding_metric: one of accuracy, precision, recall and f1.

    Returns:
        Rank; mean and sample standard deviation of each metric over the seeds; how many seeds
        there are, how many of them diverged and how many converged; after which epoch, on average;
        learning rate; epochs, the mean of what was trained; search trials, how many learning rates
        were tried; search edge, `lowest` or `highest` where the chosen one is that. Variants with
        equal means stand by name.
    """
    summary = summarize(seeds)
    rows = []
    for name, variant in variants.items():
        own = seeds[seeds["variant"] == name]
        learning_rate = own["learning_rate"].iloc[0]
        tried = searches[name]["learning_rate"].tolist()
        rows.append(
            {
                "variant": name,
                **summary[name],
                "seeds": len(own),
                "diverged_seeds": int(own["diverged_epoch"].notna().sum()),
                "optimizer": variant.optimizer.name,
                "learning_rate": learning_rate,
                "epochs": own["epochs"].mean(),
                "converged_seeds": int(own["converged_epoch"].notna().sum()),
                "converged_epoch": own["converged_epoch"].mean(),
                "search_trials": len(tried),
                "search_edge": edge(learning_rate, tried),
            }
        )
    table = pd.DataFrame(rows).sort_values(
        [deciding_metric, "variant"], ascending=[False, True], ignore_index=True
    )
    table.insert(0, "rank", table.index + 1)
    return table


def search_table(searches: Mapping[str, pd.DataFrame], leaderboard: pd.DataFrame) -> pd.DataFrame:
    """Return a row per search trial of all variants, with `chosen` 1 for the chosen ones, else 0.

    Args:
        searches: by variant, its search.csv.
        leaderboard: as of `leaderboard`.
    """
    rates = leaderboard.set_index("variant")["learning_rate"]
    tables = [
        search.assign(variant=name, chosen=(search["learning_rate"] == rates[name]).astype(int))
        for name, search in searches.items()
    ]
    table = pd.concat(tables, ignore_index=True)
    return table[["variant", *table.columns.drop("variant")]]


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
    shown["learning rate"] = [
        f"{rate:g}" if pd.isna(end) else f"{rate:g} ({end} tried)"
        for rate, end in zip(table["learning_rate"], table["search_edge"], strict=True)
    ]
    shown["epochs"] = [f"{epochs:.3g}" for epochs in table["epochs"]]
    shown["converged after"] = [
        _converged(*row)
        for row in zip(
            table["converged_epoch"], table["converged_seeds"], table["seeds"], strict=True
        )
    ]
    most = table["search_trials"].max()
    shown["search trials"] = [
        str(trials) if trials == most else f"{trials}, not {most}"
        for trials in table["search_trials"]
    ]
    notes = [
        f"Test split, mean ± standard deviation over seeds, ranked by {deciding_metric}. "
        "Precision, recall and f1 are macro averages; loss is cross-entropy in nats. "
    ]
    if most:
        notes[0] += "Learning rates were chosen on the validation split, by search trials."
    else:
        notes[0] += "Learning rates are those of params.yaml; none was searched for."
    if table["converged_seeds"].any():
        notes[0] += (
            " A seed has converged after its last improvement of the metric that `convergence` in "
            "params.yaml names, if as many epochs followed as it says."
        )
    if table["search_trials"].min() < most:
        notes.append(
            "Not every variant had as many search trials, and so not the same chance to find its "
            "learning rate."
        )
    if table["search_edge"].notna().any():
        notes.append(
            "The best learning rate was the lowest or highest tried where that is said: a better "
            "one may lie beyond."
        )
    text = "\n\n".join(notes)
    return f"{shown.to_markdown(index=False, disable_numparse=True)}\n\n{text}\n"


def _converged(epoch: float, converged: int, seeds: int) -> str:
    if not converged:
        return ""
    return f"{epoch:.3g}" if converged == seeds else f"{epoch:.3g} ({converged} of {seeds} seeds)"


def _mean_std(mean: float, std: float) -> str:
    if pd.isna(mean):
        return ""
    return f"{mean:.4f}" if pd.isna(std) else f"{mean:.4f} ± {std:.4f}"
