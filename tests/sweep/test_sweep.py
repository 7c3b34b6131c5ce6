"""Finished trials that are kept, in a real pipeline: what is trained, and that no byte changes."""

import json
import os
import re
import shutil
import signal
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from once import once
from optledger.core.formats import digest
from optledger.trials.observations import FinishedTrial
from optledger.trials.places import FOLDER, Folder
from optledger.trials.store import Store, pack
from project import DIGITS_PARAMS, Project, new_project

PARAMS = DIGITS_PARAMS.replace("learning_rate: 0.01}", "learning_rate: [0.001, 0.01, 0.1]}")

TRIALS = 7
"""Two of gd, and five of adam, three of which are its search."""

TRAINED = re.compile(
    r"^(\w+: learning rate \S+, seed \d+): (?:train accuracy|diverged)", re.MULTILINE
)

TRAIN = ("dvc", "repro", "--single-item", "train@gd", "train@adam")


@pytest.fixture(scope="module")
def swept(digits_entry: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A committed checkout whose trials a sweep has trained and kept in its own folder."""

    def make(folder: Path) -> None:
        project = new_project(folder / "project", digits_entry, PARAMS)
        printed = project.run("optledger", "sweep", **own(project))
        assert len(TRAINED.findall(printed)) == TRIALS
        assert re.search(rf"^sweep: {TRIALS} trials, 25 epochs in ", printed, re.MULTILINE)
        printed = project.run("dvc", "repro", "report", **own(project))
        assert TRAINED.findall(printed) == []
        project.commit()

    return Project(once(tmp_path_factory, "swept", make) / "project")


@pytest.fixture
def project(swept: Project, tmp_path: Path) -> Project:
    """A copy of it."""
    return swept.copy(tmp_path / "project")


def own(project: Project) -> dict[str, str]:
    """The variable that has a project keep its trials where a user's does."""
    return {"OPTLEDGER_TRIALS": str(project.path / FOLDER)}


def kept(project: Project) -> list[Path]:
    """The files of the trials that are kept."""
    return sorted((project.path / FOLDER).glob("*.trial"))


def outputs(project: Project) -> dict[str, bytes]:
    """The lock, and what the trials left."""
    files = [*(project.path / "results/trials").rglob("*.*"), project.path / "dvc.lock"]
    return {str(file.relative_to(project.path)): file.read_bytes() for file in sorted(files)}


def test_a_sweep_trains_all_variants_in_one_pool(swept: Project) -> None:
    """Each trial is kept as one file, and nothing else is in the folder."""
    assert len(kept(swept)) == TRIALS
    assert all(re.fullmatch(r"[0-9a-f]{64}\.trial", file.name) for file in kept(swept))
    assert swept.run("git", "status", "--porcelain") == ""


@pytest.mark.parametrize("store", ["full", "half"])
def test_what_is_kept_changes_no_byte(store: str, project: Project) -> None:
    """Of trials and lock; only what is not kept is trained."""
    before = outputs(project)
    files = kept(project)
    gone = {"full": 0, "half": 3}[store]
    for file in files[:gone]:
        file.unlink()
    # What DVC keeps of the outputs would be taken in.
    shutil.rmtree(project.path / ".dvc/cache")
    shutil.rmtree(project.path / "results/trials")
    printed = project.run(*TRAIN, "--force", **own(project))
    assert len(TRAINED.findall(printed)) == gone
    assert outputs(project) == before
    assert kept(project) == files


def test_a_damaged_trial_is_trained_again(project: Project) -> None:
    """A line says which; its entry is replaced, and the results are the same."""
    before = outputs(project)
    file = kept(project)[0]
    content = bytearray(file.read_bytes())
    content[-50] ^= 1
    file.write_bytes(content)
    shutil.rmtree(project.path / ".dvc/cache")
    verify = project.run("optledger", "verify", check=False, PYTHONPATH="src", **own(project))
    assert f"{file}: found other weights than were written; expected what was written; " in verify
    printed = project.run(*TRAIN, "--force", **own(project))
    # Of a search trial nobody looks at the weights.
    read = len(TRAINED.findall(printed))
    assert read == printed.count("found other weights than were written; it is trained again")
    assert outputs(project) == before


def test_a_trial_that_is_all_there_needs_no_tensorflow(project: Project) -> None:
    """`dvc repro` after a sweep only puts results together."""
    cold = replace(project, cold=True)
    command = ("python", "-X", "importtime", "-m", "optledger.stages.train", "adam")
    printed = cold.run(*command, PYTHONPATH="src", **own(project))
    assert "adam: all 5 trials are kept; nothing to train" in printed
    imported = set(re.findall(r"\| +(\w+)$", printed, flags=re.MULTILINE))
    assert "optledger" in imported
    assert not imported & {"tensorflow", "keras", "mlflow"}


def test_further_seeds_train_only_those(project: Project) -> None:
    """A dry run says so before, with the reason, and ends with a line for scripts."""
    project.edit("params.yaml", "count: 2", "count: 3")
    explained = project.run("optledger", "sweep", "--dry-run", **own(project)).splitlines()
    assert explained == [
        "adam: 6 trials: 5 kept; 1 to train: new seed 2",
        "gd: 3 trials: 2 kept; 1 to train: new seed 2",
        "9 trials: 7 kept, 2 to train",
    ]
    assert len(kept(project)) == TRIALS
    printed = project.run("optledger", "sweep", **own(project))
    assert sorted(TRAINED.findall(printed)) == [
        "adam: learning rate 0.01, seed 2",
        "gd: learning rate 0.5, seed 2",
    ]
    assert "2 trials, 8 epochs in " in printed
    assert "; 7 kept from before" in printed


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        (
            "params.yaml",
            "batch_size: full, epochs: 5",
            "batch_size: full, epochs: 6",
            "epochs changed",
        ),
        ("params.yaml", "learning_rate: 0.5", "learning_rate: 0.6", "new learning rate 0.6"),
        ("params.yaml", "first: 0", "first: 7", "new seeds 7, 8"),
        (
            "src/optledger/training/models/mlp.py",
            "units = keras.layers.Flatten()(inputs)",
            "units = keras.layers.Flatten()(inputs * 1)",
            "model mlp changed",
        ),
    ],
)
def test_a_dry_run_says_what_changed(
    file: str, old: str, new: str, reason: str, project: Project
) -> None:
    """The ingredient, compared with the nearest trial that is kept."""
    project.edit(file, old, new)
    python = ("python", "-m", "optledger", "sweep", "--dry-run")
    explained = project.run(*python, PYTHONPATH="src", **own(project)).splitlines()
    assert f"gd: 2 trials: 2 to train: {reason}" in explained


