"""How many seeds to train to show a difference, given the noise that was measured."""

import math
from collections.abc import Collection, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from optledger.analysis import preview
from optledger.analysis.comparisons import Pair, Samples, family_alpha, judged_pairs
from optledger.analysis.looks import any_error
from optledger.analysis.results import read_samples, samples_of_seeds
from optledger.analysis.schemas import read_results
from optledger.analysis.words import looks
from optledger.core.documents import shown
from optledger.core.errors import UserError
from optledger.core.formats import markdown
from optledger.core.metric import METRICS, Metric
from optledger.core.params import Comparison, Params
from optledger.core.paths import PREDICTIONS, RESULTS

MOST_TRAINED = 10_000
"""The largest number of seeds that params.yaml accepts."""


def plan(settings: Params, names: Sequence[str], size: float | None, power: float) -> str:
    """Read the results; return the seeds that each pair needs, and the command that trains them.

    Args:
        settings: the parameters, with the deciding metric and the confidence.
        names: the variants to compare. If none, those that lead; if fewer than two lead, all
            without a diverged seed.
        size: the difference to show, as a value of the metric; None for the margin.
        power: the probability of showing it.

    Raises:
        UserError: an argument is out of range or not a variant, or the results do not allow a plan.
    """
    comparison = settings.comparison
    metric, margin = comparison.metric, comparison.margin(comparison.metric)
    size = margin if size is None else size
    reach = METRICS[metric].reach
    if not 0 < size <= reach:
        most = "" if math.isinf(reach) else f", up to {reach:g}"
        raise UserError(f"optledger power: --difference: found {size:g}; allowed: above 0{most}")
    if not 0 < power < 1:
        raise UserError(f"optledger power: --power: found {power:g}; allowed: between 0 and 1")
    leaderboard, seeds = read_results("leaderboard", "seeds").values()
    chosen = _chosen(names, leaderboard)
    missing = None
    samples = of_table = samples_of_seeds(chosen, seeds, comparison.looks, settings.seeds.block)
    try:
        samples = read_samples(chosen, comparison.looks, settings.seeds.block)
        _check_that_they_belong_together(samples, of_table, metric)
    except FileNotFoundError as error:
        missing = error.filename
    family = len(leaderboard)
    table = _table(samples, comparison, size, family_alpha(family, comparison), power)
    if table["seeds"].isna().any():
        raise UserError(
            f"{RESULTS / 'seeds.csv'}: found one seed of a variant; allowed: two or more, as one "
            "does not tell how far seeds spread: dvc exp run -S seeds.count=2"
        )
    pairs = judged_pairs(family, comparison)
    together = f" for all {pairs} pairs together" if pairs > 1 else ""
    if comparison.looks:
        together += f", at one of the looks that are declared ({looks(comparison)} seeds)"
    units = "searches" if settings.seeds.per_search else "seeds"
    lines = [
        f"Seeds for each variant to show a difference of {METRICS[metric].amount(size)} in "
        f"{metric} with a power of {100 * power:g} %, at {100 * comparison.confidence:g} % "
        f"confidence{together}:",
        markdown(_written(table, METRICS[metric], units)),
    ]
    if missing:
        lines.append(f"Of this test set only, as {missing} is not here; dvc pull may bring it.")
    if size < margin:
        lines.append(
            f"It is below the margin of {METRICS[metric].amount(margin)}: a difference that is "
            "shown not to be 0 may be called equivalent all the same."
        )
    present = int(leaderboard["seeds"].min())
    return "\n\n".join([*lines, *_advice(settings, table["seeds"], present)])


def _check_that_they_belong_together(read: Samples, table: Samples, metric: str) -> None:
    """Check that predictions give the figures of seeds.csv, which Git may have switched alone."""
    for name, found in read.items():
        own, expected = found.get(metric), table[name][metric]
        if (
            own is None
            or own.seeds.shape != expected.seeds.shape
            or not np.allclose(own.seeds, expected.seeds, rtol=1e-5, atol=1e-6, equal_nan=True)
        ):
            raise UserError(
                f"{PREDICTIONS}: {name} has other predictions than those of {RESULTS}/seeds.csv, "
                "as after git switch; run dvc checkout"
            )


POWER = 0.8
"""The power that results/power.csv plans with."""


MOST_PLANNED = 10
"""How many of the best variants are in results/power.csv, beside the baseline. A pair takes a
moment."""


def needed_seeds(
    samples: Samples, comparison: Comparison, table: pd.DataFrame, lost: Collection[str]
) -> pd.DataFrame:
    """Return how many seeds each pair of variants needs to show differences of several sizes.

    Args:
        samples: by variant, the best first.
        comparison: the section of params.yaml, with the deciding metric.
        table: as returned by `comparisons`.
        lost: variants with a diverged seed, which are left out: their spread is no basis for a
            plan.

    Returns:
        A row per pair and size, for results/power.csv. `seeds` is infinite where no number of seeds
        shows the difference. `widened` is the factor by which looks widen the interval, from
        `Pair.widened`. Variants with one seed have no rows.
    """
    alpha = family_alpha(len(samples), comparison)
    sizes = _sizes(comparison, table)
    sound = [name for name in samples if name not in lost]
    planned = [
        name
        for place, name in enumerate(sound)
        if place < MOST_PLANNED or name == comparison.baseline
    ]
    rows = []
    for pair in combinations(planned, 2):
        first, second = (samples[name][comparison.metric] for name in pair)
        if not math.isfinite(first.variance + second.variance):
            continue
        found = Pair(first, second, comparison)
        widened = found.widened(alpha)
        rows += [
            {
                "variant": pair[0],
                "against": pair[1],
                "difference": size,
                "seeds": found.seeds_to_show(size, alpha, POWER),
                "widened": widened,
            }
            for size in sizes
        ]
    return pd.DataFrame(rows, columns=["variant", "against", "difference", "seeds", "widened"])


