import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from optledger.datasets.interface import no_class
from optledger.sweep.predictions import pack, unpack
from optledger.trials.places import FOLDER
from optledger.trials.store import DamagedError
from optledger.trials.trial import Predictions
from project import Project

KEY = "a" * 64
EVALUATE = ("dvc", "repro", "--force", "--single-item", "evaluate")


def predictions() -> Predictions:
    """Those of one that has no output for the last image."""
    return Predictions(
        np.array([3, 1, no_class(10)], np.uint8), np.array([0.5, 0.25, np.nan], "f4")
    )


def outputs(project: Project) -> dict[Path, bytes]:
    """What `evaluate` leaves."""
    files = [*project.path.glob("results/predictions/*"), project.path / "results/seeds.csv"]
    return {file: file.read_bytes() for file in sorted(files)}


def test_an_entry_is_what_was_written() -> None:
    """To the bit, in the same types."""
    found = unpack(KEY, pack(KEY, predictions()))
    for own, other in zip(found, predictions(), strict=True):
        assert (own.dtype, own.tobytes()) == (other.dtype, other.tobytes())


@pytest.mark.parametrize("place", [0, 30, 90, 150, -1])
def test_a_byte_that_is_another_is_noticed(place: int) -> None:
    """Wherever it is."""
    content = bytearray(pack(KEY, predictions()))
    content[place] ^= 1
    with pytest.raises(DamagedError):
        unpack(KEY, bytes(content))


@pytest.mark.parametrize("content", [b"", b"\n", b"optledger predictions 1 \n", b"\x80" * 300])
def test_what_is_no_entry_is_noticed(content: bytes) -> None:
    """As that of another model is."""
    with pytest.raises(DamagedError):
        unpack(KEY, content)
    with pytest.raises(DamagedError):
        unpack("b" * 64, pack(KEY, predictions()))


def test_what_is_kept_is_not_predicted_again(project: Project) -> None:
    """It takes no TensorFlow; what is damaged or missing is made, and no byte changes."""
    place = {"OPTLEDGER_TRIALS": str(project.path / FOLDER)}
    before = outputs(project)
    project.run(*EVALUATE, **place)
    kept = sorted((project.path / FOLDER).glob("*.predictions"))
    assert len(kept) == 4
    cold = replace(project, cold=True)
    command = ("python", "-X", "importtime", "-m", "optledger.stages.evaluate")
    printed = cold.run(*command, PYTHONPATH="src", **place)
    imported = set(re.findall(r"\| +(\w+)$", printed, flags=re.MULTILINE))
    assert "optledger" in imported
    assert not imported & {"tensorflow", "keras", "mlflow"}
    assert outputs(project) == before
    kept[0].write_bytes(kept[1].read_bytes())
    kept[2].unlink()
    printed = project.run(*EVALUATE, **place)
    assert f"{kept[0]}: found other bytes than were written; it is made again" in printed
    assert sorted((project.path / FOLDER).glob("*.predictions")) == kept
    assert outputs(project) == before


def test_other_weights_images_and_code_are_predicted_anew(project: Project) -> None:
    """As what is kept is of none of them."""
    place = {"OPTLEDGER_TRIALS": str(project.path / FOLDER)}
    project.run(*EVALUATE, **place)
    project.edit("src/optledger/training/prediction.py", "training=False", "training=bool(0)")
    project.run(*EVALUATE, **place)
    assert len([*(project.path / FOLDER).glob("*.predictions")]) == 8
    project.edit("params.yaml", "learning_rate: 0.5", "learning_rate: 0.6")
    project.run("dvc", "repro", "evaluate", **place)
    assert len([*(project.path / FOLDER).glob("*.predictions")]) == 10
    told = project.run("optledger", "trials", "prune", "--older-than", "0", "--yes", **place)
    assert re.search(r"^10 predictions, 0\.0 MB: removed$", told, re.MULTILINE)
    assert not [*(project.path / FOLDER).glob("*.predictions")]


def test_a_place_that_is_no_folder_costs_a_line(project: Project) -> None:
    """And nothing else."""
    before = outputs(project)
    shutil.rmtree(project.path / FOLDER, ignore_errors=True)
    (project.path / FOLDER).parent.mkdir(exist_ok=True)
    (project.path / FOLDER).write_text("no folder")
    printed = project.run(*EVALUATE, OPTLEDGER_TRIALS=str(project.path / FOLDER))
    assert printed.count("predictions are not looked up") == 1
    assert outputs(project) == before
