"""The champion of results that are written by hand."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from optledger.analysis.schemas import SCHEMAS
from optledger.core import params
from optledger.core.formats import write_csv, write_json, write_npz
from optledger.core.paths import PREDICTIONS, PREPARED, RESULTS, TEST, TRIALS
from optledger.datasets.examples import Examples
from optledger.datasets.prepared import write_split
from optledger.tracking.champion import read_champion
from optledger.trials.records import write_trials
from optledger.trials.trial import Epoch, TrialResult
from project import DIGITS_PARAMS
from stored import filled, summary

SETTINGS = params.parse(YAML(typ="safe").load(StringIO(DIGITS_PARAMS)), Path("params.yaml"))


def write_results(
    champion: str | None, accuracies: Sequence[float], losses: Sequence[float]
) -> None:
    """Write results with `gd` and `adam`, whose seeds 5, 6, … have the validation metrics given."""
    images = np.arange(4 * 8 * 8, dtype=np.uint8).reshape(4, 8, 8)
    write_split("validation", Examples(images, np.arange(4, dtype=np.uint8)), PREPARED)
    write_json(PREPARED / "summary.json", summary(classes=10))
    write_npz(TEST / "labels.npz", {"labels": np.arange(4, dtype=np.uint8)})
    write_json(TEST / "split.json", {"examples": 4, "md5": "5" * 32, "sha256": "5" * 64})
    variants = ["adam", "gd"]
    table = {"variant": variants, "champion": [int(name == champion) for name in variants]}
    leaderboard = filled(pd.DataFrame(table), SCHEMAS["leaderboard"])
    write_csv(RESULTS / "leaderboard.csv", leaderboard)
    seeds = {"seed": range(5, 5 + len(accuracies))}
    metrics = {"validation_accuracy": accuracies, "validation_loss": losses}
    rows = [pd.DataFrame({"variant": name, **seeds, **metrics}) for name in reversed(variants)]
    write_csv(RESULTS / "seeds.csv", filled(pd.concat(rows), SCHEMAS["seeds"]))
    for shift, name in enumerate(variants):
        results = [
            TrialResult(
                learning_rate=0.1,
                seed=seed,
                weights={"00_bias": np.full(2, seed + 10 * shift, np.float32)},
                history=[Epoch(1.0, 0.5, 1.0, 0.5)],
                kept_epoch=1,
                divergence=None,
            )
            for seed in seeds["seed"]
        ]
        write_trials(TRIALS / name, results, [])
        classes = np.full((len(accuracies), 4), shift, np.uint8)
        losses_of_images = np.ones(classes.shape, np.float32)
        write_npz(PREDICTIONS / f"{name}.npz", {"classes": classes, "losses": losses_of_images})


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("accuracies", "losses", "seed"),
    [
        ([0.8, 0.9, 0.7], [0.1, 0.2, 0.1], 6),
        ([0.9, 0.8, 0.9], [0.2, 0.1, 0.1], 7),
        ([0.8, 0.9, 0.9], [0.1, 0.1, 0.1], 6),
    ],
    ids=["accuracy", "loss", "seed"],
)
def test_the_model_is_of_the_seed_that_validated_best(
    accuracies: list[float], losses: list[float], seed: int
) -> None:
    """Ties go to the lower loss, then to the lower seed; the weights are that seed's."""
    write_results("gd", accuracies, losses)
    champion = read_champion(SETTINGS)
    assert champion is not None
    assert (champion.variant, champion.seed, champion.seeds) == ("gd", seed, 3)
    assert champion.weights["00_bias"].tolist() == [seed + 10] * 2


def test_it_has_what_a_later_model_is_compared_by() -> None:
    """The predictions of all seeds with the true labels, and which test split they are of."""
    write_results("gd", [0.9, 0.8], [0.1, 0.1])
    champion = read_champion(SETTINGS)
    assert champion is not None
    assert champion.predictions["classes"].tolist() == [[1] * 4] * 2
    assert champion.predictions["labels"].tolist() == [0, 1, 2, 3]
    assert champion.test_digest == "5" * 64
    assert champion.input_example.shape == (3, 8, 8)


def test_without_a_champion_there_is_no_model() -> None:
    """As where no seed was validated."""
    write_results(None, [0.9], [0.1])
    assert read_champion(SETTINGS) is None
