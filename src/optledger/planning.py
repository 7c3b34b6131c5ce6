"""How many seeds to train: what a difference takes to be seen, at the noise that was measured."""

import math
from collections.abc import Sequence
from itertools import combinations

import pandas as pd

from optledger.analysis.comparisons import Samples, family_alpha
from optledger.analysis.statistics import MOST_SEEDS, Sample, seeds_needed
from optledger.analysis.summary import METRICS
from optledger.documents import shown
from optledger.errors import UserError
from optledger.formats import read_csv
from optledger.params import Params
from optledger.paths import RESULTS
from optledger.stages.compare import read_samples


def plan(settings: Params, names: Sequence[str], size: float | None, power: float) -> str:
    """Return the number of seeds for each pair, and the command that trains with the most of them.

    Args:
        settings: the parameters, whose deciding metric and confidence it is about.
        names: the variants to tell apart; if none, those that lead.
        size: of the difference, in the metric's unit; None for the margin.
        power: the probability to see it.

    Raises:
        UserError: an argument is out of range or no variant, or there are no results to plan with.
    """
    comparison = settings.comparison
    size = getattr(comparison.margins, comparison.metric) if size is None else size
    if not 0 < size <= 1:
        raise UserError(f"optledger power: --difference: found {size:g}; allowed: above 0, up to 1")
    if not 0 < power < 1:
        raise UserError(f"optledger power: --power: found {power:g}; allowed: between 0 and 1")
    leaderboard = _read_leaderboard()
    every = leaderboard["variant"].tolist()
    samples, missing = _read_samples(_chosen(names, leaderboard))
    alpha = family_alpha(len(every), comparison)
    table = _table(samples, comparison.metric, size, alpha, power)
    if table["seeds"].isna().any():
        raise UserError(
            f"{RESULTS / 'seeds.csv'}: found one seed of a variant; allowed: two or more, as one "
            "does not tell how far seeds spread: dvc exp run -S seeds.count=2"
        )
    pairs = math.comb(len(every), 2)
    together = f" for all {pairs} pairs together" if pairs > 1 else ""
    lines = [
        f"Seeds for each variant to see a difference of {size:g} in {comparison.metric} with a "
        f"power of {100 * power:g} %, at {100 * comparison.confidence:g} % confidence{together}:",
        table.to_markdown(index=False, floatfmt="g"),
    ]
    if missing:
        lines.append(f"Of this test set only, as {missing} is not here; dvc pull may bring it.")
    present = int(leaderboard["seeds"].min())
    return "\n\n".join([*lines, _advice(settings, table["seeds"].max(), present)])


def _read_leaderboard() -> pd.DataFrame:
    path = RESULTS / "leaderboard.csv"
    try:
        return read_csv(path)
    except FileNotFoundError:
        raise UserError(f"{path}: found nothing; allowed: the results of dvc repro") from None


def _chosen(names: Sequence[str], leaderboard: pd.DataFrame) -> list[str]:
    """Return the variants to tell apart, the best first: those named, or that lead, or all."""
    every = leaderboard["variant"].tolist()
    if unknown := [name for name in names if name not in every]:
        allowed = f"variants of {RESULTS / 'leaderboard.csv'}: {', '.join(every)}"
        raise UserError(f"optledger power: found {shown(unknown[0])}; allowed: {allowed}")
    leading = leaderboard.loc[leaderboard["leading"] == 1, "variant"].tolist()
    wanted = names or (leading if len(leading) > 1 else every)
    if len(set(wanted)) < 2:
        allowed = f"two or more variants, of {', '.join(every)}"
        raise UserError(f"optledger power: found {shown(wanted[0])} alone; allowed: {allowed}")
    return [name for name in every if name in wanted]


def _read_samples(names: list[str]) -> tuple[Samples, str | None]:
    """Read the predictions or, where they are not at hand, the seeds' metrics.

    Returns:
        The samples, and the file that was missing if they are of the seeds alone.
    """
    try:
        return read_samples(names), None
    except FileNotFoundError as error:
        missing = str(error.filename)
    seeds = read_csv(RESULTS / "seeds.csv")
    rows = {name: seeds[seeds["variant"] == name] for name in names}
    samples = {
        name: {metric: Sample(own[metric].to_numpy(float)) for metric in METRICS}
        for name, own in rows.items()
    }
    return samples, missing


def _table(samples: Samples, metric: str, size: float, alpha: float, power: float) -> pd.DataFrame:
    """Return a row per pair: its root mean square spread over seeds, and the seeds it takes."""
    rows = []
    for pair in combinations(samples, 2):
        first, second = (samples[name][metric] for name in pair)
        rows.append(
            {
                "variant": pair[0],
                "against": pair[1],
                "spread over seeds": round(math.sqrt((first.variance + second.variance) / 2), 5),
                "seeds": seeds_needed(first, second, size, alpha, power),
            }
        )
    return pd.DataFrame(rows)


def _advice(settings: Params, most: float, present: int) -> str:
    if math.isinf(most):
        return (
            f"inf: no number of seeds up to {MOST_SEEDS} shows it. Where the test images are too "
            "few, only more of them would."
        )
    if most <= present:
        return f"The {present} seeds that there are suffice."
    command = f"dvc exp run -S seeds.count={most:g}"
    seeds = settings.seeds.model_copy(update={"count": int(most)}).values
    if settings.search.seed in seeds:
        # The search must not use a seed of the final trials.
        command += f" -S search.seed={seeds[-1] + 1}"
    return f"To train that many: {command}"
