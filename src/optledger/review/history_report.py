"""A history as a table for a terminal, as a JSON document for programs, and as a figure."""

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from optledger.analysis.words import brief, listed, mean_interval
from optledger.core.errors import UserError, printable
from optledger.core.formats import markdown, rounded
from optledger.core.metric import METRICS
from optledger.core.paths import PARAMS
from optledger.figures import history as figure
from optledger.review.history import TABLE, Changes, History, Score, Snapshot
from optledger.review.parameters import value_words

# How many characters of a commit's SHA-1 are shown, as by Git.
_SHORT = 7

# Remarks on a commit are indented to the table's column of dates.
_INDENT = " " * 10

# The most parameters that are listed for one commit.
_MOST = 8


def terminal(history: History, asked: Sequence[str], columns: int) -> str:
    """Return a history as a table for a terminal, the newest commit first.

    Below the figures of a commit stand its subject, the leading group, and what it changed.

    Args:
        history: as returned by `read`.
        asked: names of variants; if there are none, the champion of the newest results.
        columns: the width of the terminal.

    Raises:
        UserError: no commit has a variant of such a name.
    """
    shown = history.last_names(asked or _foremost(history))
    steps = list(zip(history.snapshots, history.names(), history.changes(), strict=True))
    rows = [_row(each, [names.get(name) for name in shown]) for each, names, _ in steps]
    lines, *figures = _table(pd.DataFrame(rows))
    for own, (each, _, changes) in zip(figures, steps, strict=True):
        lines += own
        for told in _told(history, each, changes):
            lines += _wrapped(told, columns, _INDENT)
    for note in _notes(history, asked, shown):
        lines += ["", *_wrapped(note, columns)]
    return "\n".join(lines)


def _foremost(history: History) -> list[str]:
    """Return the champion of the newest results, or their best variant if there is no champion."""
    present = history.present
    return (present.champions or present.variants)[:1] if present else []


def _row(snapshot: Snapshot, variants: Sequence[str | None]) -> dict[str, str]:
    """Return the cells of a commit's row, with a line for each variant under its name then."""
    there = [] if snapshot.problem else [name for name in variants if name is not None]
    scores = [snapshot.score(name, snapshot.metric) for name in there]
    return {
        "commit": snapshot.commit[:_SHORT],
        "date": snapshot.date[:10],
        "dataset": printable(snapshot.dataset or ""),
        "variant": "\n".join(there),
        "metric": snapshot.metric if there else "",
        "mean": "\n".join(
            METRICS[snapshot.metric].formatted(each.value) if each else "none" for each in scores
        ),
        "interval": "\n".join(
            _interval(snapshot.metric, each) if each else "none" for each in scores
        ),
    }


def _interval(metric: str, score: Score) -> str:
    return mean_interval(metric, score.low, score.high, score.diverged_seeds)


def _table(rows: pd.DataFrame) -> list[list[str]]:
    """Return the lines of the table's head, then those of each row."""
    heights = rows.map(lambda cell: 1 + cell.count("\n")).max(axis=1)
    metrics = set(rows["metric"]) - {""}
    if len(metrics) == 1:
        rows = rows.drop(columns="metric").rename(columns={"mean": metrics.pop()})
    if rows["dataset"].nunique() == 1:
        rows = rows.drop(columns="dataset")
    head, rule, *rest = markdown(rows, "simple").split("\n")
    blocks = (
        rest[end - height : end] for end, height in zip(heights.cumsum(), heights, strict=True)
    )
    return [[head, rule], *blocks]


