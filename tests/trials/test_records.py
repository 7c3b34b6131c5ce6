from pathlib import Path

import numpy as np
import pytest

from optledger.core.errors import UserError
from optledger.core.formats import write_npz
from optledger.trials.records import (
    EPOCHS,
    SCHEMAS,
    SCORES,
    read_history,
    read_search,
    read_trials,
    read_weights,
    score_of,
    write_trials,
)
from optledger.trials.trial import Divergence, Epoch, TrialResult


def result(seed: int, epochs: int, divergence: Divergence | None = None) -> TrialResult:
    """Return a trial of so many epochs, without a validation split."""
    return TrialResult(
        learning_rate=0.1,
        seed=seed,
        weights={"00_kernel": np.full((2, 3), seed, np.float32)},
        history=[Epoch(1.0, 1.0, np.nan, np.nan)] * epochs,
        kept_epoch=epochs,
        divergence=divergence,
    )


def test_the_schema_of_a_history_is_an_epoch() -> None:
    """In its order, whatever the score is called."""
    for score, columns in zip(SCORES, EPOCHS, strict=True):
        assert tuple(columns) == tuple(each.replace("score", score) for each in Epoch._fields)
        assert SCHEMAS["history"].needed([f"train_{score}"]) == ["seed", "epoch", *columns]
        assert score_of(columns) == score


def test_columns_have_their_types_without_a_value_too(tmp_path: Path) -> None:
    """Of a variant whose every seed diverged at once, so that joining tables changes no type."""
    write_trials(tmp_path / "a", [result(0, 0, Divergence(1, 2))], [])
    history, search = read_history(tmp_path / "a"), read_search(tmp_path / "a")
    assert (len(history), len(search)) == (0, 0)
    assert set(history.dtypes.astype(str)) == {"int64", "float64"}
    (trial,) = read_trials(tmp_path / "a").to_dict("records")
    assert (trial["diverged_epoch"], trial["diverged_step"]) == (1, 2)
    assert np.isnan(read_weights(tmp_path / "a")[0]["00_kernel"]).all()


def test_weights_are_those_of_the_seeds(tmp_path: Path) -> None:
    """A row for each; of others, one line says so."""
    write_trials(tmp_path / "a", [result(0, 2), result(7, 2)], [])
    assert [each["00_kernel"][0, 0] for each in read_weights(tmp_path / "a")] == [0, 7]
    write_npz(tmp_path / "a" / "weights.npz", {"00_kernel": np.ones((3, 2), np.float32)})
    with pytest.raises(UserError, match=r"00_kernel: found shape \(3, 2\); allowed: 2 rows"):
        read_weights(tmp_path / "a")
