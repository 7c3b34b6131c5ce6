"""What the results come to for whoever decides: which variant, how sure, and what to try next.

Sentences, with what one types in backticks.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from optledger.analysis.comparisons import against
from optledger.analysis.words import are, interval, points_or_nats, signed, some
from optledger.params import Comparison, Params, Plateau


class Choice(NamedTuple):
    """Which variant to take.

    Attributes:
        what: the variant and its learning rate, or that it is open.
        why: sentences.
    """

    what: str
    why: str


def choice(leaderboard: pd.DataFrame, comparisons: pd.DataFrame, comparison: Comparison) -> Choice:
    """Return which variant to take, and how the others that lead stand to it.

    Args:
        leaderboard: results/leaderboard.csv.
        comparisons: results/comparisons.csv.
        comparison: the section of params.yaml.
    """
    metric = comparison.metric
    leading = leaderboard[leaderboard["leading"] == 1]
    champions = leaderboard.loc[leaderboard["champion"] == 1, "variant"].tolist()
    if leading.empty:
        return Choice("None yet", "Of each variant a seed diverged.")
    if len(leaderboard) == 1:
        return Choice(_with_rate(leading), "There is no other.")
    if not champions:
        return Choice(
            _with_rate(leading),
            f"It is first in {metric} on the test split. Without a validation split nothing else "
            "can choose, so that the figure of what is chosen flatters it.",
        )
    champion = champions[0]
    others = [name for name in leading["variant"] if name != champion]
    if champion not in set(leading["variant"]):
        return Choice(
            "It is open",
            f"{champion} did best on the validation split, which is what chooses, but it is shown "
            f"to be worse than {others[0]} on the test split.",
        )
    why = "Best on the validation split, so chosen without a look at the test split; "
    if not others:
        why += "there it leads alone."
    else:
        rows = against(comparisons, metric, champion).loc[others]
        why += f"there it is in the leading group.{_beside(rows, champion)}"
        why += _faster(leading, champion)
    return Choice(_with_rate(leading[leading["variant"] == champion]), why)


def _beside(rows: pd.DataFrame, champion: str) -> str:
    """Return how the others that lead stand to the champion."""
    texts = []
    for verdict, text in (
        ("equivalent", "shown to be as good, within the margin"),
        ("better", "shown to be better"),
        ("worse", "shown to be worse"),
        ("inconclusive", "not told apart from it"),
    ):
        names = rows.index[rows["verdict"] == verdict].tolist()
        if names:
            texts.append(f"{some(names, most=4)} {are(names)} {text}")
    return f" {'; '.join(texts)}."


def certainty(
    leaderboard: pd.DataFrame, comparisons: pd.DataFrame, comparison: Comparison
) -> list[str]:
    """Return how the first variant stands to the others, a sentence for each verdict.

    Args:
        leaderboard: results/leaderboard.csv.
        comparisons: results/comparisons.csv.
        comparison: the section of params.yaml.
    """
    metric = comparison.metric
    first, *others = leaderboard["variant"].tolist()
    if not others:
        return ["With one variant there is no difference to be sure of."]
    rows = against(comparisons, metric, first).loc[others]
    margin = points_or_nats(getattr(comparison.margins, metric), metric)
    diverged = _diverged(leaderboard)
    rows = rows.drop(diverged, errors="ignore")
    sentences = []
    for verdict, text in (
        ("worse", f"Shown to be worse than {first}"),
        ("equivalent", f"Shown to be within {margin} of {first}"),
        ("inconclusive", f"Not told apart from {first} yet"),
        ("better", f"Shown to be better than {first}"),
    ):
        own = rows[rows["verdict"] == verdict]
        if len(own):
            inner = verdict == "equivalent"
            named = [_with_interval(str(name), row, metric, inner) for name, row in own.iterrows()]
            sentences.append(f"{text}: {some(named, most=4)}.")
    if diverged:
        sentences.append(f"Out, as seeds diverged: {some(diverged)}.")
    return sentences


def next_steps(leaderboard: pd.DataFrame, comparisons: pd.DataFrame, params: Params) -> list[str]:
    """Return what would tell more, or might do better, what settles the most first.

    Args:
        leaderboard: results/leaderboard.csv.
        comparisons: results/comparisons.csv.
        params: what params.yaml says.
    """
    return [
        *_steps_of_design(leaderboard),
        *_steps_of_seeds(leaderboard, comparisons, params.comparison.metric),
        *_steps_of_search(leaderboard),
        *_steps_of_training(leaderboard, params.convergence),
    ]


def _with_rate(row: pd.DataFrame) -> str:
    """Return a variant, the first of `row`, and its learning rate."""
    return f"{row['variant'].iloc[0]}, at a learning rate of {row['learning_rate'].iloc[0]:g}"


def _with_interval(name: str, row: pd.Series, metric: str, inner: bool) -> str:
    if pd.isna(row["difference"]):
        return name
    return f"{name} ({signed(row['difference'], metric)} points, {interval(row, metric, inner)})"


# Times as fast, for it to be worth a word.
_FASTER = 1.5


def _faster(leading: pd.DataFrame, champion: str) -> str:
    """Return which variant that leads gets to the first target before the champion, if one does."""
    columns = leading.columns[leading.columns.str.startswith("epochs_to_")]
    if columns.empty:
        return ""
    epochs = leading.set_index("variant")[columns[0]]
    fastest = str(epochs.idxmin())
    if _FASTER * epochs[fastest] > epochs[champion]:
        return ""
    target = columns[0].removeprefix("epochs_to_")
    own = f"in {epochs[champion]:g}" if math.isfinite(epochs[champion]) else "not in its epochs"
    return (
        f" If speed matters, {fastest} gets to a validation accuracy of {target} in "
        f"{epochs[fastest]:g} epochs, {champion} {own}."
    )


def _steps_of_design(leaderboard: pd.DataFrame) -> Iterator[str]:
    if leaderboard["seeds"].max() == 1:
        yield (
            "More seeds: one tells nothing of how far others spread. `dvc exp run -S seeds.count=5`"
        )
    if len(leaderboard) == 1:
        yield "A second variant in params.yaml, to have something to compare with."


def _steps_of_seeds(
    leaderboard: pd.DataFrame, comparisons: pd.DataFrame, metric: str
) -> Iterator[str]:
    """Yield what would settle the first variant's open differences."""
    if len(leaderboard) == 1 or leaderboard["seeds"].max() == 1:
        return
    first = str(leaderboard["variant"].iloc[0])
    rows = against(comparisons, metric, first)
    rows = rows[rows["verdict"] == "inconclusive"]
    rows = rows.drop(_diverged(leaderboard), errors="ignore")
    seeds = int(leaderboard["seeds"].max())
    further = rows["further_seeds"].sort_values()
    affordable = further[further <= _AFFORDABLE * seeds]
    if len(affordable):
        each = [f"{name} {number:g}" for name, number in affordable.items()]
        yield (
            f"More seeds, to settle what is open against {first}: {some(each)} more. "
            f"`dvc exp run -S seeds.count={seeds + int(affordable.max())}`"
        )
    endless = [str(name) for name in further.index[np.isinf(further)]]
    dear = further[np.isfinite(further) & (further > _AFFORDABLE * seeds)]
    if len(dear):
        yield (
            f"Something else to choose by, between {first} and "
            f"{some([str(name) for name in dear.index])}: telling them apart would take "
            f"{dear.min():g} seeds more at least."
        )
    if endless:
        yield (
            f"A larger test set, to tell {first} from {some(endless)}: "
            "with these images, no number of seeds would."
        )