def _wrapped(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _told(history: History, snapshot: Snapshot, changes: Changes | None) -> Iterator[str]:
    """Yield the remarks on a commit, one paragraph each; some are empty."""
    yield snapshot.subject
    yield snapshot.problem
    leading, champions = snapshot.leading, snapshot.champions
    if leading is not None and champions is not None:
        yield f"leading: {brief(leading or _NOBODY)}; champion: {brief(champions or _NOBODY)}"
    if changes is not None:
        yield f"changed: {_changed(changes)}"
    elif snapshot is not history.snapshots[-1]:
        yield "changed: not known, as there are parameters that cannot be read"
    elif history.is_shallow and not snapshot.has_parent:
        yield "changed: not known, as this clone is cut here"
    else:
        yield "the first results"


_NOBODY = ("nobody",)


def _changed(changes: Changes) -> str:
    parts = [f"{name} was {old}" for name, old in changes.renamed.items()]
    parts += [
        f"{printable(each.key)}: {value_words(each.before)} → {value_words(each.after)}"
        for each in changes.parameters[:_MOST]
    ]
    if len(changes.parameters) > _MOST:
        parts.append(f"{len(changes.parameters) - _MOST} more parameters")
    parts += changes.inputs
    return "; ".join(parts) or "neither parameters nor code"


def _notes(history: History, asked: Sequence[str], shown: Sequence[str]) -> Iterator[str]:
    """Yield the notes on the whole table."""
    present = history.present
    if (
        present
        and not asked
        and (others := [name for name in present.variants if name not in shown])
    ):
        what = "the champion" if present.champions else "the best one"
        yield (
            f"{listed(shown)} is {what} of the newest results. By their names: {', '.join(others)}."
        )
    if len({each.dataset for each in history.snapshots if not each.problem}) > 1:
        yield "Figures on different datasets are no comparison."
    if history.is_shallow:
        yield "This clone is shallow, so its history is cut: git fetch --unshallow brings the rest."
    if history.is_uncommitted:
        yield (
            f"{TABLE} is not here as HEAD has it, and only commits are shown: optledger review "
            "HEAD tells of the rest."
        )


def record(history: History, asked: Sequence[str]) -> dict[str, Any]:
    """Return a history for a JSON document; unknown and infinite numbers are null.

    Args:
        history: as returned by `read`.
        asked: names of variants; if there are none, all.

    Returns:
        A mapping with these keys:

        - `variants`: the last names of the variants.
        - `shallow`: whether the clone lacks older commits.
        - `uncommitted`: whether the checkout has other results than HEAD.
        - `commits`: a list, the newest first.

        Each commit has these keys:

        - `commit`, `date` and `subject`.
        - `problem`: why it shows no results, or null.
        - `dataset`: its name; null if it is not known.
        - `metric`: the deciding metric; null if there are no results.
        - `leading`: the leading group; null if it is not known.
        - `champion`: null if it is not known or there is none.
        - `variants`: by last name, a mapping with `variant`, which is the name at that commit,
          `mean`, `low`, `high`, `seeds` and `diverged_seeds`.
        - `changed`: null if it is not known. Else a mapping with `parameters`, as in a review,
          `renamed`, the old names by the new ones, and `inputs`, what else changed.

    Raises:
        UserError: no commit has a variant of such a name.
    """
    every = list(dict.fromkeys(name for names in history.names() for name in names))
    shown = history.last_names(asked) if asked else every
    steps = zip(history.snapshots, history.names(), history.changes(), strict=True)
    return {
        "variants": shown,
        "shallow": history.is_shallow,
        "uncommitted": history.is_uncommitted,
        "commits": [_commit(each, names, changes, shown) for each, names, changes in steps],
    }


def _commit(
    snapshot: Snapshot, names: Mapping[str, str], changes: Changes | None, shown: Sequence[str]
) -> dict[str, Any]:
    metric = None if snapshot.problem else snapshot.metric
    scores = {
        name: snapshot.score(names[name], metric) for name in shown if name in names and metric
    }
    return {
        "commit": snapshot.commit,
        "date": snapshot.date,
        "subject": snapshot.subject,
        "problem": snapshot.problem or None,
        "dataset": snapshot.dataset,
        "metric": metric,
        "leading": snapshot.leading,
        "champion": next(iter(snapshot.champions or []), None),
        "variants": {name: _score(score) for name, score in scores.items() if score},
        "changed": changes
        and {
            "parameters": [each.record() for each in changes.parameters],
            "renamed": dict(changes.renamed),
            "inputs": list(changes.inputs),
        },
    }


def _score(score: Score) -> dict[str, Any]:
    return {
        "variant": score.variant,
        "mean": rounded(score.value),
        "low": rounded(score.low),
        "high": rounded(score.high),
        "seeds": score.seeds,
        "diverged_seeds": score.diverged_seeds,
    }


def drawing(history: History, asked: Sequence[str]) -> str:
    """Return a history as an SVG figure: results on the present dataset, by the present metric.

    Args:
        history: as returned by `read`.
        asked: names of variants; if there are none, those of the newest results.

    Raises:
        UserError: no commit has a variant of such a name, or nothing can be drawn.
    """
    present = history.present
    if present is None:
        found = f"no commit has a {TABLE} and a {PARAMS} that can be read"
        raise UserError(f"optledger history: there is nothing to draw: {found}")
    drawn = [
        (each, names)
        for each, names in zip(history.snapshots, history.names(), strict=True)
        if not each.problem and each.dataset == present.dataset
    ]
    shown = history.last_names(asked) if asked else list(drawn[0][1])
    rows = []
    for place, (each, names) in enumerate(reversed(drawn)):
        for name in shown:
            score = each.score(names[name], present.metric) if name in names else None
            if score:
                lost = score.diverged_seeds > 0
                ends = (math.nan, math.nan) if lost else (score.low, score.high)
                rows.append((name, place, score.value, *ends))
    commits = [f"{each.commit[:_SHORT]}\n{each.date[:10]}" for each, _ in reversed(drawn)]
    table = pd.DataFrame(rows, columns=["variant", "place", "mean", "low", "high"])
    if not rows:
        found = f"no {present.metric} of {', '.join(shown)} on {present.dataset}"
        raise UserError(f"optledger history: there is {found} to draw; name a variant that has it")
    every = list(dict.fromkeys([*drawn[0][1], *shown]))
    return figure.draw(table, commits, present.metric, shown, every)
