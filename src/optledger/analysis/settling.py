"""What a look has decided, and what it leaves open, about the question of who leads."""

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from optledger.analysis.comparisons import against, plain_rows, reference
from optledger.analysis.preview import is_preview
from optledger.analysis.words import interval, listed, looks, signed, verdict_at
from optledger.core.params import Comparison


class State(NamedTuple):
    """The state of the comparison after a look.

    Attributes:
        seeds: the largest number of seeds of a variant; one that was left behind has fewer.
        decided: a phrase for each variant whose place is known.
        open: a phrase for each variant whose place is not known yet.
        behind: the variants that are shown to be worse than one which is worse than none.
    """

    seeds: int
    decided: list[str]
    open: list[str]
    behind: list[str]


def state(leaderboard: pd.DataFrame, comparisons: pd.DataFrame, comparison: Comparison) -> State:
    """Return what is decided and what is open.

    What matters is who leads, so nothing is open about a variant that is out. The other variants
    are compared with the best that leads. If no pair is judged, the leading group is open until it
    has one member. With family `baseline`, all variants are compared with the baseline instead. A
    variant with a diverged seed is out, and if the best or the baseline has one, there is no
    comparison. In a preview the place of all others is open.

    Args:
        leaderboard: results/leaderboard.csv.
        comparisons: results/comparisons.csv.
        comparison: the section of params.yaml, with looks.
    """
    board = plain_rows(leaderboard.set_index("variant"))
    few = is_preview(leaderboard["seeds"], comparison)
    best = reference(leaderboard)
    if comparison.family == "baseline" and comparison.baseline in board:
        best = comparison.baseline
    rows = plain_rows(against(comparisons, comparison.metric, best))
    decided: list[str] = []
    open_: list[str] = []
    if board[best]["diverged_seeds"]:
        decided.append(f"no comparison with {best}, as seeds of it diverged")
        return State(int(leaderboard["seeds"].max()), decided, open_, [])
    for name, row in board.items():
        if row["diverged_seeds"]:
            decided.append(f"{name}: out, as seeds diverged")
        elif row["first"]:
            decided.append(f"{name}: first")
        elif name == best:
            continue
        elif rows[name]["verdict"] in ("inconclusive", "not judged", "not pursued"):
            told = signed(rows[name]["difference"], comparison.metric)
            ends = f" ({told}, {interval(rows[name], comparison.metric)})" if told else ""
            judged_alone = comparison.family == "baseline"
            if few or row["leading"] or (judged_alone and rows[name]["verdict"] == "inconclusive"):
                open_.append(f"{name} against {best}{ends}")
            else:
                decided.append(f"{name}: not among the best")
        else:
            decided.append(f"{name}: {verdict_at(rows[name], comparison)}, against {best}")
    return State(
        int(leaderboard["seeds"].max()), decided, open_, _behind(comparisons, comparison.metric)
    )


def _behind(comparisons: pd.DataFrame, metric: str) -> list[str]:
    """Return the variants that are worse than some variant that is worse than none."""
    rows = comparisons[comparisons["metric"] == metric].to_dict("records")
    lost = {
        (row["against"], row["variant"])
        if row["verdict"] == "better"
        else (row["variant"], row["against"])
        for row in rows
        if row["verdict"] in ("better", "worse")
    }
    losers = {name for name, _ in lost}
    return sorted({name for name, winner in lost if winner not in losers})


def state_lines(found: State, comparison: Comparison) -> Iterator[str]:
    """Yield a state as lines of text."""
    few = ", a preview" if is_preview([found.seeds], comparison) else ""
    yield f"The look at {found.seeds} seeds, of {looks(comparison)}{few}:"
    yield from (f"  decided  {each}" for each in found.decided)
    yield from (f"  open     {each}" for each in found.open)


def closing_line(found: State, comparison: Comparison) -> str:
    """Return the closing line, where no look is left or none is needed."""
    if not found.open:
        return "Nothing that matters is open."
    names = listed([each.partition(" ")[0] for each in found.open])
    stay = "stays" if len(found.open) == 1 else "stay"
    return f"The looks that are declared ({looks(comparison)}) are used up: {names} {stay} open."
