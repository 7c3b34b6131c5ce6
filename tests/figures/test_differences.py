import re

import pandas as pd
import pytest

from drawn import strokes, texts
from optledger.core.params import Comparison
from optledger.figures.differences import draw
from optledger.figures.style import lines

ACCURACY = Comparison(metric="accuracy")


def boards(**differences: tuple[float, float, float, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a leaderboard whose first is `first`, and the comparisons of it with the others."""
    rows = [
        {
            "metric": "accuracy",
            **{"variant": "first", "against": name},
            **{"difference": value, "low": low, "high": high, "verdict": verdict},
            **{"inner_low": low, "inner_high": high, "half_width": (high - low) / 2},
        }
        for name, (value, low, high, verdict) in differences.items()
    ]
    columns = ["metric", "variant", "against", "difference", "low", "high", "verdict"]
    columns += ["inner_low", "inner_high", "half_width"]
    board = pd.DataFrame({"variant": ["first", *differences], "leading": 1, "diverged_seeds": 0})
    board["seeds"] = 10
    return board, pd.DataFrame(rows, columns=columns)


NEAR = (0.001, -0.001, 0.003, "inconclusive")
FAR = (0.2, 0.15, 0.25, "better")


def test_every_other_variant_has_its_line_and_its_verdict() -> None:
    """In the order of the leaderboard; the verdicts are of the others, so turned."""
    board = boards(second=NEAR, third=(0.004, 0.002, 0.006, "better"))
    found = texts(draw(*board, ACCURACY))
    assert [each for each in found if each in ("second", "third")] == ["second", "third"]
    assert [each for each in found if each in ("inconclusive", "worse")] == [
        "inconclusive",
        "worse",
    ]
    colours = lines(["first", "second", "third"])
    assert strokes(draw(*board, ACCURACY), "third") == [colours["third"].color]


def test_one_that_is_far_away_leaves_room_for_the_others() -> None:
    """It is an arrow, and the axis is that of the rest."""
    figure = draw(*boards(second=NEAR, third=NEAR, gd=FAR), ACCURACY)
    assert strokes(figure, "gd") == []
    ticks = [text for text in texts(figure) if re.fullmatch("[\N{MINUS SIGN}]?[0-9.]+", text)]
    assert max(float(tick.replace("\N{MINUS SIGN}", "-")) for tick in ticks) < 1


def test_a_difference_that_nobody_knows_is_not_drawn() -> None:
    """Its verdict stands there all the same."""
    nan = float("nan")
    figure = draw(*boards(second=NEAR, third=(nan, nan, nan, "inconclusive")), ACCURACY)
    assert strokes(figure, "third") == []
    assert texts(figure).count("inconclusive") == 2


def test_a_single_variant_says_so() -> None:
    """There is no difference to draw."""
    assert texts(draw(*boards(), ACCURACY)) == ["first is the only variant."]


@pytest.mark.parametrize("margin", [0.003, 0.05])
def test_the_margin_is_always_in_sight(margin: float) -> None:
    """As a band, which the axis reaches beyond."""
    rules = Comparison.model_validate({"metric": "accuracy", "margins": {"accuracy": margin}})
    ticks = [
        float(text)
        for text in texts(draw(*boards(second=NEAR), rules))
        if re.fullmatch("[0-9.]+", text)
    ]
    assert max(ticks) >= 100 * margin


def test_a_preview_has_no_verdict() -> None:
    """Its title says so; beside each line are the difference and the interval."""
    board, pairs = boards(second=(0.001, -0.001, 0.003, "not judged"))
    board["seeds"] = 2
    figure = draw(board, pairs, ACCURACY)
    found = texts(figure)
    assert any(text.startswith("Preview of 2 seeds ") for text in found)
    assert {"\N{MINUS SIGN}0.10", "(\N{MINUS SIGN}0.30 to +0.10)"} <= {*found}
    words = " ".join(found)
    assert "worse" not in words
    assert "judged" not in words
    # The line that shows equivalence.
    assert "stroke-width: 4.5" not in figure
    assert "stroke-width: 4.5" in draw(*boards(second=NEAR), ACCURACY)


def test_what_diverged_is_out() -> None:
    """It has neither a line nor a place on the axis, and the text says why."""
    board, pairs = boards(second=NEAR, third=FAR)
    board.loc[board["variant"] == "third", "diverged_seeds"] = 1
    figure = draw(board, pairs, ACCURACY)
    assert strokes(figure, "third") == []
    assert texts(figure).count("out") == 1
    assert "1 of 10 seeds diverged" in texts(figure)
    assert "better" not in " ".join(texts(figure))