# Times the seeds there are: more is dearer than what it would tell is likely to be worth.
_AFFORDABLE = 5


def _steps_of_search(leaderboard: pd.DataFrame) -> Iterator[str]:
    edges = leaderboard[leaderboard["search_edge"].notna()]
    if len(edges):
        each = [
            f"{row['variant']} ({row['learning_rate']:g} was the {row['search_edge']} tried)"
            for row in edges.to_dict("records")
        ]
        key = edges["variant"].iloc[0] if len(edges) == 1 else "NAME"
        yield f"Learning rates further out for {some(each)}. `variants.{key}.learning_rate`"
    most = leaderboard["search_trials"].max()
    fewer = leaderboard.loc[leaderboard["search_trials"] < most, "variant"].tolist()
    if fewer:
        yield f"As many search trials for {some(fewer)} as the others had, {most}."


def _steps_of_training(leaderboard: pd.DataFrame, convergence: Plateau) -> Iterator[str]:
    diverged = _diverged(leaderboard)
    if diverged:
        yield f"A lower learning rate, or a schedule, for {some(diverged)}: seeds diverged."
    steady = leaderboard[~leaderboard["variant"].isin(diverged)]
    open_ended = steady[2 * steady["converged_seeds"] < steady["seeds"]]
    if len(open_ended):
        each = [
            f"{row['variant']} ({row['seeds'] - row['converged_seeds']} of {row['seeds']} seeds)"
            for row in open_ended.to_dict("records")
        ]
        monitor = convergence.monitor.replace("_", " ")
        yield (
            f"More epochs for {some(each)}, as their {monitor} had still improved in the last "
            f"{convergence.patience}. `training.epochs`, or a variant's own `epochs`"
        )


def _diverged(leaderboard: pd.DataFrame) -> Sequence[str]:
    names: list[str] = leaderboard.loc[leaderboard["diverged_seeds"] > 0, "variant"].tolist()
    return names
