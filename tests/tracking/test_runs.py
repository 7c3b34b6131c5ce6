"""The runs of results that are written by hand: files that can be told from others."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from optledger.analysis.schemas import SCHEMAS
from optledger.core import params
from optledger.core.formats import digest, file_digest, write_csv, write_json, write_npz, write_text
from optledger.core.packages import version
from optledger.core.paths import OBSERVATIONS, PREDICTIONS, PREPARED, RESULTS, TEST, TRIALS
from optledger.datasets import registry
from optledger.datasets.examples import Examples
from optledger.datasets.kinds import classes
from optledger.datasets.prepared import write_split
from optledger.tracking.run import Run
from optledger.tracking.runs import collect
from optledger.trials.observations import observe, write_observation
from optledger.trials.records import write_trials
from optledger.trials.trial import Divergence, Epoch, TrialResult
from project import DIGITS_PARAMS, REPOSITORY
from stored import filled, summary

# By seed: validation accuracies of the epochs, and seconds an epoch.
SEEDS = {0: ([0.6, 0.9, 0.97], 0.5), 1: ([0.9, 0.95, 0.96], 0.25), 2: ([0.5, 0.8, 0.92], 1.0)}

OBSERVED = {
    seed: observe(seconds, 500.0 + seed, "AVX2", 1).model_copy(update={"workers": 2})
    for seed, (_, seconds) in SEEDS.items()
}

SPEED = ("seconds_per_epoch", "epochs_to_", "seconds_to_")


def settings(targets: str) -> params.Params:
    """Return parameters with one variant and the targets given."""
    document = YAML(typ="safe").load(StringIO(DIGITS_PARAMS))
    document["variants"] = {"adam": document["variants"]["adam"]}
    document["seeds"] = {"first": 0, "count": len(SEEDS)}
    document["comparison"]["targets"] = YAML(typ="safe").load(targets)
    document["dataset"] = "mnist"
    return params.parse(document, Path("params.yaml"))


def trials(diverged: int | None = None) -> list[TrialResult]:
    """Return the trials; that of the seed given diverged after its epochs."""
    return [
        TrialResult(
            learning_rate=0.01,
            seed=seed,
            weights={"00_bias": np.full(2, seed, np.float32)},
            history=[Epoch(1.0, 0.5, 1.0, accuracy) for accuracy in accuracies],
            kept_epoch=len(accuracies),
            divergence=Divergence(4, 1) if seed == diverged else None,
        )
        for seed, (accuracies, _) in SEEDS.items()
    ]


def write_results(results: list[TrialResult], searched: Sequence[TrialResult] = ()) -> None:
    """Write what the stages up to `compare` leave, as far as the runs need it."""
    write_trials(TRIALS / "adam", results, searched)
    seeds = pd.DataFrame(
        {
            "variant": "adam",
            "seed": list(SEEDS),
            "learning_rate": 0.01,
            **dict.fromkeys(classes.METRICS, 0.9),
            **dict.fromkeys(("epochs", "kept_epoch"), 3),
            "converged_epoch": None,
            "diverged_epoch": [result.divergence and 4 for result in results],
            "diverged_step": [result.divergence and 1 for result in results],
        }
    )
    tables = dict.fromkeys(SCHEMAS, seeds[["variant"]][:1])
    # There is no other variant to compare with.
    tables |= {"seeds": seeds, "comparisons": seeds[["variant"]][:0]}
    leaderboard = {
        "variant": ["adam"],
        "leading": 1,
        "first": 0,
        "champion": 0,
        **{metric: 0.9 for metric in classes.METRICS},
        **{f"{metric}_std": 0.01 for metric in classes.METRICS},
        **{f"{metric}_low": 0.88 for metric in tuple(classes.METRICS)[:-1]},
        **{f"{metric}_high": 0.92 for metric in tuple(classes.METRICS)[:-1]},
        **{"loss_low": -np.inf, "loss_high": np.inf},
        "seeds": 3,
        "diverged_seeds": sum(result.divergence is not None for result in results),
        "learning_rate": 0.01,
        "learning_rate_seeds": 3,
        "search_trials": len(searched),
        "epochs_to_0.9": 2.5,
        "epochs_to_0.97": np.inf,
    }
    tables["leaderboard"] = pd.DataFrame(leaderboard)
    for name, table in tables.items():
        write_csv(RESULTS / f"{name}.csv", filled(table, SCHEMAS[name]))
    write_text(RESULTS / "leaderboard.md", "adam leads.\n\n| rank |\n\nAccuracy\n")
    write_text(RESULTS / "comparisons.md", "One variant.\n")
    for name in ("report.html", "report.md"):
        write_text(RESULTS / name, "adam leads.\n")
    write_npz(PREDICTIONS / "adam.npz", {"classes": np.zeros(3, np.uint8)})
    write_json(TEST / "split.json", {"examples": 5, "md5": "5" * 32, "sha256": "5" * 64})
    examples = {"train": 3, "validation": 2}
    write_json(PREPARED / "summary.json", summary(classes=10, **examples))
    for split, count in examples.items():
        labels = np.zeros(count, np.uint8)
        write_split(split, Examples(np.zeros((count, 2, 2), np.uint8), labels), PREPARED)


@pytest.fixture(autouse=True)
def _results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_results(trials())
    write_observation(OBSERVATIONS / "adam.json", TRIALS / "adam", OBSERVED)


def runs(targets: str = "[0.9, 0.96]") -> dict[str, Run]:
    """Return by name the runs of the results here."""
    return {
        run.name: run
        for run in collect(settings(targets), registry.load("mnist", REPOSITORY / "datasets"))
    }


def speed(run: Run) -> dict[str, float]:
    """Return what a run says of its speed, by itself and on its machine."""
    told = {**run.metrics, **run.observed}
    return {name: value for name, value in told.items() if name.startswith(SPEED)}


def test_a_seed_says_how_fast_it_was() -> None:
    """Epochs and seconds to the targets that it reached, and the seconds of an epoch."""
    found = runs()
    assert speed(found["adam seed 0"]) == {
        "seconds_per_epoch": 0.5,
        "epochs_to_0.9": 2,
        "seconds_to_0.9": 1.0,
        "epochs_to_0.96": 3,
        "seconds_to_0.96": 1.5,
    }
    assert speed(found["adam seed 2"]) == {
        "seconds_per_epoch": 1.0,
        "epochs_to_0.9": 3,
        "seconds_to_0.9": 3.0,
    }


def test_a_variant_says_how_fast_its_median_seed_was() -> None:
    """Its seeds took 2, 1 and 3 epochs to the first target, and 3, 3 and none to the second."""
    assert speed(runs()["adam"]) == {
        "seconds_per_epoch": 0.5,
        "epochs_to_0.9": 2,
        "seconds_to_0.9": 1.0,
        "epochs_to_0.96": 3,
        "seconds_to_0.96": 1.5,
    }
    assert set(speed(runs("[0.97]")["adam"])) == {"seconds_per_epoch"}


def test_the_comparison_says_who_leads() -> None:
    """In tags; its figures are tables, as metrics of its own would be charts of one bar."""
    run = runs()["comparison"]
    assert not run.metrics
    assert set(run.tables) == {"leaderboard", "comparisons"}
    assert run.tags == {"leading": "adam", "champion": ""}


def test_a_seed_that_diverged_reached_nothing() -> None:
    """Its epochs took their time all the same."""
    write_results(trials(diverged=1))
    write_observation(OBSERVATIONS / "adam.json", TRIALS / "adam", OBSERVED)
    found = runs("[0.9]")
    assert speed(found["adam seed 1"]) == {"seconds_per_epoch": 0.25}
    assert speed(found["adam"]) == {
        "seconds_per_epoch": 0.5,
        "epochs_to_0.9": 3,
        "seconds_to_0.9": 3.0,
    }


def test_what_was_observed_beside_other_trials_is_not_told() -> None:
    """As after `dvc checkout`; the epochs are the trials' own."""
    write_results(trials(diverged=1))
    found = runs("[0.9]")
    assert speed(found["adam seed 0"]) == {"epochs_to_0.9": 2}
    assert speed(found["adam"]) == {"epochs_to_0.9": 3}


