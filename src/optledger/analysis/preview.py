"""Previews: results of too few seeds for a verdict are described, but lead to no conclusion."""

from collections.abc import Collection

import pandas as pd

from optledger.analysis.words import brief, plus_minus, signed, with_noun
from optledger.core.metric import METRICS
from optledger.core.params import Comparison

FEWEST_SEEDS = 5
"""The fewest seeds of each variant that allow a verdict; docs/statistics.md says why."""

NOTE = (
    "This is a preview: nobody leads, no pair has a verdict, and there is no champion. Below "
    f"{FEWEST_SEEDS} seeds of each variant, or before the first look that is declared, too little "
    "is known of how far seeds spread."
)
"""What a preview leaves out, and why."""


def needed(comparison: Comparison) -> int:
    """Return the number of seeds that each variant needs for a verdict.

    Where looks are declared, it is the first look of at least `FEWEST_SEEDS` seeds, if any.
    """
    return next((look for look in comparison.looks if look >= FEWEST_SEEDS), FEWEST_SEEDS)


def is_preview(seeds: Collection[int], comparison: Comparison) -> bool:
    """Whether any variant has too few seeds for a verdict.

    Args:
        seeds: the number of seeds of each variant.
        comparison: the section of params.yaml.
    """
    return min(seeds) < needed(comparison)


def title(seeds: Collection[int]) -> str:
    """Return the title of a preview, with its number of seeds."""
    fewest, most = min(seeds), max(seeds)
    count = with_noun(most, "seed") if fewest == most else f"{fewest} to {most} seeds"
    return f"Preview of {count} a variant"


def remedy(seeds: Collection[int], comparison: Comparison) -> str:
    """Return what to change in params.yaml to get enough seeds for a verdict."""
    count = needed(comparison)
    if max(seeds) >= count:
        return "no `seeds.left_behind` below that in params.yaml"
    return f"`seeds.count: {count}` in params.yaml"


def missing(seeds: Collection[int], comparison: Comparison) -> str:
    """Return how many seeds a verdict needs and how to get them, as a part of a sentence."""
    return f"{needed(comparison)} are needed for a verdict: {remedy(seeds, comparison)}"


def answer(leaderboard: pd.DataFrame, comparison: Comparison) -> str:
    """Return a preview in one sentence: the means, the best first, and what a verdict needs.

    Args:
        leaderboard: as returned by `leaderboard`.
        comparison: the section of params.yaml.
    """
    seeds, metric = leaderboard["seeds"], comparison.metric
    gaps = behind(leaderboard, metric)
    lost = [name for name in leaderboard["variant"] if name not in gaps]
    parts = []
    for name in [*gaps][:1]:
        best = leaderboard[leaderboard["variant"] == name]
        mean = plus_minus(metric, best[metric].item(), best[f"{metric}_std"].item())
        parts.append(f"{name} has a mean {METRICS[metric].words} of {mean}")
    if others := [f"{name} ({gap})" for name, gap in gaps.items()][1:]:
        means = "mean is" if len(others) == 1 else "means are"
        parts.append(f"the other {means} behind it: {brief(others)}")
    if lost:
        parts.append(f"seeds of {brief(lost)} diverged")
    return f"{title(seeds)}: {'; '.join([*parts, missing(seeds, comparison)])}."


def behind(leaderboard: pd.DataFrame, metric: str) -> dict[str, str]:
    """Return how far each variant's mean is behind the best, without variants that diverged."""
    means = leaderboard[leaderboard["diverged_seeds"] == 0].set_index("variant")[metric]
    # Rounded below like the differences of `comparisons`, which are shown beside them.
    gaps = means - means.min() if METRICS[metric].lower_is_better else means.max() - means
    unit = METRICS[metric].of_unit
    return {
        str(name): f"{signed(gap, metric).lstrip('+')}{unit}"
        for name, gap in (gaps.round(_DECIMALS) if unit else gaps).items()
    }


_DECIMALS = 12
