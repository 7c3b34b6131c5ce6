import pandas as pd
import pytest

from optledger.report.validation_error import ERROR, SMALLEST_ERROR, error_of, title_of, with_error


def curves(score: str) -> pd.DataFrame:
    """Return one epoch of a variant, whose lowest and highest seeds differ."""
    ends = {"": 0.9, "_min": 0.8, "_max": 0.95}
    return pd.DataFrame({f"validation_{score}{end}": [value] for end, value in ends.items()})


def test_the_error_of_the_best_accuracy_is_the_lowest() -> None:
    """The band of the error is that of the accuracy, turned over."""
    row = with_error(curves("accuracy")).iloc[0]
    assert row[[ERROR, f"{ERROR}_min", f"{ERROR}_max"]].tolist() == pytest.approx([0.1, 0.05, 0.2])


def test_what_is_an_error_already_stays_one() -> None:
    """And is called by its name."""
    table = curves("rmse")
    row = with_error(table).iloc[0]
    assert row[[ERROR, f"{ERROR}_min", f"{ERROR}_max"]].tolist() == [0.9, 0.8, 0.95]
    assert title_of(ERROR, table) == "Validation rmse"
    assert title_of("train_loss", table) == "Train loss"


def test_no_error_is_0() -> None:
    """A logarithmic axis has none."""
    assert error_of(pd.Series([1.0]), "accuracy").tolist() == [SMALLEST_ERROR]
    assert title_of("validation_loss", curves("accuracy")) == "Validation loss, in nats"
