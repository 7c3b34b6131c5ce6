import re

import pandas as pd

from drawn import paths, strokes, texts
from optledger.figures.profile import draw
from optledger.figures.style import GREY, lines

PROFILE = pd.DataFrame(
    {
        "target": [0.9, 0.9, 0.9, 0.9, 0.97],
        "variant": ["sgd", "sgd", "gd", "gd", "adam"],
        "factor": [1.0, 3.0, 1.0, 3.0, 1.0],
        "fraction": [0.5, 1.0, 0.0, 0.0, 1.0],
    }
)


def test_a_profile_is_of_one_target() -> None:
    """With its own line before those of the others."""
    figure = draw(PROFILE, 0.9, "sgd", ["gd", "sgd"])
    assert strokes(figure, "sgd") == [lines(["gd", "sgd"])["sgd"].color]
    assert strokes(figure, "gd") == [GREY]
    assert strokes(figure, "adam") == []
    assert "sgd" in texts(figure)


def test_a_variant_that_is_always_the_fastest_has_a_line() -> None:
    """Where every factor is 1, it still goes from one end to the other."""
    (path,) = paths(draw(PROFILE, 0.97, "adam", ["adam"]), "adam")
    assert len(set(re.findall(r"[ML] ([0-9.]+) ", path))) > 1
