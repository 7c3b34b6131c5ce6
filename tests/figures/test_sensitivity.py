import numpy as np
import pandas as pd

from drawn import strokes, texts
from optledger.figures.sensitivity import draw
from optledger.figures.style import GREY, lines

SEARCH = pd.DataFrame(
    {
        "variant": ["adam", "adam", "adam", "sgd", "sgd"],
        "learning_rate": [0.001, 0.01, 0.1, 0.1, 1.0],
        "validation_accuracy": [0.9, 0.95, np.nan, 0.8, 0.9],
        "chosen": [0, 1, 0, 0, 1],
    }
)


# Nothing was searched for the second.
NAMES = ["adam", "gd", "sgd"]


def test_one_variant_is_shown_before_the_others() -> None:
    """Its line is its own, theirs are grey, and it is the title."""
    figure = draw(SEARCH, "adam", NAMES)
    assert strokes(figure, "adam")[0] == lines(NAMES)["adam"].color
    assert strokes(figure, "sgd") == [GREY]
    assert "adam" in texts(figure)
    assert "sgd" not in texts(figure)


def test_the_chosen_one_has_a_ring_and_what_diverged_a_cross() -> None:
    """A ring each; crosses where trials have no accuracy."""
    for name, crossed in (("adam", True), ("sgd", False)):
        figure = draw(SEARCH, name, NAMES)
        assert len(strokes(figure, "chosen")) == 1
        assert bool(strokes(figure, "diverged")) == crossed


def test_trials_that_all_diverged_are_crosses() -> None:
    """There is no error to draw, and no axis to fit to one."""
    lost = SEARCH.assign(validation_accuracy=np.nan)
    assert strokes(draw(lost, "adam", NAMES), "diverged")