def test_nothing_is_known_before_a_search_has_chosen(project: Project) -> None:
    """One more learning rate: its trial, and then maybe the seeds."""
    project.edit("params.yaml", "[0.001, 0.01, 0.1]", "[0.001, 0.01, 0.03]")
    explained = project.run("optledger", "sweep", "--dry-run", **own(project)).splitlines()
    assert explained == [
        "adam: 5 trials: 2 kept; 1 to train: new learning rate 0.03; 2 once its search has chosen",
        "gd: 2 trials: 2 kept",
        "7 trials: 4 kept, 3 to train",
    ]


def test_blocks_of_seeds_are_searched_anew(project: Project) -> None:
    """What the first search and its seeds trained is kept; figures are of means of blocks."""
    text = PARAMS.replace("{first: 0, count: 2}", "{first: 0, count: 6, per_search: 2}")
    (project.path / "params.yaml").write_text(text)
    printed = project.run("optledger", "sweep", "--dry-run", **own(project))
    assert re.search(
        "^adam: 15 trials: 5 kept; 6 to train: new seeds 1001, 1002; 4 once", printed, re.MULTILINE
    ), printed
    project.run("dvc", "repro", "compare", **own(project))
    search = pd.read_csv(project.path / "results/search.csv")
    assert sorted(search["seed"].unique()) == [1000, 1001, 1002]
    seeds = pd.read_csv(project.path / "results/seeds.csv").set_index("variant").loc["adam"]
    accuracy = search.pivot_table("validation_accuracy", "learning_rate", "seed")
    for block, tried in enumerate(accuracy):
        rates = seeds["learning_rate"].iloc[2 * block : 2 * block + 2]
        assert accuracy[tried][rates].eq(accuracy[tried].max()).all()
    row = pd.read_csv(project.path / "results/comparisons.csv").iloc[0]
    assert row["noise"] == "searches, seeds and images"
    board = pd.read_csv(project.path / "results/leaderboard.csv").set_index("variant")
    rate = board.loc["adam", "learning_rate"]
    assert board.loc["adam", "learning_rate_seeds"] == (seeds["learning_rate"] == rate).sum()
    assert (
        "for other searches, other seeds" in (project.path / "results/comparisons.md").read_text()
    )
    board_text = (project.path / "results/leaderboard.md").read_text()
    assert "interval of 95 % confidence for other searches, other seeds and" in board_text
    assert "found 6 seeds" not in project.run("optledger", "power", **own(project))


