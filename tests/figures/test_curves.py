import numpy as np
import pandas as pd
import pytest

from drawn import strokes, texts
from optledger.figures.curves import ERROR, draw, with_error
from optledger.figures.style import GREY, lines

NAMES = ["adam", "lost", "sgd"]


def table() -> pd.DataFrame:
    """Return curves of three variants, one of which goes beyond all bounds."""
    epochs = np.arange(1, 4)
    losses = {"adam": 0.3 / epochs, "sgd": 0.5 / epochs, "lost": 1e9 * epochs}
    return with_error(
        pd.concat(
            [
                pd.DataFrame(
                    {
                        "variant": name,
                        "epoch": epochs,
                        "validation_loss": loss,
                        "validation_loss_min": 0.9 * loss,
                        "validation_loss_max": 1.1 * loss,
                        "validation_accuracy": 0.9,
                        "validation_accuracy_min": 0.8,
                        "validation_accuracy_max": 0.95,
                    }
                )
                for name, loss in losses.items()
            ]
        )
    )


def test_the_error_of_the_best_accuracy_is_the_lowest() -> None:
    """The band of the error is that of the accuracy, turned over."""
    row = with_error(table()).iloc[0]
    assert row[[ERROR, f"{ERROR}_min", f"{ERROR}_max"]].tolist() == pytest.approx([0.1, 0.05, 0.2])


def test_what_is_shown_has_its_colour_and_the_others_are_grey() -> None:
    """Whatever is drawn, a variant's line is its own."""
    figure = draw(table(), "validation_loss", ["sgd"], NAMES, NAMES)
    assert strokes(figure, "sgd") == [lines(NAMES)["sgd"].color]
    assert strokes(figure, "adam") == [GREY]


def test_several_are_named_and_one_is_the_title() -> None:
    """The highest at the end stands first, as it does in the figure."""
    several = texts(draw(table(), "validation_loss", NAMES, NAMES, NAMES))
    assert [text for text in several if text in NAMES] == ["lost", "sgd", "adam"]
    one = texts(draw(table(), ERROR, ["sgd"], NAMES, NAMES, small=True))
    assert [text for text in one if text in NAMES] == ["sgd"]


def test_what_diverged_stretches_no_axis() -> None:
    """Only what the axis is fitted to does."""
    fitted = texts(draw(table(), "validation_loss", NAMES, NAMES, ["adam", "sgd"]))
    assert not any("e+" in text for text in fitted)
    assert any(
        "e+" in text for text in texts(draw(table(), "validation_loss", NAMES, NAMES, NAMES))
    )


def test_a_table_without_any_value_is_an_empty_figure() -> None:
    """Of a first epoch that diverged there is nothing to see."""
    empty = table().assign(
        validation_loss=np.nan, validation_loss_min=np.nan, validation_loss_max=np.nan
    )
    assert "epoch" in texts(draw(empty, "validation_loss", NAMES, NAMES, NAMES))


def test_a_variant_without_an_epoch_has_an_empty_panel() -> None:
    """And leaves the colours of the others as they are."""
    figure = draw(table(), ERROR, ["a_first"], ["a_first", *NAMES], NAMES, small=True)
    assert "a_first" in texts(figure)
    figure = draw(table(), "validation_loss", ["adam"], ["a_first", *NAMES], NAMES)
    assert strokes(figure, "adam") == [lines(["a_first", *NAMES])["adam"].color]
