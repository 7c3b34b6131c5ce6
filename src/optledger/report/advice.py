"""Advice from the results: which variant to choose, how sure that is, and what to try next.

All texts are sentences. What the reader can type stands in backticks.
"""

import math
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from optledger.analysis.comparisons import against, reference
from optledger.analysis.looks import any_error
from optledger.analysis.preview import is_preview, remedy
from optledger.analysis.settling import state
from optledger.analysis.words import are, brief, interval, signed, with_noun
from optledger.core.metric import METRICS
from optledger.core.params import Comparison, Params
from optledger.datasets.kinds import kind_of
from optledger.trials.records import score_of


class Choice(NamedTuple):
    """The recommended variant and the reasons.

    Attributes:
        what: the variant and its learning rate, or that the choice is open.
        why: the reasons, in sentences.
    """

    what: str
    why: str


def choice(leaderboard: pd.DataFrame, comparisons: pd.DataFrame, comparison: Comparison) -> Choice:
    """Recommend a variant, and say how the rest of the leading group compares with it.

    Args:
        leaderboard: results/leaderboard.csv.
        comparisons: results/comparisons.csv.
        comparison: the section of params.yaml.
    """
    leading = leaderboard[leaderboard["leading"] == 1]
    champions = leaderboard.loc[leaderboard["champion"] == 1, "variant"].tolist()
    if leading.empty:
        return Choice("None yet", "Of each variant a seed diverged.")
    if len(leaderboard) == 1:
        return Choice(_with_rate(leading), "There is no other.")
    if not champions:
        return Choice(
            _with_rate(leading),
            f"It has the best {METRICS[comparison.metric].words} of those that lead on the test "
            "split. Without a validation split nothing else can choose, so that its figure "
            "flatters it.",
        )
    champion = champions[0]
    rows = against(comparisons, comparison.metric, champion)
    better = rows.index[rows["verdict"] == "better"].tolist()
    better = [name for name in leading["variant"] if name in better]
    if better:
        return Choice(
            "It is open",
            f"{champion} is best on the validation split, which is what chooses, but on the test "
            f"split {brief(better)} {are(better)} shown to be better.",
        )
    why = "Best on the validation split, so chosen without a look at the test split; "
    others = [name for name in leading["variant"] if name != champion]
    if not others:
        why += "there it leads alone."
    else:
        why += f"there it is in the leading group.{_beside(rows.loc[others], champion)}"
        why += _faster(leading, champion)
        why += _widest(leading, champion, comparison.metric)
    return Choice(_with_rate(leading[leading["variant"] == champion]), why)


def certainty(
    leaderboard: pd.DataFrame, comparisons: pd.DataFrame, comparison: Comparison
) -> list[str]:
    """Return how the other variants compare with the best leading one, a sentence per verdict.

    Args:
        leaderboard: results/leaderboard.csv.
        comparisons: results/comparisons.csv.
        comparison: the section of params.yaml.
    """
    metric = comparison.metric
    if len(leaderboard) == 1:
        return ["With one variant there is no difference to be sure of."]
    best = reference(leaderboard)
    diverged = _diverged(leaderboard)
    names = [name for name in leaderboard["variant"] if name not in (best, *diverged)]
    rows = against(comparisons, metric, best).loc[names]
    leading = set(leaderboard.loc[leaderboard["leading"] == 1, "variant"])
    # If a pair is open, but the other variant is not in the leading group, that variant is out.
    rows["verdict"] = [
        "out" if verdict in _OPEN and name not in leading else verdict
        for name, verdict in rows["verdict"].items()
    ]
    margin = METRICS[metric].amount(comparison.margin(metric))
    sentences = []
    for verdict, text in (
        ("worse", f"Shown to be worse than {best}"),
        ("equivalent", f"Shown to be within {margin} of {best}"),
        ("out", "Not among the best"),
        ("inconclusive", f"Not told apart from {best} yet"),
        ("better", f"Shown to be better than {best}"),
        ("not judged", f"Without a verdict against {best}"),
        ("not pursued", f"Left behind, without a verdict against {best}"),
    ):
        own = rows[rows["verdict"] == verdict]
        if len(own):
            inner = verdict == "equivalent"
            named = [_with_interval(str(name), row, metric, inner) for name, row in own.iterrows()]
            sentences.append(f"{text}: {brief(named, most=4)}.")
    if diverged:
        sentences.append(f"Out, as seeds diverged: {brief(diverged)}.")
    return sentences


