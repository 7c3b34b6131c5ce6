import math
from xml.etree import ElementTree

import pandas as pd

from drawn import paths, strokes, texts
from optledger.figures.history import draw
from optledger.figures.style import lines

COMMITS = [f"commit {number}" for number in range(6)]


def table(**means: list[float]) -> pd.DataFrame:
    """Return means of variants over commits, NaN where one is not there, with their intervals."""
    return pd.DataFrame(
        [
            {"variant": name, "place": place, "mean": mean, "low": mean - 0.01, "high": mean + 0.01}
            for name, values in means.items()
            for place, mean in enumerate(values)
            if not math.isnan(mean)
        ]
    )


def drawn(rows: pd.DataFrame) -> str:
    """Return the figure of all variants of a table."""
    names = list(rows["variant"].unique())
    return draw(rows, COMMITS, "accuracy", names, names)


def numbers(figure: str) -> list[float]:
    """Return the ticks that are numbers."""
    return [float(text) for text in texts(figure) if text.startswith("0.")]


def test_one_that_is_far_away_leaves_room_for_the_others() -> None:
    """It is a row of arrows at the edge, and the axis is that of the rest."""
    figure = drawn(table(adam=[0.97] * 6, sgd=[0.98] * 6, momentum=[0.975] * 6, gd=[0.8] * 6))
    assert min(numbers(figure)) > 0.94
    fills = {group.get("style", "") for group in ElementTree.fromstring(figure).iter()}
    colours = lines(["adam", "sgd", "momentum", "gd"])
    assert any(f"fill: {colours['gd'].color}" in fill for fill in fills)


def test_a_line_has_a_gap_where_the_variant_was_not_there() -> None:
    """It is not drawn across commits without it."""
    whole = drawn(table(sgd=[0.98, 0.97, 0.98, 0.97, 0.98, 0.97]))
    gap = drawn(table(sgd=[0.98, 0.97, math.nan, 0.97, 0.98, 0.97]))
    # Moves of the pen to a beginning.
    assert paths(whole, "sgd")[0].count("M") == 1
    assert paths(gap, "sgd")[0].count("M") == 2


def test_an_unknown_interval_is_no_band() -> None:
    """Of results of an older version, or of few seeds; the mean is drawn all the same."""
    rows = table(sgd=[0.98] * 6)
    without = drawn(rows.assign(low=math.nan, high=math.nan))
    assert drawn(rows.assign(low=-math.inf, high=math.inf)) == without
    assert "FillBetween" in drawn(rows)
    assert strokes(without, "sgd")


def test_a_single_commit_shows_its_interval() -> None:
    """As a line, where a band would have no width."""
    rows = table(sgd=[0.98])
    figure = draw(rows, COMMITS[:1], "accuracy", ["sgd"], ["sgd"])
    assert figure.count("LineCollection") == 1
    assert [text for text in texts(figure) if text.startswith("commit")] == ["commit 0"]


def test_the_axis_names_few_commits_the_first_and_the_last_among_them() -> None:
    """However many there are."""
    named = [text for text in texts(drawn(table(sgd=[0.98] * 6))) if text.startswith("commit")]
    assert (named[0], named[-1]) == ("commit 0", "commit 5")
    assert len(named) == 4