def test_two_variants_that_are_alike_are_trained_once(project: Project) -> None:
    """And one that is renamed, not at all."""
    text = (project.path / "params.yaml").read_text()
    gd = next(line for line in text.splitlines() if line.startswith("  gd: "))
    twins = [gd.replace("gd:", name).replace("0.5", "0.4") for name in ("first:", "second:")]
    (project.path / "params.yaml").write_text(
        "\n".join([text.replace("  gd: ", "  full: "), *twins])
    )
    explained = project.run("optledger", "sweep", "--dry-run", **own(project)).splitlines()
    for name in ("first", "second"):
        assert f"{name}: 2 trials: 2 to train: a new variant" in explained
    assert explained[-1] == "9 trials: 7 kept, 2 to train"
    printed = project.run("optledger", "sweep", **own(project))
    assert len(TRAINED.findall(printed)) == 2
    assert "; 7 kept from before" in printed


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_sweep_that_is_ended_loses_only_what_was_running(
    number: signal.Signals, swept: Project, tmp_path: Path
) -> None:
    """By `kill -9` or Ctrl-C, which reaches every process: the same command goes on."""
    project = replace(swept.copy(tmp_path / "project"), cold=True)
    shutil.rmtree(project.path / FOLDER)
    shutil.rmtree(project.path / ".dvc/cache")
    # Of one program, as each worker compiles what it trains.
    text = re.sub("  gd: .*\n", "", PARAMS).replace("count: 2", "count: 8")
    (project.path / "params.yaml").write_text(text)
    trained: Counter[str] = Counter()
    sweep = project.start("optledger", "sweep", OPTLEDGER_WORKERS="2", **own(project))
    assert sweep.stdout is not None
    told = ""
    while len(TRAINED.findall(told)) < 4:
        told += sweep.stdout.readline()
    if number == signal.SIGINT:
        os.killpg(sweep.pid, number)
    else:
        sweep.kill()
    told += sweep.communicate()[0]
    if number == signal.SIGINT:
        assert told.endswith("interrupted\n")
        assert sweep.returncode == 130
    trained.update(TRAINED.findall(told))
    assert len(kept(project)) >= len(trained)
    resumed = replace(project, cold=False)
    trained.update(TRAINED.findall(resumed.run("optledger", "sweep", **own(project))))
    # One that was kept just before the line about it was printed is not told at all.
    assert 9 <= len(trained) <= 11
    assert set(trained.values()) == {1}
    assert len(kept(project)) == 11


