import json
import os
import platform
from pathlib import Path

import numpy as np
import pytest

from optledger.core.formats import file_digest, write_json
from optledger.trials.observations import (
    TrialObservation,
    observe,
    read_observation,
    write_observation,
)
from optledger.trials.records import write_trials
from optledger.trials.trial import Epoch, TrialResult


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
        )
        for seed in OBSERVED
    ]


OBSERVED = {3: observe(0.25, 600.0, "AVX2", 1), 12: observe(1 / 3, 500.0, "AVX2", 1)}


@pytest.fixture
def observed(tmp_path: Path) -> Path:
    """A folder with trials, and beside them what was observed."""
    write_trials(tmp_path / "adam", trials(), [])
    write_observation(tmp_path / "adam.json", tmp_path / "adam", OBSERVED)
    return tmp_path


def test_what_was_observed_is_read_by_seed(observed: Path) -> None:
    """Six digits of the seconds, beside the bytes of the trials."""
    observation = read_observation(observed / "adam.json", observed / "adam")
    assert observation is not None
    seconds = {seed: each.seconds_per_epoch for seed, each in observation.seeds.items()}
    assert seconds == {3: 0.25, 12: 0.333333}
    assert observation.outputs == {
        name: file_digest(observed / "adam" / name) for name in ("history.csv", "weights.npz")
    }


def test_the_peak_is_that_of_the_largest_worker(observed: Path) -> None:
    """Not their sum: workers share memory, and trials share workers."""
    observation = read_observation(observed / "adam.json", observed / "adam")
    assert observation is not None
    assert observation.peak_memory_mib == 600


def test_the_machine_is_described_and_not_named(observed: Path) -> None:
    """By what makes it fast or slow, for each trial, as they may be of several."""
    file = json.loads((observed / "adam.json").read_text())["seeds"]["3"]
    assert file.keys() == TrialObservation.model_fields.keys()
    assert (file["threads"], file["workers"], file["cores"]) == (1, 1, os.cpu_count())
    assert file["platform"] == f"{platform.system()} {platform.machine()}"
    assert file["processor"] in Path("/proc/cpuinfo").read_text()


def test_other_trials_were_not_observed(observed: Path) -> None:
    """Nor is a folder without them; the same bytes again were."""
    for accuracy, known in ((0.8, False), (0.9, True)):
        write_trials(observed / "adam", trials(accuracy), [])
        observation = read_observation(observed / "adam.json", observed / "adam")
        assert (observation is not None) == known
    (observed / "adam/weights.npz").write_bytes(b"other")
    assert read_observation(observed / "adam.json", observed / "adam") is None
    assert read_observation(observed / "adam.json", observed / "gd") is None


@pytest.mark.parametrize(
    ("found", "instead"),
    [
        ("{", ""),
        ("0.25", "NaN"),
        ("0.25", "-1"),
        ("600.0", "null"),
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
    assert read_observation(path, observed / "adam") is None


def test_a_file_of_seconds_alone_is_none(observed: Path) -> None:
    """As versions wrote it that did not look at the machine."""
    path = observed / "adam.json"
    written = json.loads(path.read_text())
    write_json(path, {"outputs": written["outputs"], "seconds_per_epoch": {"3": 0.25, "12": 0.3}})
    assert read_observation(path, observed / "adam") is None


def test_a_file_that_is_missing_is_none(observed: Path) -> None:
    """As after a clone, and so is one that is no file."""
    assert read_observation(observed / "gd.json", observed / "adam") is None
    assert read_observation(observed, observed / "adam") is None
