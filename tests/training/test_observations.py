import json
from pathlib import Path

import numpy as np
import pytest

from optledger.formats import file_digest
from optledger.training.observations import read_seconds_per_epoch, write_observation
from optledger.training.records import write_trials
from optledger.training.trial import Epoch, TrialResult


def trials(accuracy: float = 0.9) -> list[TrialResult]:
    """Two trials of one epoch, with seeds 3 and 12."""
    return [
        TrialResult(
            learning_rate=0.1,
            seed=seed,
            weights={"00_bias": np.full(2, seed, np.float32)},
            history=[Epoch(1.0, 0.5, 1.0, accuracy)],
            kept_epoch=1,
            divergence=None,
            seconds_per_epoch=seconds,
        )
        for seed, seconds in ((3, 0.25), (12, 1 / 3))
    ]


@pytest.fixture
def observed(tmp_path: Path) -> Path:
    """A folder with trials, and beside them what was observed."""
    write_trials(tmp_path / "adam", trials(), [])
    write_observation(tmp_path / "adam.json", tmp_path / "adam", trials())
    return tmp_path


def test_what_was_observed_is_read_by_seed(observed: Path) -> None:
    """The file names the bytes of the trials, and six digits of the seconds."""
    assert json.loads((observed / "adam.json").read_text()) == {
        "outputs": {
            name: file_digest(observed / "adam" / name) for name in ("history.csv", "weights.npz")
        },
        "seconds_per_epoch": {"12": 0.333333, "3": 0.25},
    }
    seconds = read_seconds_per_epoch(observed / "adam.json", observed / "adam")
    assert seconds == {3: 0.25, 12: 0.333333}


def test_other_trials_were_not_observed(observed: Path) -> None:
    """Nor is a folder without them; the same bytes again were."""
    for accuracy, known in ((0.8, False), (0.9, True)):
        write_trials(observed / "adam", trials(accuracy), [])
        assert bool(read_seconds_per_epoch(observed / "adam.json", observed / "adam")) == known
    (observed / "adam/weights.npz").write_bytes(b"other")
    assert read_seconds_per_epoch(observed / "adam.json", observed / "adam") == {}
    assert read_seconds_per_epoch(observed / "adam.json", observed / "gd") == {}


@pytest.mark.parametrize(
    ("found", "instead"),
    [
        ("{", ""),
        ("0.25", "NaN"),
        ("0.25", "-1"),
        ('"3"', '"three"'),
        ("seconds_per_epoch", "seconds"),
        ("0.25", "\udcff"),
    ],
)
def test_a_file_that_cannot_be_read_is_none(observed: Path, found: str, instead: str) -> None:
    """Cut short, from another version, or by another hand: an observation is no error."""
    path = observed / "adam.json"
    assert found in path.read_text()
    text = path.read_text().replace(found, instead)
    path.write_bytes(text.encode(errors="surrogateescape"))
    assert read_seconds_per_epoch(path, observed / "adam") == {}


def test_a_file_that_is_missing_is_none(observed: Path) -> None:
    """As after a clone, and so is one that is no file."""
    assert read_seconds_per_epoch(observed / "gd.json", observed / "adam") == {}
    assert read_seconds_per_epoch(observed, observed / "adam") == {}
