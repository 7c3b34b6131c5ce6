from itertools import combinations

import numpy as np
import pytest
from matplotlib.figure import Figure
from numpy.typing import NDArray

from optledger.figures.style import COLOURS, DARK, PAPER, VARIABLES, lines, style, svg, themed

# Machado, Oliveira and Fernandes, A physiologically-based model for simulation of color vision
# deficiency, IEEE Transactions on Visualization and Computer Graphics 15 (2009): of linear RGB, at
# full severity.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}

# Okabe and Ito's, without black and yellow, come to 7.6 by this measure.
APART = 7.0

# WCAG 2.1, success criterion 1.4.11, of what a figure is made of.
CONTRAST = 3.0


def linear(colour: str) -> NDArray[np.float64]:
    """Return a colour as linear RGB, shape (3,)."""
    values = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def oklab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return linear RGB where distance is as people see it, times 100 (Ottosson 2020)."""
    to_lms = [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
    to_lab = [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
    lms = np.cbrt(np.array(to_lms) @ np.clip(rgb, 0, 1))
    return 100 * np.array(to_lab) @ lms


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours."""
    low, high = sorted(linear(each) @ [0.2126, 0.7152, 0.0722] for each in (first, second))
    return float((high + 0.05) / (low + 0.05))


PALETTES = [(COLOURS, PAPER), (tuple(DARK[each] for each in COLOURS), DARK[PAPER])]


@pytest.mark.parametrize(("colours", "paper"), PALETTES, ids=["light", "dark"])
@pytest.mark.parametrize("vision", VISION)
def test_colours_are_told_apart_with_any_colour_vision(
    colours: tuple[str, ...], paper: str, vision: str
) -> None:
    """On light and on dark pages, each of two is further from the other than a glance needs."""
    seen = [oklab(VISION[vision] @ linear(colour)) for colour in colours]
    assert min(np.linalg.norm(a - b) for a, b in combinations(seen, 2)) > APART
    assert min(contrast(colour, paper) for colour in colours) > CONTRAST


def test_a_name_has_the_same_line_whatever_stands_beside_it_in_whatever_order() -> None:
    """By its place in the alphabet, as charts that sort names have it, too."""
    assert lines(["sgd", "adam", "gd"]) == lines(["gd", "sgd", "adam"])
    assert [lines("cab")[name].color for name in "abc"] == list(COLOURS[:3])


def test_two_dozen_lines_differ() -> None:
    """In colour or in dashes."""
    assert len(set(lines(map(str, range(24))).values())) == 24


@pytest.mark.parametrize("date", ["0", "1e81"])
def test_a_figure_has_no_date(date: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor fails at one, which tools that build packages set."""
    drawn = []
    for value in ("", date):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", value)
        with style({"savefig.bbox": "tight"}):
            drawn.append(svg(Figure()))
    assert drawn[0] == drawn[1]
    assert "1970" not in drawn[1]


def test_a_page_gives_a_figure_its_colours() -> None:
    """Every colour of the style becomes a variable of the page's style sheet."""
    with style():
        figure = Figure()
        axes = figure.add_subplot()
        for colour in COLOURS:
            axes.plot([0, 1], color=colour)
        content = svg(figure)
    inside = themed(content)
    for colour, variable in VARIABLES.items():
        assert colour not in inside
        assert (f"var({variable})" in inside) == (colour in content)
