import pandas as pd
import pytest

from boards import boards, seed_table
from optledger.analysis.settling import State, ending, state, told
from optledger.core.params import Comparison

LOOKED = Comparison(metric="accuracy", looks=(5, 10), baseline="a")


def spread(mean: float, width: float) -> list[float]:
    """Return five seeds about a mean."""
    return [mean + width * place for place in (-1.0, 1.0, 0.5, -0.5, 0.0)]


def found(comparison: Comparison, **accuracies: list[float]) -> State:
    """Return the state of these seeds."""
    tables: tuple[pd.DataFrame, pd.DataFrame] = boards(seed_table(**accuracies), comparison)
    return state(*tables, comparison)


def test_what_is_far_behind_is_decided_and_what_is_close_is_open() -> None:
    """Of a variant that is out, nothing is open."""
    now = found(LOOKED, a=spread(0.95, 0.004), b=spread(0.949, 0.004), c=spread(0.5, 0.004))
    assert now.seeds == 5
    assert [each.partition(":")[0] for each in now.decided] == ["c"]
    assert [each.partition(" (")[0] for each in now.open] == ["b against a"]
    assert ending(now, LOOKED).endswith("are used up: b stays open.")
    assert len(list(told(now, LOOKED))) == 3


def test_the_first_settles_it() -> None:
    """Nothing that matters is open."""
    now = found(LOOKED, a=spread(0.95, 0.001), b=spread(0.9, 0.001))
    assert now.open == []
    assert "a: first" in now.decided
    assert ending(now, LOOKED) == "Nothing that matters is open."


@pytest.mark.parametrize(("family", "open_"), [("baseline", ["b against a"]), ("best", [])])
def test_what_matters_follows_from_the_family(family: str, open_: list[str]) -> None:
    """With a baseline, its comparisons; with best, that one is alone."""
    comparison = LOOKED.model_copy(update={"family": family})
    now = found(
        comparison,
        a=spread(0.9, 0.004),
        b=spread(0.901, 0.004),
        c=spread(0.95, 0.004),
    )
    assert [each.partition(" (")[0] for each in now.open] == open_


def test_of_a_preview_everything_is_open() -> None:
    """As at a look of fewer than five seeds, however far apart they are; nobody is left behind."""
    comparison = Comparison(metric="accuracy", looks=(2, 10))
    now = found(comparison, a=[0.95, 0.951], b=[0.1, 0.101])
    assert [each.partition(" (")[0] for each in now.open] == ["b against a"]
    assert (now.decided, now.behind) == ([], [])
    assert next(told(now, comparison)) == "The look at 2 seeds, of 2 and 10, a preview:"


def test_seeds_that_diverged_are_out() -> None:
    """However many looks there are."""
    now = found(LOOKED, a=spread(0.95, 0.001), b=[*spread(0.9, 0.001)[:4], 0.0])
    assert now.open == []
    assert "b: out, as seeds diverged" in now.decided


def test_who_is_worse_than_a_survivor_is_behind() -> None:
    """Whoever is only worse than one that is behind itself is not told by that."""
    now = found(LOOKED, a=spread(0.95, 0.001), b=spread(0.9, 0.001), c=spread(0.8, 0.001))
    assert now.behind == ["b", "c"]
