"""Speed of learning: epochs to a validation score, and how much the learning rate matters.

An epoch is one pass over the examples that a variant trains on, however many steps or seconds that
takes. With a full batch it is one step. Each variant has as many epochs as params.yaml gives it.
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
    """Return the first epoch after which each seed's validation score meets a target.

    A seed that misses the target within its epochs has infinity. So has a seed that diverged, even
    after meeting the target, because it leaves no model.

    Args:
        histories: by variant, its history.csv; a seed that diverged may have no rows.
        seeds: results/seeds.csv, a row per variant and seed.
        targets: validation scores.

    Returns:
        A row per variant, target and seed, in the orders given, with the column `epochs`. Without a
        validation split there are no rows.
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

    The method is that of Dolan and Moré, Benchmarking optimization software with performance
    profiles, Mathematical Programming 91 (2002). For each target a problem is a seed, which gives
    every variant the same start. The factor is a variant's epochs divided by the fewest that any
    variant needs with that seed. A seed with which no variant meets the target still counts as one
    of the seeds. To compare two variants that are not the fastest, make a profile of these two
    alone. (Gould and Scott, A note on performance profiles for benchmarking software, ACM
    Transactions on Mathematical Software 43, 2016.)

    Args:
        table: as returned by `epochs_to_targets`.

    Returns:
        The corners of a step function for each target and variant, ordered by target, by the
        variants as they are given, and by factor. The share `fraction` of the seeds is within
        `factor` of the fastest, up to the factor of the next row. The first factor is 1. The last
        one is the largest that occurs for the target, so that all steps of a target end together.
    """
    fewest = table.groupby(["target", "seed"])["epochs"].transform("min")
    # Infinity over infinity is NaN; such a seed is not within any factor.
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
        table: as returned by `epochs_to_targets`.

    Returns:
        A row per variant and target, in the table's order. `reached` counts those of the `seeds`
        that reach the target. `median_epochs` is over all seeds: it is infinite unless more than
        half of them do.
    """
    rows = table.assign(reached=np.isfinite(table["epochs"]))
    summary = rows.groupby(["variant", "target"], sort=False).agg(
        reached=("reached", "sum"), seeds=("seed", "size"), median_epochs=("epochs", "median")
    )
    return summary.reset_index()


def learning_rate_sensitivity(search: pd.DataFrame) -> float:
    """Return how far the learning rates tried fall short of the best one, on average.

    This follows Wortsman et al., Small-scale proxies for large-scale Transformer training
    instabilities (2023, arXiv:2309.14322): the expected deviation from the optimum over a range of
    learning rates. Theirs is of the loss. This one is of the validation score, over the rates
    tried. Compare two variants only if their searches spanned about as many decades.

    Args:
        search: a variant's search.csv, a row per learning rate tried and seed. A trial that
            diverged has no validation score, and counts as the worst possible one.

    Returns:
        The mean distance of the rates' validation scores from the best of them, at least 0.
        Infinite if a trial diverged and the score is an error without a bound. NaN if nothing was
        searched, or if every trial diverged.
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
    """Return the corners of the share of `ratios` within a factor, from 1 to the last of all."""
    end = max(filter(np.isfinite, all_ratios), default=1.0)
    factors = sorted({1.0, *filter(np.isfinite, ratios), end})
    return [(factor, float((ratios <= factor).mean())) for factor in factors]
