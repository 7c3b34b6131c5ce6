from collections.abc import Callable

import pytest

from boards import boards, seed_table
from golden import document
from optledger.analysis.settling import State, closing_line, state, state_lines
from optledger.core.params import Comparison

LOOKED = Comparison(metric="accuracy", looks=(5, 10), baseline="adam")


def spread(mean: float, width: float) -> list[float]:
    """Return five seeds about a mean."""
    return [mean + width * place for place in (-1.0, 1.0, 0.5, -0.5, 0.0)]


FIRST, LOST = spread(0.95, 0.001), [*spread(0.9, 0.001)[:4], 0.0]
CLOSE = {"adam": spread(0.95, 0.004), "sgd": spread(0.949, 0.004)}
FAR = {"adam": [0.95, 0.951], "gd": [0.1, 0.101]}
BEST = {"adam": spread(0.9, 0.004), "sgd": spread(0.901, 0.004), "lion": FIRST}

ALONE, UNPAIRED = (LOOKED.model_copy(update={"family": name}) for name in ("baseline", "best"))
EARLY = Comparison(metric="accuracy", looks=(2, 10))

# By what they are: the rules, the accuracies, and who is open or decided.
CASES = {
    "One is close": (LOOKED, CLOSE, "sgd", ""),
    "Two are close": (LOOKED, {**CLOSE, "lion": CLOSE["sgd"]}, "lion sgd", ""),
    "One is out": (LOOKED, {**CLOSE, "gd": spread(0.5, 0.004)}, "sgd", "gd"),
    "One is first": (LOOKED, {"adam": FIRST, "gd": [*LOST[:4], 0.9]}, "", "adam gd"),
    "One diverged": (LOOKED, {"adam": FIRST, "gd": LOST}, "", "gd"),
    "The baseline diverged": (ALONE, {"adam": LOST, "sgd": FIRST}, "", "no"),
    # With a baseline, its comparisons matter; of the best, who is first is alone.
    "Against a baseline": (ALONE, BEST, "sgd", "lion"),
    "Only who leads is asked": (UNPAIRED, BEST, "", "lion adam sgd"),
    # Nobody is decided, however far apart.
    "A preview": (EARLY, FAR, "gd", ""),
}


def found(comparison: Comparison, **accuracies: list[float]) -> State:
    """Return the state of these seeds."""
    return state(*boards(seed_table(**accuracies), comparison), comparison)


def test_the_words_of_looks(golden: Callable[[str, str], None]) -> None:
    """They are those of tests/golden/settle.md."""
    said = {}
    for case, (comparison, accuracies, *_) in CASES.items():
        now = found(comparison, **accuracies)
        lines = "\n".join([*state_lines(now, comparison), closing_line(now, comparison)])
        said[case] = f"```\n{lines}\n```"
    golden("settle.md", document(said))


@pytest.mark.parametrize("case", CASES)
def test_what_is_decided_and_what_is_open(case: str) -> None:
    """What is far behind, first or diverged is decided, and what is close to the best is open."""
    comparison, accuracies, open_, decided = CASES[case]
    now = found(comparison, **accuracies)
    assert now.seeds == len(accuracies["adam"])
    assert [each.split(" ")[0] for each in now.open] == open_.split()
    assert {each.split(" ")[0].rstrip(":") for each in now.decided} == {*decided.split()}


def test_who_is_worse_than_a_survivor_is_behind() -> None:
    """Whoever is only worse than one that is behind itself is not told by that."""
    now = found(LOOKED, a=FIRST, b=spread(0.9, 0.001), c=spread(0.8, 0.001))
    assert now.behind == ["b", "c"]
    assert found(EARLY, **FAR).behind == []