def test_without_a_validation_split_there_are_no_targets() -> None:
    """Only the seconds of an epoch."""
    history = [Epoch(1.0, 0.5, np.nan, np.nan)] * 3
    blind = [replace(result, history=history) for result in trials()]
    write_results(blind)
    write_observation(OBSERVATIONS / "adam.json", TRIALS / "adam", OBSERVED)
    found = runs()
    assert speed(found["adam seed 0"]) == {"seconds_per_epoch": 0.5}
    assert speed(found["adam"]) == {"seconds_per_epoch": 0.5}


def test_an_observation_changes_no_key() -> None:
    """A run is what was asked for and what came out, on whatever machine."""
    before = {name: run.key for name, run in runs().items()}
    (OBSERVATIONS / "adam.json").unlink()
    assert {name: run.key for name, run in runs().items()} == before


def test_other_targets_are_another_comparison_of_the_same_runs() -> None:
    """No trial becomes another by what it is asked."""
    before, after = runs(), runs("[0.5]")
    changed = {name for name, run in before.items() if run.key != after[name].key}
    assert changed == {"comparison"}


def test_a_search_trial_is_a_run_beside_the_seeds() -> None:
    """With its own learning rate and seed; one that diverged has no metrics but a tag."""
    searched = [
        replace(trials()[0], learning_rate=0.001, seed=1000),
        replace(trials()[1], learning_rate=0.1, seed=1000, divergence=Divergence(4, 7)),
    ]
    write_results(trials(), searched)
    found = runs()
    first, second = (found[f"adam learning rate {rate}"] for rate in ("0.001", "0.1"))
    assert (first.kind, first.parent) == ("search", found["adam"])
    assert first.parameters["learning_rate"] == "0.001"
    assert first.parameters["seed"] == "1000"
    assert first.metrics == {
        "validation_accuracy": 0.97,
        "validation_loss": 1.0,
        "epochs": 3,
        "kept_epoch": 3,
    }
    assert second.metrics == {"epochs": 3}
    assert second.tags == {"variant": "adam", "diverged_epoch": "4", "diverged_step": "7"}


