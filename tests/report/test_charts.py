import math
import re
from collections.abc import Mapping

import pytest

from optledger.figures.style import VARIABLES, lines
from optledger.report.charts import MOST_IN_ONE_DRAWING, Axis, Chart, Curve, draw, fitted, ticks

NAMES = ["adam", "sgd", "lost"]


def chart(curves: Mapping[str, Curve], variants: list[str] | None = None) -> Chart:
    """Return a chart of errors by epoch."""
    return Chart(
        key="errors",
        title="Errors",
        curves=curves,
        x=Axis("epoch", ends=(0, 3), whole=True),
        y=Axis("", log=True),
        variants=variants or list(curves),
        texts=dict.fromkeys(curves, "ends well"),
    )


def curve(*values: float, lost: bool = False) -> Curve:
    """Return values by epoch, from 1."""
    return Curve(list(enumerate(values, start=1)), lost=lost)


@pytest.mark.parametrize(
    ("axis", "low", "high", "said"),
    [
        (Axis("", whole=True), 0, 10.2, ["0", "2", "4", "6", "8", "10"]),
        (Axis("", whole=True), 0, 3.06, ["0", "1", "2", "3"]),
        (Axis(""), 0, 1, ["0", "0.2", "0.4", "0.6", "0.8", "1"]),
        (Axis("", log=True), math.log10(0.02), math.log10(0.3), ["0.02", "0.05", "0.1", "0.2"]),
        (Axis("", log=True), math.log10(0.021), math.log10(0.04), ["0.03", "0.04"]),
        (Axis("", log=True), -3, 0, ["0.001", "0.01", "0.1", "1"]),
        (Axis("", log=True), -9, 9, ["1e-09", "1e-06", "0.001", "1", "1000", "1e+06", "1e+09"]),
    ],
)
def test_ticks_are_numbers_that_people_write(
    axis: Axis, low: float, high: float, said: list[str]
) -> None:
    """Where there is room for six."""
    found = list(ticks(axis, low, high, 6))
    assert [text for _, text in found] == said
    assert [axis.at(float(text)) for _, text in found] == pytest.approx([at for at, _ in found])


def test_what_is_far_or_diverged_flattens_no_axis() -> None:
    """What is above it even at its best is named."""
    near = {"adam": curve(0.2, 0.1), "sgd": curve(0.3, 0.15), "rmsprop": curve(0.2, 0.12)}
    alone, none = fitted(chart(near))
    assert none == []
    both = {**near, "gd": curve(9.0, 8.0), "lost": curve(0.1, 1e9, lost=True)}
    window, far = fitted(chart(both))
    assert (window.low, window.high) == pytest.approx((alone.low, alone.high))
    assert far == ["gd"]
    assert "Above the axis at its best: gd." in draw(chart(both))


def test_where_all_diverged_they_are_what_there_is() -> None:
    """Then the axis is theirs."""
    window, far = fitted(chart({"lost": curve(1.0, 100.0, lost=True)}))
    assert window.low < 0 < 2 < window.high
    assert far == []


@pytest.mark.parametrize("curves", [{}, {"adam": Curve([])}, {"adam": curve(math.nan, 0.0)}])
def test_nothing_to_draw_is_an_empty_chart(curves: dict[str, Curve]) -> None:
    """No value has a place on a logarithmic axis: none, NaN, or 0."""
    drawn = draw(chart(curves))
    assert "Infinity" not in drawn
    assert "nan" not in drawn


@pytest.mark.parametrize("count", [MOST_IN_ONE_DRAWING, MOST_IN_ONE_DRAWING + 1, 40])
def test_each_line_stands_once(count: int) -> None:
    """Few are together; of many, each has a panel, with the others behind it."""
    names = [f"variant_{number}" for number in range(count)]
    drawn = draw(chart({name: curve(0.3, 0.2, 0.1) for name in names}))
    assert len(re.findall(r'<path id="errors-\d+-line"', drawn)) == count
    panels = 1 if count == MOST_IN_ONE_DRAWING else count
    assert drawn.count("<figure") == panels
    assert drawn.count('class="others"') == (0 if count == MOST_IN_ONE_DRAWING else count)


def test_a_line_is_its_own_in_every_chart() -> None:
    """By its name, also where others of that experiment have none in this one."""
    drawn = draw(chart({"sgd": curve(0.1, 0.2)}, variants=NAMES))
    colour = VARIABLES[lines(NAMES)["sgd"].color]
    assert f'<g data-variant="sgd" style="--line:var({colour})">' in drawn


def test_a_gap_is_none_of_the_line() -> None:
    """And a single epoch is a dot."""
    paths = re.findall(r'-line"[^>]*? d="([^"]*)"', draw(chart({"a": curve(1, 0.1, math.nan, 1)})))
    assert paths == ["M1 0L2 1M4 0"]
    paths = re.findall(r'-line"[^>]*? d="([^"]*)"', draw(chart({"a": curve(0.01)})))
    assert paths == ["M1 2h0"]


def test_marks_are_drawn_where_they_are() -> None:
    """A ring around a point, a cross at the upper edge for what has no value."""
    marked = Curve([(1, 0.1), (2, 0.2)], dotted=True, rings=[(1, 0.1)], crosses=[3])
    drawn = draw(chart({"a": marked}), alone=True)
    found = dict(re.findall(r'id="errors-0-(\w+)" class="\w+" d="([^"]*)"', drawn))
    assert found["dots"] == "M1 1h0M2 0.69897h0"
    assert found["rings"] == "M1 1h0"
    assert found["crosses"].startswith("M3 0.")


def test_names_are_text_and_no_markup() -> None:
    """Whatever a variant is called."""
    drawn = draw(chart({'<b> & "c"': curve(0.1)}))
    assert "<b>" not in drawn
    assert 'data-variant="&lt;b&gt; &amp; &#34;c&#34;"' in drawn