def _sizes(comparison: Comparison, table: pd.DataFrame) -> list[float]:
    """Return the margin, and the differences of 1, 2 or 5 times a power of ten around it."""
    metric = comparison.metric
    margin = comparison.margin(metric)
    widths = table.loc[table["metric"] == metric, "half_width"].replace(math.inf, math.nan)
    # Without a margin, take sizes around the differences that can barely be seen.
    middle = margin or float(widths.median())
    if not middle > 0:
        return []
    power = math.floor(math.log10(middle))
    steps = [float(f"{step}e{power + more}") for more in (-1, 0, 1) for step in (1, 2, 5)]
    near = {step for step in steps if middle / 4 <= step <= middle * 4}
    return sorted(near | ({margin} if margin else set()))


def _chosen(names: Sequence[str], leaderboard: pd.DataFrame) -> list[str]:
    """Return the variants to compare, the best first.

    They are the named ones. Without names, they are those that lead, or if fewer than two lead, all
    without a diverged seed. A variant with a diverged seed cannot be named: its spread is no basis
    for a plan.
    """
    every = leaderboard["variant"].tolist()
    if unknown := [name for name in names if name not in every]:
        allowed = f"variants of {RESULTS / 'leaderboard.csv'}: {', '.join(every)}"
        raise UserError(f"optledger power: found {shown(unknown[0])}; allowed: {allowed}")
    diverged = leaderboard.set_index("variant")["diverged_seeds"]
    if out := [name for name in names if diverged[name]]:
        found = f"{shown(out[0])}, of which {diverged[out[0]]} seeds diverged"
        raise UserError(f"optledger power: found {found}; allowed: variants of which none did")
    leading = leaderboard.loc[leaderboard["leading"] == 1, "variant"].tolist()
    sound = leaderboard.loc[leaderboard["diverged_seeds"] == 0, "variant"].tolist()
    wanted = names or (leading if len(leading) > 1 else sound)
    if len(set(wanted)) < 2:
        found = f"{shown(wanted[0])} alone" if wanted else "no variant without a diverged seed"
        allowed = f"two or more variants, of {', '.join(every)}"
        raise UserError(f"optledger power: found {found}; allowed: {allowed}")
    return [name for name in every if name in wanted]


def _table(
    samples: Samples, comparison: Comparison, size: float, alpha: float, power: float
) -> pd.DataFrame:
    """Return a row per pair: the root mean square of its two spreads, and the seeds it needs."""
    rows = []
    for pair in combinations(samples, 2):
        first, second = (samples[name][comparison.metric] for name in pair)
        rows.append(
            {
                "variant": pair[0],
                "against": pair[1],
                "spread": math.sqrt((first.variance + second.variance) / 2),
                "seeds": Pair(first, second, comparison).seeds_to_show(size, alpha, power),
            }
        )
    return pd.DataFrame(rows)


def _written(table: pd.DataFrame, metric: Metric, units: str) -> pd.DataFrame:
    finite = np.isfinite(table["seeds"])
    return pd.DataFrame(
        {
            "variant": table["variant"],
            "against": table["against"],
            f"spread over {units}{metric.unit and f', in {metric.unit}'}": [
                metric.signed(value).lstrip("+") for value in table["spread"]
            ],
            "seeds": table["seeds"].map("{:.0f}".format).where(finite, "no number"),
        }
    )


def _advice(settings: Params, needed: pd.Series, present: int) -> list[str]:
    lines = []
    finite = needed[np.isfinite(needed)]
    if len(finite) < len(needed) and settings.comparison.looks:
        lines.append("No look that is declared shows it with this power where no number is said.")
    elif len(finite) < len(needed):
        lines.append(
            "No number of seeds shows it where that is said, as the test items are too few: a "
            "larger test set would, or a larger difference."
        )
    most = max(int(finite.max()), preview.needed(settings.comparison)) if len(finite) else 0
    if present < most <= MOST_TRAINED:
        count = f"{most * len(settings.variants)} trainings and the searches"
        if not (settings.comparison.looks or preview.is_preview([present], settings.comparison)):
            left = 1 - any_error([present, most], settings.comparison.alpha)
            lines.append(
                f"That is another look, after the one at {present} seeds. Nobody has declared it, "
                f"so that {100 * left:.1f} % are left of the "
                f"{100 * settings.comparison.confidence:g} % confidence. Looks that are declared "
                "before seeds are seen (`comparison.looks` in params.yaml) keep it."
            )
        lines.append(f"To train that many, {count}: {_command(settings, most)}")
    elif most > MOST_TRAINED:
        lines.append(f"{most} are more than the {MOST_TRAINED} that params.yaml can ask for.")
    elif most:
        rest = " for the rest" if lines else ""
        lines.append(f"The {present} seeds that there are suffice{rest}.")
    return lines


def _command(settings: Params, count: int) -> str:
    command = f"dvc exp run -S seeds.count={count}"
    seeds = settings.seeds.model_copy(update={"count": count})
    if {*settings.model_copy(update={"seeds": seeds}).search_seeds} & {*seeds.values}:
        # The search must not use a seed of the final trials.
        command += f" -S search.seed={seeds.values[-1] + 1}"
    return command