def test_a_fresh_clone_takes_in_what_was_pulled(swept: Project, tmp_path: Path) -> None:
    """Of two seeds pulled and three wanted, one is trained; the search is not made again."""
    origin = swept.copy(tmp_path / "origin")
    origin.run("dvc", "remote", "add", "--default", "team", str(tmp_path / "remote"))
    origin.commit()
    origin.run("dvc", "push", "--quiet")
    origin.run("git", "clone", "--quiet", ".", str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    clone.run("dvc", "pull", "--quiet", "--allow-missing")
    clone.edit("params.yaml", "count: 2", "count: 3")
    clone.edit("dvc.yaml", "Score every variant", "Evaluate every variant")
    printed = clone.run("optledger", "sweep", **own(clone))
    assert "7 finished trials copied from DVC's cache" in printed
    assert len(TRAINED.findall(printed)) == 2
    assert "sweep: 2 trials, 8 epochs in " in printed
    # As if everything had been trained here.
    assert (
        clone.run("optledger", "sweep", "--recheck", "9", **own(clone)).count("same as kept") == 9
    )


@pytest.mark.parametrize("file", ["src/optledger/trials/plateau.py", "requirements.lock"])
def test_what_other_code_made_is_not_taken_in(file: str, project: Project) -> None:
    """The lock does not say of which of its bytes it would be the same."""
    shutil.rmtree(project.path / FOLDER)
    with (project.path / file).open("a") as text:
        text.write("\n# A comment.\n")
    python = ("python", "-m", "optledger", "sweep", "--dry-run")
    explained = project.run(*python, PYTHONPATH="src", **own(project))
    assert "copied from" not in explained
    assert explained.splitlines()[-1] == "7 trials: 0 kept, 7 to train"


def test_an_experiment_keeps_its_trials_in_the_main_repository(project: Project) -> None:
    """In a copy of it that DVC makes and removes; the next one finds them there."""
    project.run(
        *("dvc", "exp", "run", "--temp", "--name", "more", "-S", "seeds.count=3", "train@gd"),
        OPTLEDGER_TRIALS=".optledger/trials",
    )
    assert len(kept(project)) == TRIALS + 1
    assert project.run("git", "status", "--porcelain") == ""


def test_kept_trials_are_rechecked(project: Project) -> None:
    """A sample is trained anew; another result than is kept is a verdict."""
    printed = project.run("optledger", "sweep", "--recheck", "2", **own(project))
    assert printed.count(": same as kept\n") == 2
    store = Store(Folder(project.path / FOLDER))
    for key, header in store.headers():
        finished = store.trial(key)
        assert finished is not None
        weights = {name: array + 1 for name, array in finished.result.weights.items()}
        other = FinishedTrial(finished.result.with_weights(weights), finished.observation)
        assert digest(header.document) == key
        Path(project.path / FOLDER / f"{key}.trial").write_bytes(pack(header.document, other))
    done = project.start("optledger", "sweep", "--recheck", "1", **own(project))
    printed, _ = done.communicate()
    assert done.returncode == 1
    assert re.search(
        r"^\w+: learning rate .*, seed \d+: differs from /.*\.trial$", printed, re.MULTILINE
    )


def test_what_nobody_needs_is_told_and_then_removed(project: Project) -> None:
    """Not without being asked to."""
    assert project.run("optledger", "trials", **own(project)).startswith("7 trials, 0.")
    project.edit("params.yaml", "learning_rate: 0.5", "learning_rate: 0.6")
    told = project.run("optledger", "trials", "prune", "--unused", **own(project)).splitlines()
    assert [re.sub(r"^[0-9a-f]{12}  0 days old, 0.0\d MB: ", "", line) for line in told[:-1]] == [
        f"mlp, SGD, 5 epochs, learning rate 0.5, seed {seed}" for seed in (0, 1)
    ] or len(told) == 3
    assert re.fullmatch(r"2 trials, 0\.0 MB: to remove; --yes removes them", told[-1])
    assert len(kept(project)) == 7
    project.run("optledger", "trials", "prune", "--unused", "--yes", **own(project))
    assert len(kept(project)) == 5
    old = ("optledger", "trials", "prune", "--older-than", "2", "--yes")
    assert "0 trials, 0.0 MB: removed" in project.run(*old, **own(project))
    long_ago = time.time() - 3 * 86_400
    os.utime(kept(project)[0], (long_ago, long_ago))
    assert "1 trials, 0.0 MB: removed" in project.run(*old, **own(project))
    refused = project.run("optledger", "trials", "prune", check=False, **own(project))
    assert refused == (
        "optledger trials prune: nothing says which trials; "
        "add --unused, --older-than DAYS or both\n"
    )


def test_what_the_machine_took_stays_with_the_trial(project: Project) -> None:
    """Where it is put together from what was kept, too."""
    file = project.path / "results/observations/adam.json"
    before = json.loads(file.read_text())
    file.unlink()
    project.run("dvc", "repro", "--force", "--single-item", "train@adam", **own(project))
    assert json.loads(file.read_text()) == before


def test_a_sweep_that_can_keep_nothing_trains_nothing(project: Project) -> None:
    """What it trained would be lost; the stages train what they need."""
    printed = project.run("optledger", "sweep", OPTLEDGER_TRIALS="")
    assert printed == (
        "sweep: trains nothing, as an empty OPTLEDGER_TRIALS keeps nothing; run dvc repro\n"
    )
    (project.path / "file").write_text("a file")
    printed = project.run("optledger", "sweep", OPTLEDGER_TRIALS=str(project.path / "file"))
    assert len(TRAINED.findall(printed)) == 0
    assert printed.endswith("sweep: stopped, as finished trials cannot be kept; run dvc repro\n")


def test_other_packages_than_the_lock_s_are_not_taken_in(project: Project) -> None:
    """The trials were made with those; what is installed may be others."""
    shutil.rmtree(project.path / FOLDER)
    text = (project.path / "requirements.lock").read_text()
    other = re.sub(r"^numpy==\S+", "numpy==0.1", text, flags=re.MULTILINE)
    assert other != text
    (project.path / "requirements.lock").write_text(other)
    project.run("dvc", "commit", "--force", "--quiet")
    printed = project.run("optledger", "sweep", "--dry-run", **own(project))
    assert "copied from" not in printed


def test_what_a_search_may_choose_is_in_use(project: Project) -> None:
    """Until it has chosen: the final trials of every rate stay."""
    project.edit("params.yaml", "[0.001, 0.01, 0.1]", "[0.001, 0.01, 0.1, 0.2]")
    told = project.run("optledger", "trials", "prune", "--unused", **own(project))
    assert told == "0 trials, 0.0 MB: to remove; --yes removes them\n"