def next_steps(
    leaderboard: pd.DataFrame, comparisons: pd.DataFrame, curves: pd.DataFrame, params: Params
) -> list[str]:
    """Return what to try next: what settles the most comes first, what might do better last.

    Args:
        leaderboard: results/leaderboard.csv.
        comparisons: results/comparisons.csv.
        curves: results/curves.csv.
        params: what params.yaml says.
    """
    return [
        *_steps_of_design(leaderboard, params.comparison),
        *_steps_of_seeds(leaderboard, comparisons, params.comparison),
        *_steps_of_search(leaderboard),
        *_steps_of_training(leaderboard, curves, params),
    ]


def _with_rate(row: pd.DataFrame) -> str:
    """Return the name and the learning rate of the variant in the first row."""
    return f"{row['variant'].iloc[0]}, at a learning rate of {row['learning_rate'].iloc[0]:g}"


def _beside(rows: pd.DataFrame, champion: str) -> str:
    """Return how the other leading variants compare with the champion; none is better."""
    texts = []
    for verdict, text in (
        ("equivalent", "shown to be as good, within the margin"),
        ("inconclusive", "not told apart from it"),
        ("worse", "shown to be worse"),
        ("not judged", "not judged against it"),
        ("not pursued", "left behind"),
    ):
        names = rows.index[rows["verdict"] == verdict].tolist()
        if names:
            texts.append(f"{brief(names, most=4)} {are(names)} {text}")
    return f" {'; '.join(texts)}."


_OPEN = ("inconclusive", "not judged", "not pursued")

# A variant is mentioned for its speed if it is at least this many times as fast.
_FASTER = 1.5


def _faster(leading: pd.DataFrame, champion: str) -> str:
    """Return a sentence on a leading variant that reaches the first target far earlier.

    The sentence is empty if no variant is `_FASTER` times as fast as the champion.
    """
    columns = leading.columns[leading.columns.str.startswith("epochs_to_")]
    if columns.empty:
        return ""
    epochs = leading.set_index("variant")[columns[0]]
    fastest = str(epochs.idxmin())
    # The first check covers targets that no variant reaches: their epochs are infinite.
    if not math.isfinite(epochs[fastest]) or _FASTER * epochs[fastest] > epochs[champion]:
        return ""
    target = columns[0].removeprefix("epochs_to_")
    own = f"in {epochs[champion]:g}" if math.isfinite(epochs[champion]) else "not in its epochs"
    return (
        f" If speed matters, {fastest} gets to a validation {_score(leading)} of {target} in "
        f"{with_noun(epochs[fastest], 'epoch')}, {champion} {own}."
    )


def _widest(leading: pd.DataFrame, champion: str, metric: str) -> str:
    """Return a sentence if the champion's seeds spread most in the leading group, else nothing."""
    spread = leading.set_index("variant")[f"{metric}_std"].dropna()
    if champion not in spread or spread[champion] <= spread.drop(champion).max():
        return ""
    told = METRICS[metric]
    own, least = (
        f"{told.signed(value).lstrip('+')}{told.of_unit}"
        for value in (spread[champion], spread.min())
    )
    return (
        f" Its seeds spread most of those that lead, with a standard deviation of {own}; "
        f"those of {spread.idxmin()} spread least, {least}."
    )


def _score(leaderboard: pd.DataFrame) -> str:
    return kind_of(leaderboard).SCORE.replace("_", " ")


def _with_interval(name: str, row: pd.Series, metric: str, inner: bool) -> str:
    if pd.isna(row["difference"]):
        return name
    told = f"{signed(row['difference'], metric)}{METRICS[metric].of_unit}"
    return f"{name} ({told}, {interval(row, metric, inner)})"


def _steps_of_design(leaderboard: pd.DataFrame, comparison: Comparison) -> Iterator[str]:
    if is_preview(leaderboard["seeds"], comparison):
        edit = remedy(leaderboard["seeds"], comparison)
        looks = "" if comparison.looks else "; `comparison.looks` as well, if more may follow"
        yield f"Train more seeds, for a verdict: {edit}{looks}. Then `dvc repro`"
    if len(leaderboard) == 1:
        yield "Add a second variant to params.yaml, to have something to compare with."


# Beyond this many times the present seeds, the answer is hardly worth the trainings.
_AFFORDABLE = 5

_PLANNED = "with a power of 80 %, if difference and spread stay as they are"


