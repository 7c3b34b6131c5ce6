"""The leaderboard: the variants, ordered by their mean on the deciding metric."""

import math
from collections.abc import Mapping

import pandas as pd

from optledger.analysis.comparisons import Samples
from optledger.analysis.leading import Leaders
from optledger.analysis.speed import learning_rate_sensitivity, speed_summary
from optledger.analysis.statistics import Sample, mean
from optledger.analysis.summary import summarize
from optledger.core.metric import METRICS
from optledger.core.params import Variant
from optledger.trials.records import score_of
from optledger.trials.search import edge


def leaderboard(
    seeds: pd.DataFrame,
    variants: Mapping[str, Variant],
    searches: Mapping[str, pd.DataFrame],
    samples: Samples,
    speed: pd.DataFrame,
    leading: Leaders,
    confidence: float,
) -> pd.DataFrame:
    """Return a row per variant, the best first.

    Args:
        seeds: results/seeds.csv, a row per variant and seed.
        variants: the declared variants, each of which has seeds.
        searches: by variant, its search.csv, a row per learning rate tried and seed.
        samples: by variant, the best first, and metric.
        speed: as returned by `epochs_to_targets`.
        leading: the leading group and the first place.
        confidence: of the interval of each mean.

    Returns:
        A table of these columns. In a preview nobody leads, and there is no champion.

        - rank, variant, optimizer: 1 for the best variant, its name, and its optimizer.
        - leading, first, champion: 1 or 0. Whether it is in the leading group, is shown to be
          first, and has the best mean validation score.
        - each metric, and `<metric>_std`: the mean and the sample standard deviation over seeds.
        - `<metric>_low`, `<metric>_high`: the ends of the mean's interval for other seeds and other
          images; infinite if unknown, and empty for a metric that a seed lacks.
        - seeds, diverged_seeds: how many seeds there are, and how many of them diverged.
        - learning_rate, learning_rate_seeds: the rate of most seeds, and how many have it.
        - epochs: mean number of epochs trained.
        - converged_seeds, converged_epoch: how many seeds converged, and after which epoch on
          average.
        - `seeds_to_<target>`: how many seeds reached the target.
        - `epochs_to_<target>`: median number of epochs to it, where a seed that misses it counts as
          infinite.
        - search_trials: how many learning rates were tried.
        - search_edge: `lowest` or `highest` where the learning rate is at that end of those tried.
        - sensitivity: how far the learning rates tried fall short of the best validation score, on
          average.
    """
    summary = summarize(seeds)
    # Where nobody leads, as in a preview, there is no champion either.
    best = champion(seeds) if leading.group else None
    targets = speed_summary(speed)
    rows = []
    for rank, name in enumerate(samples, start=1):
        own = seeds[seeds["variant"] == name]
        # Each block of seeds may have its own search: take the rate of most seeds, of ties the
        # lower.
        learning_rate = own["learning_rate"].mode().iloc[0]
        tried = searches[name]["learning_rate"].unique().tolist()
        rows.append(
            {
                "rank": rank,
                "variant": name,
                "leading": int(name in leading.group),
                "first": int(name == leading.first),
                "champion": int(name == best),
                **summary[name],
                **_ends(samples[name], 1 - confidence),
                "seeds": len(own),
                "diverged_seeds": int(own["diverged_epoch"].notna().sum()),
                "optimizer": variants[name].optimizer.name,
                "learning_rate": learning_rate,
                "learning_rate_seeds": int((own["learning_rate"] == learning_rate).sum()),
                "epochs": own["epochs"].mean(),
                "converged_seeds": int(own["converged_epoch"].notna().sum()),
                "converged_epoch": own["converged_epoch"].mean(),
                **_of_targets(targets[targets["variant"] == name]),
                "search_trials": len(tried),
                "search_edge": edge(learning_rate, tried),
                "sensitivity": learning_rate_sensitivity(searches[name]),
            }
        )
    return pd.DataFrame(rows)


def _ends(samples: Mapping[str, Sample], alpha: float) -> dict[str, float]:
    """Return the ends of the interval of each mean; NaN where a seed lacks the metric."""
    ends: dict[str, float] = {}
    for metric, each in samples.items():
        estimate = mean(each)
        sound = not math.isnan(estimate.value)
        low, high = estimate.interval(alpha) if sound else (math.nan, math.nan)
        ends |= {f"{metric}_low": low, f"{metric}_high": high}
    return ends


def champion(seeds: pd.DataFrame) -> str | None:
    """Return the variant with the best mean validation score; the test split plays no part.

    Ties go to the lower mean validation loss, then by name. A variant with a diverged seed is left
    out. Without a validation split there is no champion.
    """
    score = score_of(seeds)
    column = f"validation_{score}"
    means = seeds.groupby("variant")[[column, "validation_loss"]].mean()
    means = means.drop(seeds.loc[seeds["diverged_epoch"].notna(), "variant"].unique()).dropna()
    if means.empty:
        return None
    means["name"] = means.index
    ordered = means.sort_values(
        [column, "validation_loss", "name"],
        ascending=[METRICS[score].lower_is_better, True, True],
    )
    return str(ordered.index[0])


def _of_targets(summary: pd.DataFrame) -> dict[str, float]:
    columns: dict[str, float] = {}
    for row in summary.to_dict("records"):
        columns[f"seeds_to_{row['target']:g}"] = row["reached"]
        columns[f"epochs_to_{row['target']:g}"] = row["median_epochs"]
    return columns


def search_table(searches: Mapping[str, pd.DataFrame], leaderboard: pd.DataFrame) -> pd.DataFrame:
    """Return a row per search trial of all variants.

    Args:
        searches: by variant, its search.csv.
        leaderboard: as returned by `leaderboard`.

    Returns:
        The searches with the columns `variant` and `chosen`, which is 1 for the learning rate on
        the leaderboard and else 0.
    """
    rates = leaderboard.set_index("variant")["learning_rate"]
    tables = [
        search.assign(variant=name, chosen=(search["learning_rate"] == rates[name]).astype(int))
        for name, search in searches.items()
    ]
    table = pd.concat(tables, ignore_index=True)
    return table[["variant", *table.columns.drop("variant")]]


def curves(histories: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a row per variant and epoch, with each metric over the seeds that reached it.

    Args:
        histories: by variant, its history.csv.

    Returns:
        Each metric's mean over seeds, and its lowest and highest value as `<metric>_min` and
        `<metric>_max`.
    """
    tables = []
    for name, history in histories.items():
        epochs = history.drop(columns="seed").groupby("epoch")
        lowest, highest = epochs.min().add_suffix("_min"), epochs.max().add_suffix("_max")
        tables.append(epochs.mean().join([lowest, highest]).reset_index().assign(variant=name))
    table = pd.concat(tables, ignore_index=True)
    return table[["variant", *table.columns.drop("variant")]]