def test_a_variant_has_an_interval_of_each_mean() -> None:
    """Named by its confidence; one without ends is left out."""
    metrics = runs()["adam"].metrics
    assert metrics["accuracy"] == 0.9
    assert metrics["accuracy_std"] == 0.01
    assert metrics["accuracy_low_95"] == pytest.approx(0.88)
    assert metrics["accuracy_high_95"] == pytest.approx(0.92)
    assert "loss_low_95" not in metrics


def test_a_variant_says_what_machine_trained_it() -> None:
    """Where the sidecar says so; what the machine took is apart from what was found."""
    run = runs()["adam"]
    assert run.observed["peak_memory_mib"] == 502
    assert run.observed["training_seconds"] == 3 * (0.5 + 0.25 + 1.0)
    assert "2 trials at once of 1 thread each" in run.machine
    assert runs()["adam seed 1"].observed["training_seconds"] == 3 * 0.25
    (OBSERVATIONS / "adam.json").unlink()
    run = runs()["adam"]
    assert (run.observed, run.machine) == ({}, "")


def test_a_variant_has_checksums_and_versions() -> None:
    """Of what its key is made of, and of what its results depend on most."""
    run = runs()["adam"]
    assert f"outputs {digest(run.content['outputs'])}" in run.tags["checksums"]
    assert run.content["outputs"]["history.csv"] == file_digest(TRIALS / "adam" / "history.csv")
    assert f"tensorflow {version('tensorflow')}" in run.tags["versions"]


def test_inputs_have_the_checksums_that_dvc_has() -> None:
    """MD5 of each split, the test split's as evaluate found it, of which the comparison is."""
    found = runs()
    train, _, test = found["adam"].inputs
    assert (train.name, train.context, train.examples) == ("mnist train", "training", 3)
    assert train.checksum == hashlib.md5((PREPARED / "train.npz").read_bytes()).hexdigest()
    assert (test.name, test.context, test.examples) == ("mnist test", "testing", 5)
    assert test.checksum == "5" * 32
    assert found["comparison"].inputs == (test,)


def test_a_run_says_in_words_what_it_is() -> None:
    """A variant, what it is and scored; the comparison, what heads the leaderboard."""
    write_results(trials(diverged=1), trials())
    found = runs()
    head, table, *_ = found["adam"].description.split("\n\n")
    assert head == (
        "Test accuracy 0.9000 ± 0.0100, 3 seeds, 1 of which diverged: Adam, learning rate 0.01."
    )
    cells = [cell.strip() for cell in table.splitlines()[2].split("|")]
    assert cells == ["", "accuracy", "0.9000", "0.8800 to 0.9200", "0.0100", ""]
    assert found["comparison"].description == "adam leads.\n\n| rank |"
    write_text(RESULTS / "leaderboard.md", f"adam leads.\n\n{'| rank ' * 2000}|\n")
    assert runs()["comparison"].description == "adam leads."