def _steps_of_seeds(
    leaderboard: pd.DataFrame, comparisons: pd.DataFrame, comparison: Comparison
) -> Iterator[str]:
    """Yield what would settle open differences between the best leading variant and its group."""
    seeds = int(leaderboard["seeds"].max())
    if len(leaderboard) == 1 or is_preview(leaderboard["seeds"], comparison):
        return
    if comparison.family != "pairs" and comparison.looks:
        found = state(leaderboard, comparisons, comparison)
        if found.open and seeds < comparison.looks[-1]:
            what = brief([each.partition(" (")[0] for each in found.open])
            yield f"Train more seeds, as this is open: {what}. `optledger settle`"
        return
    best = reference(leaderboard)
    rows = against(comparisons, comparison.metric, best)
    behind = leaderboard.loc[leaderboard["leading"] == 0, "variant"]
    rows = rows[rows["verdict"] == "inconclusive"].drop(behind, errors="ignore")
    further = rows["further_seeds"].sort_values()
    affordable = further[further <= _AFFORDABLE * seeds]
    if len(affordable):
        each = [f"{name} ({number:g} more)" for name, number in affordable.items()]
        count = seeds + int(affordable.max())
        price = "" if comparison.looks else f" {_price(seeds, count, comparison)}"
        again = "optledger settle" if comparison.looks else f"dvc exp run -S seeds.count={count}"
        yield (
            f"Train more seeds, for a verdict between {best} and {brief(each)}, {_PLANNED}.{price} "
            f"`{again}`"
        )
    dear = further[np.isfinite(further) & (further > _AFFORDABLE * seeds)]
    if len(dear):
        yield (
            f"Choose by something else: a verdict between {best} and "
            f"{brief([str(name) for name in dear.index])} would take at least {dear.min():g} more "
            f"seeds, {_PLANNED}."
        )
    endless = [str(name) for name in further.index[np.isinf(further)]]
    if endless and comparison.looks:
        yield (
            f"Choose by something else: no declared look is likely to tell {best} from "
            f"{brief(endless)}."
        )
    elif endless:
        yield (
            f"Use a larger test set, for a verdict between {best} and {brief(endless)}: "
            "with these items, no number of seeds gives one."
        )


def _price(seeds: int, count: int, comparison: Comparison) -> str:
    """Return how much confidence a second look costs that was not declared."""
    left = 1 - any_error([seeds, count], comparison.alpha)
    return (
        f"Such a second look is not declared. It leaves {100 * left:.1f} % of the "
        f"{100 * comparison.confidence:g} % confidence; `comparison.looks` in params.yaml, "
        "declared before seeds are seen, keeps it."
    )


def _steps_of_search(leaderboard: pd.DataFrame) -> Iterator[str]:
    steady = leaderboard[leaderboard["diverged_seeds"] == 0]
    edges = steady[steady["search_edge"].notna() & (steady["search_trials"] > 1)]
    if len(edges):
        each = [
            f"{row['variant']} ({row['learning_rate']:g} was the {row['search_edge']} rate tried)"
            for row in edges.to_dict("records")
        ]
        key = edges["variant"].iloc[0] if len(edges) == 1 else "NAME"
        yield f"Search further out for {brief(each)}. `variants.{key}.learning_rate`"
    most = leaderboard["search_trials"].max()
    fewer = leaderboard.loc[leaderboard["search_trials"] < most, "variant"].tolist()
    if fewer:
        yield f"Give {brief(fewer)} as many search trials as the others had, {most}."


def _steps_of_training(
    leaderboard: pd.DataFrame, curves: pd.DataFrame, params: Params
) -> Iterator[str]:
    diverged = _diverged(leaderboard)
    if diverged:
        yield f"Lower the learning rate of {brief(diverged)}, or add a schedule: seeds diverged."
    convergence = params.convergence
    if convergence.needs_validation and not params.split.validation_fraction:
        return
    each = [
        f"{row['variant']} ({_open(row)} of {with_noun(row['seeds'], 'seed')})"
        for row in leaderboard.to_dict("records")
        if row["variant"] not in diverged
        and 2 * _open(row) > row["seeds"]
        # A variant that stopped early would not use more epochs.
        and row["epochs"] == params.variants[str(row["variant"])].epochs
        and _improves(curves[curves["variant"] == row["variant"]], convergence.patience)
    ]
    if each:
        monitor = convergence.monitor.replace("_", " ")
        yield (
            f"Train {brief(each)} for more epochs, as their {monitor} still improved in the last "
            f"{convergence.patience}. `training.epochs`, or a variant's own `epochs`"
        )


def _improves(curve: pd.DataFrame, patience: int) -> bool:
    """Whether the last epoch's mean validation score beats the one `patience` epochs earlier.

    True for a curve of fewer than two epochs.
    """
    if len(curve) < 2:
        return True
    score = score_of(curve)
    first, last = curve[f"validation_{score}"].iloc[[-min(1 + patience, len(curve)), -1]]
    return METRICS[score].worse(last) < METRICS[score].worse(first)


def _open(row: Mapping[Hashable, Any]) -> int:
    """Return how many seeds had not converged at the end."""
    return int(row["seeds"] - row["converged_seeds"])


def _diverged(leaderboard: pd.DataFrame) -> list[str]:
    return leaderboard.loc[leaderboard["diverged_seeds"] > 0, "variant"].astype(str).tolist()
