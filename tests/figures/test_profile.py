import pandas as pd

from drawn import strokes, texts
from optledger.figures.profile import draw
from optledger.figures.style import lines

PROFILE = pd.DataFrame(
    {
        "target": [0.9, 0.9, 0.9, 0.9, 0.97],
        "variant": ["sgd", "sgd", "gd", "gd", "adam"],
        "factor": [1.0, 3.0, 1.0, 3.0, 1.0],
        "fraction": [0.5, 1.0, 0.0, 0.0, 1.0],
    }
)


def test_a_profile_is_of_one_target() -> None:
    """With the lines and the names of those that have it."""
    figure = draw(PROFILE, 0.9, ["sgd", "gd"])
    assert strokes(figure, "sgd") == [lines(["gd", "sgd"])["sgd"].color]
    assert strokes(figure, "gd")
    assert [each for each in texts(figure) if each in ("sgd", "gd", "adam")] == ["sgd", "gd"]
