import matplotlib
import pandas as pd
import pytest

from drawn import texts
from optledger.figures.case import draw

POINTS = pd.DataFrame(
    [
        *[("adam", epoch, 0.5**epoch) for epoch in range(9)],
        *[("lost", epoch, 1e100**epoch) for epoch in range(3)],
        ("newton", 0, 1.0),
        ("newton", 2, 1e-10),
    ],
    columns=["method", "epoch", "suboptimality"],
)

METHODS = pd.DataFrame(
    {
        "method": ["adam", "lost", "newton"],
        "learning_rate": [0.5, 10.0, None],
        "batch_size": [32, "full", None],
        "epochs": [8, 2, 2],
        "suboptimality": [0.5**8, 1e200, 1e-10],
        "diverged_epoch": [None, 3, None],
    }
).astype({"diverged_epoch": "Int64"})


def test_the_legend_says_how_each_method_was_set_and_ended() -> None:
    """The fastest first: what arrived, what came near, what diverged."""
    found = texts(draw("linear_regression", POINTS, METHODS))
    legend = [text for text in found if ": " in text and "how far" not in text]
    assert legend == [
        "newton: arrived in 2 epochs",
        "adam, η = 0.5, batches of 32: 3.9e-03 after 8 epochs",
        "lost, η = 10: diverged in epoch 3",
    ]
    assert "Linear regression: how far from the optimum" in found


def test_the_same_tables_give_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever style its user prefers, and without a date."""
    first = draw("a", POINTS, METHODS)
    with matplotlib.rc_context({"font.size": 20, "lines.linewidth": 9}):
        assert draw("a", POINTS, METHODS) == first
        assert matplotlib.rcParams["font.size"] == 20
    assert "<dc:date>" not in first


def test_a_line_that_diverges_leaves_the_figure() -> None:
    """The axis has room for those that do not."""
    found = texts(draw("a", POINTS, METHODS))
    assert not any("200" in text or "100" in text for text in found)
