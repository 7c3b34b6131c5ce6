"""Speed of learning: epochs to an accuracy, and how much depends on the learning rate.

An epoch is a pass over what a variant trains on, however many steps or seconds that takes: one
step where the batch is full. A variant has the epochs that params.yaml gives it to get there.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from optledger.core.metric import METRICS
from optledger.trials.records import score_of

_VALIDATION = "validation_"


def _score(table: pd.DataFrame) -> str:
    """Return the column of the validation score."""
    return f"{_VALIDATION}{score_of(table)}"


def epochs_to_targets(
    histories: Mapping[str, pd.DataFrame], seeds: pd.DataFrame, targets: Sequence[float]
) -> pd.DataFrame:
    """Return the first epoch after which each seed's validation score is at a target, or better.

    A seed that does not get there within its epochs has infinity; so has one that diverged, before
    or after, as it leaves no model.

    Args:
        histories: by variant, its history.csv; a seed that diverged may have no rows.
        seeds: results/seeds.csv, a row per variant and seed.
        targets: validation scores.

    Returns:
        A row per variant, target and seed, in the orders given, with `epochs`. No rows where there
        is no validation split.
    """
    if any(history[_score(history)].isna().any() for history in histories.values()):
        targets = ()
    rows = [
        {"variant": name, "target": target, "seed": seed, "epochs": epochs}
        for name, history in histories.items()
        for target in targets
        for seed, epochs in _first_epochs(history, seeds[seeds["variant"] == name], target).items()
    ]
    table = pd.DataFrame(rows, columns=["variant", "target", "seed", "epochs"])
    return table.astype({"variant": "str", "target": float, "seed": int, "epochs": float})


def performance_profile(table: pd.DataFrame) -> pd.DataFrame:
    """Return how often a variant is within a factor of the fastest one.

    After Dolan and Moré, Benchmarking optimization software with performance profiles,
    Mathematical Programming 91 (2002). For each target a problem is a seed, which gives every
    variant the same start; the factor is the ratio of a variant's epochs to the fewest that any
    variant takes with that seed. A seed with which none arrives is one of the seeds all the same.
    Two variants neither of which is the fastest are compared by a profile of the two alone (Gould
    and Scott, A note on performance profiles for benchmarking software, ACM Transactions on
    Mathematical Software 43, 2016).

    Args:
        table: as of `epochs_to_targets`.

    Returns:
        The corners of a step function for each target and variant, ordered by target, by the
        variants as they are given, and by factor: `fraction` of the seeds are within `factor` of
        the fastest, up to the next row's. The first factor is 1; the last one is the largest
        that occurs for the target, so that all steps of a target end together.
    """
    fewest = table.groupby(["target", "seed"])["epochs"].transform("min")
    # Infinity over infinity is no number, and not within any factor either.
    ratios = table.assign(ratio=(table["epochs"] / fewest).fillna(np.inf))
    rows = [
        {"target": target, "variant": variant, "factor": factor, "fraction": fraction}
        for target, of_target in ratios.groupby("target")
        for variant, own in of_target.groupby("variant", sort=False)
        for factor, fraction in _steps(own["ratio"], of_target["ratio"])
    ]
    columns = ["target", "variant", "factor", "fraction"]
    profile = pd.DataFrame(rows, columns=columns)
    return profile.astype({"target": float, "variant": "str", "factor": float, "fraction": float})


def speed_summary(table: pd.DataFrame) -> pd.DataFrame:
    """Return how many seeds of each variant reach a target, and in how many epochs.

    Args:
        table: as of `epochs_to_targets`.

    Returns:
        A row per variant and target, in the table's order: `reached`, how many of `seeds` did, and
        `median_epochs` over all of them, which is infinite unless more than half did.
    """
    rows = table.assign(reached=np.isfinite(table["epochs"]))
    summary = rows.groupby(["variant", "target"], sort=False).agg(
        reached=("reached", "sum"), seeds=("seed", "size"), median_epochs=("epochs", "median")
    )
    return summary.reset_index()


def learning_rate_sensitivity(search: pd.DataFrame) -> float:
    """Return by how much a learning rate falls short of the best one, on average.

    After Wortsman et al., Small-scale proxies for large-scale Transformer training instabilities
    (2023, arXiv:2309.14322): the expected deviation from the optimum over a range of learning
    rates. Theirs is of the loss, this one of the validation score, and over those tried: two of
    them can be compared where the searches spanned a like number of decades.

    Args:
        search: a variant's search.csv, a row per learning rate tried and seed; a trial that
            diverged has no validation score, and counts as the worst that there is.

    Returns:
        The mean of how far validation scores are from the best, at least 0, and infinite where an
        error of a trial that diverged has no bound; NaN where nothing was searched, or every trial
        diverged.
    """
    column = _score(search)
    if search[column].isna().all():
        return np.nan
    metric = METRICS[column.removeprefix(_VALIDATION)]
    worst = np.inf if metric.lower_is_better else 0.0
    means = search[column].fillna(worst).groupby(search["learning_rate"]).mean()
    gaps = means - means.min() if metric.lower_is_better else means.max() - means
    return float(gaps.mean())


def _first_epochs(history: pd.DataFrame, seeds: pd.DataFrame, target: float) -> pd.Series:
    """Return by seed, in the order of `seeds`, the first epoch at the target, or infinity."""
    column = _score(history)
    metric = METRICS[column.removeprefix(_VALIDATION)]
    is_there = history[column] <= target if metric.lower_is_better else history[column] >= target
    reached = history[is_there].groupby("seed")["epoch"].min()
    diverged = seeds.loc[seeds["diverged_epoch"].notna(), "seed"]
    kept = reached.astype(float).drop(diverged, errors="ignore")
    return kept.reindex(seeds["seed"], fill_value=np.inf)


def _steps(ratios: pd.Series, all_ratios: pd.Series) -> list[tuple[float, float]]:
    """Return the corners of the share of `ratios` up to a factor, from 1 to the largest of all."""
    end = max(filter(np.isfinite, all_ratios), default=1.0)
    factors = sorted({1.0, *filter(np.isfinite, ratios), end})
    return [(factor, float((ratios <= factor).mean())) for factor in factors]
