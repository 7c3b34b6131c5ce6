"""The whole pipeline, for real: DVC and Git in a folder of its own, on scikit-learn's digits."""

import fcntl
import json
import os
import pty
import re
import shutil
import struct
import termios
from collections import Counter
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score

from optledger.core.formats import read_npz
from optledger.datasets.examples import Examples
from project import Project, new_project

CASE = """\
  other:
    model: logistic_regression
    test_fraction: 0.2
    seed: 7
    l2: 0.01
    epochs: 5
    methods:
      momentum: {rule: momentum, learning_rate: 1}
"""

SEARCHED = """\
  searched: {optimizer: {name: SGD, momentum: 0.9}, learning_rate: [1, 2]}
"""


def executed(printed: str) -> list[str]:
    """The stages that a `dvc repro` ran, in their order."""
    return re.findall(r"^Running stage '(.+)':$", printed, flags=re.MULTILINE)


def published(project: Project) -> list[Run]:
    """Every run in the project's own tracking store, the deleted ones included."""
    client = MlflowClient(f"sqlite:///{project.path / 'mlflow.db'}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return list(client.search_runs(experiments, run_view_type=3, max_results=1000))


def keys(project: Project) -> list[str]:
    """Return the run keys in the project's store, each as often as it is there."""
    return sorted(run.data.tags["optledger.key"] for run in published(project))


def test_the_results_are_complete(finished: Project) -> None:
    """Every stage left what the contracts say, and Git has the small tables and the lock."""
    tracked = finished.run("git", "ls-files", "dvc.lock", "results", "data").split()
    assert tracked == [
        "data/README.md",
        "dvc.lock",
        "results/answer.svg",
        "results/cases/linear_regression/figure.svg",
        "results/cases/linear_regression/methods.csv",
        "results/cases/linear_regression/trajectories.csv",
        "results/comparisons.csv",
        "results/comparisons.md",
        "results/confusion.csv",
        "results/curves.csv",
        "results/leaderboard.csv",
        "results/leaderboard.md",
        "results/metrics.json",
        "results/per_class.csv",
        "results/power.csv",
        "results/profile.csv",
        "results/report.md",
        "results/search.csv",
        "results/seeds.csv",
        "results/speed.csv",
    ]
    assert finished.run("git", "status", "--porcelain") == ""
    metrics = json.loads(finished.read("results/metrics.json"))
    names = ["accuracy", "f1", "loss", "precision", "recall"]
    assert list(metrics) == ["adam", "gd"]
    for values in metrics.values():
        assert list(values) == sorted([*names, *(f"{name}_std" for name in names)])
    seeds = pd.read_csv(finished.path / "results/seeds.csv")
    assert seeds[["variant", "seed"]].to_numpy().tolist() == [
        ["adam", 0],
        ["adam", 1],
        ["gd", 0],
        ["gd", 1],
    ]


def test_metrics_are_those_of_the_predictions(
    finished: Project, digits: tuple[Examples, Examples]
) -> None:
    """Scikit-learn, on the stored predictions, arrives at the stored metrics."""
    _, test = digits
    seeds = pd.read_csv(finished.path / "results/seeds.csv").set_index(["variant", "seed"])
    for variant in ("gd", "adam"):
        predictions = read_npz(finished.path / f"results/predictions/{variant}.npz")
        assert predictions["classes"].shape == (2, 297)
        assert predictions["classes"].dtype == np.uint8
        for seed in (0, 1):
            row, predicted = seeds.loc[(variant, seed)], predictions["classes"][seed]
            assert row["accuracy"] == pytest.approx(
                accuracy_score(test.targets, predicted), rel=1e-5
            )
            f1 = f1_score(test.targets, predicted, average="macro", zero_division=0)
            assert row["f1"] == pytest.approx(f1, rel=1e-5)
            assert row["loss"] == pytest.approx(predictions["losses"][seed].mean(), rel=1e-5)


def test_comparisons_are_those_of_the_predictions(
    finished: Project, digits: tuple[Examples, Examples]
) -> None:
    """Accuracy's interval, by the formula written out; the answer heads the leaderboard."""
    labels = digits[1].targets
    adam, gd = (
        (read_npz(finished.path / f"results/predictions/{name}.npz")["classes"] == labels) * 1.0
        for name in ("adam", "gd")
    )
    seeds, rest = [], 0.0
    for each in (adam, gd):
        means = each.mean(axis=1, keepdims=True) + each.mean(axis=0) - each.mean()
        residual = ((each - means) ** 2).sum() / (len(labels) - 1)
        seeds.append(max(each.mean(axis=1).var(ddof=1), residual / len(labels)) / 2)
        rest += residual / 2
    freedom = sum(seeds) ** 2 / sum(each**2 for each in seeds)
    apart = adam.mean(axis=0) - gd.mean(axis=0)
    images = max(0, apart.var(ddof=1) - rest) / len(labels)
    t, z = stats.t.ppf(0.975, freedom), stats.norm.ppf(0.975)
    table = pd.read_csv(finished.path / "results/comparisons.csv")
    row = table[table["metric"] == "accuracy"].squeeze()
    assert (row["variant"], row["against"], row["noise"]) == ("adam", "gd", "seeds and images")
    assert row["difference"] == pytest.approx(apart.mean(), rel=1e-5)
    # Two seeds of gd spread so far that nothing tells how far ahead of it another may be.
    assert seeds[1] > 9 * seeds[0]
    assert row["half_width"] == np.inf
    expected = apart.mean() - np.sqrt(t**2 * sum(seeds) + z**2 * images)
    assert row["low"] == pytest.approx(expected, rel=1e-5)
    answer = finished.read("results/leaderboard.md").decode().splitlines()[0]
    # Of two seeds nothing is concluded.
    assert row["verdict"] == "not judged"
    assert answer.startswith("Preview of 2 seeds ")
    assert finished.read("results/comparisons.md").decode().startswith(answer)


def test_further_seeds_are_planned_with_the_noise_of_the_results(finished: Project) -> None:
    """A line that adds them, from the checkout's own results."""
    plan = finished.run("optledger", "power", "gd", "adam", "--difference", "0.2")
    assert "| adam      | gd" in plan
    assert "dvc exp run -S seeds.count=" in plan


def test_training_learns(finished: Project) -> None:
    """Three epochs of Adam recognise most digits; the curves say so too."""
    metrics = json.loads(finished.read("results/metrics.json"))
    assert metrics["adam"]["accuracy"] > 0.8
    curves = pd.read_csv(finished.path / "results/curves.csv")
    losses = curves[curves["variant"] == "adam"]["train_loss"]
    assert losses.is_monotonic_decreasing


def test_runs_are_published(finished: Project) -> None:
    """Variants have their seeds as children, the case its methods; there is one comparison."""
    runs = {run.info.run_name: run for run in published(finished)}
    assert sorted(runs) == [
        "adam seed 0",
        "adam seed 1",
        "adam · 2 seeds",
        "comparison · 2 variants",
        "gd seed 0",
        "gd seed 1",
        "gd · 2 seeds",
        "linear_regression",
        "linear_regression conjugate_gradient",
        "linear_regression momentum",
        "linear_regression newton",
        "linear_regression scipy_cg",
        "linear_regression sgd",
    ]
    for name in ("gd seed 0", "adam seed 1"):
        parent = runs[f"{name.split()[0]} · 2 seeds"].info.run_id
        assert runs[name].data.tags["mlflow.parentRunId"] == parent
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    metrics = json.loads(finished.read("results/metrics.json"))
    for name, value in metrics["adam"].items():
        assert runs["adam · 2 seeds"].data.metrics[name] == value
    assert runs["adam · 2 seeds"].data.params["optimizer"] == "Adam"
    assert runs["adam · 2 seeds"].data.params["learning_rate"] == "0.01"
    assert runs["gd · 2 seeds"].data.params["batch_size"] == "full"


def champion(project: Project) -> list[tuple[str, str]]:
    """Return the variant and the version that have the alias, if any has it."""
    client = MlflowClient(f"sqlite:///{project.path / 'mlflow.db'}")
    return [
        (
            client.get_model_version(each.name, each.aliases["champion"]).tags["optledger.variant"],
            str(each.aliases["champion"]),
        )
        for each in client.search_registered_models()
    ]


def test_a_preview_has_no_champion_and_takes_none_away(
    finished: Project, judged: Project, tmp_path: Path
) -> None:
    """Two seeds have none, nor a registered model; after five, they leave the alias where it is."""
    assert champion(finished) == []
    answer = judged.read("results/report.md").decode().splitlines()[2]
    assert answer.startswith("adam is first ")
    assert champion(judged) == [("adam", "1")]
    project = judged.copy(tmp_path / "project")
    project.edit("params.yaml", "count: 5", "count: 2")
    printed = project.run("dvc", "repro")
    assert "\nPreview of 2 seeds " in printed
    project.commit()
    assert "are official" in project.run("optledger", "publish", PYTHONPATH="src")
    assert champion(project) == [("adam", "1")]


def test_what_the_machine_took_is_published_and_no_result(finished: Project) -> None:
    """MLflow has the seconds of each seed; Git ignores their file, and DVC does not know it."""
    for name in ("adam", "gd"):
        file = f"results/observations/{name}.json"
        assert finished.run("git", "check-ignore", file).strip() == file
        observation = json.loads(finished.read(file))
        for seed, observed in observation["seeds"].items():
            # A process with TensorFlow in it, in MiB.
            assert 100 < observed["peak_memory_mib"] < 10_000
            # The fixture asks for one worker.
            assert (observed["threads"], observed["workers"]) == (1, 1)
            (run,) = [
                run for run in published(finished) if run.info.run_name == f"{name} seed {seed}"
            ]
            seconds = observed["seconds_per_epoch"]
            assert run.data.metrics["seconds_per_epoch"] == seconds > 0
    assert b"observations" not in finished.read("dvc.lock")


def test_curves_have_the_epoch_as_step(finished: Project) -> None:
    """A seed's run has its history, epoch by epoch."""
    client = MlflowClient(f"sqlite:///{finished.path / 'mlflow.db'}")
    run = next(run for run in published(finished) if run.info.run_name == "adam seed 1")
    found = client.get_metric_history(run.info.run_id, "curves/validation_loss")
    history = pd.read_csv(finished.path / "results/trials/adam/history.csv")
    expected = history[history["seed"] == 1]
    points = [(point.step, point.value) for point in found]
    assert sorted(points) == list(zip(expected["epoch"], expected["validation_loss"], strict=True))


def test_a_second_run_publishes_again_and_changes_nothing(project: Project) -> None:
    """No other stage runs, no run is added, and no file changes."""
    before = keys(project)
    printed = project.run("dvc", "repro")
    assert executed(printed) == ["publish"]
    # The copy has a store of its own, in which the runs already are.
    assert "0 created, 0 completed, 13 already there" in printed
    assert keys(project) == before
    assert project.run("git", "status", "--porcelain") == ""


def test_publishing_what_is_there_imports_no_tensorflow(cold: Project) -> None:
    """That takes seconds, as the model is written without it, too."""
    publish = ("python", "-X", "importtime", "-m", "optledger.stages.publish")
    printed = cold.run(*publish, PYTHONPATH="src")
    assert "0 created, 0 completed, 13 already there" in printed
    imported = set(re.findall(r"\| +(\w+)$", printed, flags=re.MULTILINE))
    assert "optledger" in imported
    assert not imported & {"tensorflow", "keras"}


def test_what_someone_deleted_stays_deleted(project: Project) -> None:
    """Until `optledger publish --restore`."""
    client = MlflowClient(f"sqlite:///{project.path / 'mlflow.db'}")
    (run,) = [run for run in published(project) if run.info.run_name == "adam seed 1"]
    client.delete_run(run.info.run_id)
    printed = project.run("dvc", "repro")
    assert "12 already there, 1 deleted in MLflow (optledger publish --restore" in printed
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    printed = project.run("optledger", "publish", "--restore", PYTHONPATH="src")
    assert "0 created, 1 completed, 12 already there\n" in printed
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "active"


def test_a_deleted_store_is_filled_again_with_the_same_runs(project: Project) -> None:
    """Results that DVC has cached are published to a new store too."""
    before = keys(project)
    (project.path / "mlflow.db").unlink()
    assert executed(project.run("dvc", "repro")) == ["publish"]
    assert keys(project) == before


def test_comments_order_and_integer_floats_rerun_nothing(project: Project) -> None:
    """What reads the same is the same, for DVC and for the run keys."""
    before = keys(project)
    project.edit("params.yaml", "seeds:", "# how often\nseeds:")
    project.edit("params.yaml", "{optimizer: Adam, learning_rate", "{learning_rate")
    project.edit("params.yaml", "rate: 0.01}", "rate: 1e-2, optimizer: Adam}")
    lines = project.read("params.yaml").decode().splitlines()
    lines[-2:] = reversed(lines[-2:])
    (project.path / "params.yaml").write_text("\n".join(lines) + "\n")
    assert executed(project.run("dvc", "repro")) == ["publish"]
    assert keys(project) == before


def test_changing_a_variant_trains_that_variant_only(project: Project) -> None:
    """The other variants' trials, and their runs in MLflow, are left alone."""
    before = set(keys(project))
    project.edit("params.yaml", "learning_rate: 0.01", "learning_rate: 0.02")
    printed = project.run("dvc", "repro")
    assert executed(printed) == ["train@adam", "evaluate", "compare", "report", "publish"]
    # A new run of the variant, of its two seeds, and of the comparison.
    assert len(set(keys(project)) - before) == 4
    assert before <= set(keys(project))
    changed = project.run("dvc", "params", "diff").split()
    assert [*changed[-4:]] == ["params.yaml", "variants.adam.learning_rate", "0.01", "0.02"]
    metrics = project.run("dvc", "metrics", "diff")
    assert "adam.accuracy" in metrics
    assert "gd.accuracy" not in metrics


def test_changing_a_method_runs_its_case_only(project: Project) -> None:
    """New runs are the case, its methods and the comparison, whose report has the figure."""
    before = set(keys(project))
    project.edit(
        "params.yaml", "rule: momentum, learning_rate: 5", "rule: momentum, learning_rate: 2"
    )
    assert executed(project.run("dvc", "repro")) == ["case@linear_regression", "report", "publish"]
    assert len(set(keys(project)) - before) == 7
    assert before <= set(keys(project))
    status = project.run("git", "status", "--porcelain", "results").split()
    assert status[1::2] == [
        f"results/cases/linear_regression/{file}"
        for file in ("figure.svg", "methods.csv", "trajectories.csv")
    ]


def rates(project: Project) -> set[tuple[str, str]]:
    """The published variants, each with its learning rate."""
    return {
        (run.data.tags["optledger.variant"], run.data.params["learning_rate"])
        for run in published(project)
        if run.data.tags["optledger.kind"] == "variant"
    }


def test_the_lock_after_a_removal_is_that_of_a_clean_run(
    finished: Project, project: Project, digits_entry: str, tmp_path: Path
) -> None:
    """A variant and a case that came and went leave no trace, in the lock or in the results.

    What a table reads as an integer is a learning rate like any other.
    """
    project.edit("params.yaml", "variants:\n", f"variants:\n{SEARCHED}")
    project.edit("params.yaml", "cases:\n", f"cases:\n{CASE}")
    printed = project.run("dvc", "repro")
    assert sorted(executed(printed)) == [
        *("case@other", "compare", "evaluate", "publish", "report", "train@searched"),
    ]
    assert "searched" in json.loads(project.read("results/metrics.json"))
    assert rates(project) & {("searched", "1.0"), ("searched", "2.0")}
    assert (project.path / "results/cases/other").exists()
    project.edit("params.yaml", SEARCHED, "")
    project.edit("params.yaml", CASE, "")
    project.run("dvc", "repro")
    assert {path.name for path in (project.path / "results/trials").iterdir()} == {"adam", "gd"}
    assert not (project.path / "results/cases/other").exists()
    for file in ("dvc.lock", "results/metrics.json", "results/seeds.csv"):
        assert project.read(file) == finished.read(file)


def test_training_gives_the_same_bytes_without_a_test_split(project: Project) -> None:
    """No raw file, no test split: what trains cannot see them."""
    before = project.read("results/trials/adam/weights.npz")
    shutil.rmtree(project.path / "results/trials/adam")
    shutil.rmtree(project.path / "data/raw")
    (project.path / "data/prepared/test.npz").unlink()
    train = ("python", "-m", "optledger.stages.train", "adam")
    project.run(*train, PYTHONPATH="src", OPTLEDGER_TRIALS="")
    assert project.read("results/trials/adam/weights.npz") == before


def test_everything_again_gives_the_same_bytes(
    finished: Project, digits_entry: str, tmp_path: Path
) -> None:
    """A clean checkout elsewhere, with more workers, and everything forced: the same lock."""
    other = new_project(tmp_path / "elsewhere", digits_entry, cold=True)
    assert "dvc.lock" not in other.run("git", "ls-files")
    other.run("dvc", "repro", "--force", OPTLEDGER_WORKERS="2")
    assert other.read("dvc.lock") == finished.read("dvc.lock")
    assert keys(other) == keys(finished)


def test_a_temporary_experiment_gives_the_same_bytes(finished: Project, project: Project) -> None:
    """`dvc exp run --temp` publishes to the main store, adds no run there and repeats the lock."""
    before = Counter(keys(project))
    project.run("dvc", "exp", "run", "--temp", "--force", "--name", "again")
    ref = project.run("git", "for-each-ref", "--format=%(refname)", "refs/exps/").split()
    lock = next(
        shown
        for name in ref
        if name.endswith("/again") and (shown := project.run("git", "show", f"{name}:dvc.lock"))
    )
    assert lock.encode() == finished.read("dvc.lock")
    assert Counter(keys(project)) == before


def test_home_is_the_same_in_a_temporary_experiment(project: Project, digits_folder: Path) -> None:
    """A mirror of one's own is found from whatever folder the download runs in."""
    shutil.copytree(digits_folder, project.path.parent / "home/mirror/digits")
    printed = project.run(
        *("dvc", "exp", "run", "--temp", "--force", "--single-item", "download"),
        HOME=str(project.path.parent / "home"),
        OPTLEDGER_MIRROR="~/mirror",
    )
    assert "digits: trying ~/mirror/digits\n" in printed
    assert "digits: trying /" not in printed


def test_an_experiment_changes_a_parameter_from_the_command_line(project: Project) -> None:
    """`dvc exp run -S` trains what the parameter touches, and `dvc exp show` has its metrics.

    The copy runs its own code, not that of the package that is installed.
    """
    project.edit(
        "src/optledger/stages/train.py",
        "{name}: learning rate{several}",
        "of this copy: {name}: learning rate{several}",
    )
    project.commit()
    printed = project.run(
        *("dvc", "exp", "run", "--temp", "--name", "faster"),
        *("-S", "variants.adam.learning_rate=0.02", "evaluate"),
    )
    assert "train@adam" in printed
    assert "of this copy: adam: learning rate 0.02\n" in printed
    shown = project.run("dvc", "exp", "show", "--csv", "--only-changed")
    assert "faster" in shown
    assert "adam.accuracy" in shown.splitlines()[0]
    assert project.run("git", "status", "--porcelain") == ""


def test_a_diverged_variant_is_a_result(project: Project) -> None:
    """It stops nothing: its seeds count with 0, its loss is empty, and the report says so."""
    before = project.read("results/metrics.json")
    project.edit("params.yaml", "learning_rate: 0.01", "learning_rate: 1.0e+30")
    printed = project.run("dvc", "repro")
    assert "adam: learning rate 1e+30, seed 0: diverged at epoch 1 in step " in printed
    metrics = json.loads(project.read("results/metrics.json"))
    assert (metrics["adam"]["accuracy"], metrics["adam"]["loss"]) == (0.0, None)
    assert metrics["gd"] == json.loads(before)["gd"]
    seeds = pd.read_csv(project.path / "results/seeds.csv").set_index("variant")
    assert seeds.loc["adam", ["kept_epoch", "converged_epoch"]].isna().all(axis=None)
    assert "2 (2 diverged)" in project.read("results/leaderboard.md").decode()
    run = next(
        run
        for run in published(project)
        if run.info.run_name.startswith("adam · ") and run.data.params["learning_rate"] == "1e+30"
    )
    assert run.data.metrics["diverged_seeds"] == 2
    assert "loss" not in run.data.metrics


def test_a_searched_learning_rate_is_used_and_shown(project: Project) -> None:
    """From the search to the leaderboard, the plots and MLflow; progress is told on the way."""
    grid = "[0.0001, 0.001, 0.01]"
    project.edit("params.yaml", "learning_rate: 0.01", f"learning_rate: {grid}")
    printed = project.run("dvc", "repro", OPTLEDGER_TRIALS="")
    assert executed(printed) == ["train@adam", "evaluate", "compare", "report", "publish"]
    lines = [line for line in printed.splitlines() if line.startswith("adam: ")]
    progress = r"train accuracy 0\.\d{4}, validation accuracy 0\.\d{4}"
    for number, line in enumerate(lines[:5], start=1):
        seed = "1000" if number <= 3 else "[01]"
        left = rf"\({number} of 5 trials, \d+\.\d epochs a second, 0:00:0\d left\)"
        assert re.fullmatch(rf"adam: learning rate 0\.0*1, seed {seed}: {progress} {left}", line)
    summary = r"adam: 5 trials, 15 epochs in \d+ s, \d+\.\d epochs a second"
    assert re.fullmatch(summary, lines[5])
    assert lines[6:] == [
        "adam: learning rate 0.01, of 3 tried",
        "adam: that is the highest tried, so a better one may lie beyond: "
        "params.yaml: variants.adam.learning_rate",
    ]
    # The chosen one was given before, so that everything but the search is as it was.
    before = project.run("git", "show", "HEAD:results/seeds.csv")
    assert project.read("results/seeds.csv").decode() == before
    search = pd.read_csv(project.path / "results/search.csv")
    assert search["variant"].tolist() == ["adam"] * 3
    assert search["chosen"].tolist() == [0, 0, 1]
    assert search["validation_accuracy"].argmax() == 2
    leaderboard = project.read("results/leaderboard.md").decode()
    assert "0.01 (highest tried)" in leaderboard
    assert "0, not 3" in leaderboard
    assert "Not every variant had as many search trials" in leaderboard
    client = MlflowClient(f"sqlite:///{project.path / 'mlflow.db'}")
    (run,) = [
        run
        for run in published(project)
        if "search.learning_rate" in run.data.params and run.info.run_name.startswith("adam · ")
    ]
    assert run.data.params["learning_rate"] == "0.01"
    assert run.data.params["search.learning_rate"] == grid
    assert "search.csv" in [file.path for file in client.list_artifacts(run.info.run_id)]
    project.run("dvc", "plots", "show")
    assert "Sensitivity to the learning rate" in project.read("dvc_plots/index.html").decode()


def test_a_bar_shows_the_progress_on_a_terminal(project: Project) -> None:
    """It counts trials and epochs, and leaves the summary only."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    train = ("python", "-m", "optledger.stages.train", "adam")
    process = project.start(*train, terminal=end, PYTHONPATH="src", OPTLEDGER_TRIALS="")
    os.close(end)
    shown = b""
    # A closed terminal is an error to whoever reads it.
    with suppress(OSError):
        while read := os.read(terminal, 65536):
            shown += read
    os.close(terminal)
    assert process.wait() == 0
    # Escape sequences move the cursor and end colours.
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[\w+", "", shown.decode()).strip())
    *states, summary, chosen = lines
    assert chosen == "adam: learning rate 0.01"
    assert any(re.match(r"adam: 2 of 2 trials: 100%\|█+\| 6/6 \[", state) for state in states)
    assert re.fullmatch(r"adam: 2 trials, 6 epochs in .* a second", summary)
    assert "train accuracy" not in shown.decode()


def test_without_a_validation_split_all_examples_train(project: Project) -> None:
    """A fraction of 0 is the article's setting: no validation metrics, everything else as ever."""
    project.edit("params.yaml", "validation_fraction: 0.1", "validation_fraction: 0")
    project.run("dvc", "repro", "report")
    summary = json.loads(project.read("data/prepared/summary.json"))
    assert summary["examples"] == {"train": 1500, "validation": 0}
    seeds = pd.read_csv(project.path / "results/seeds.csv")
    assert seeds["validation_accuracy"].isna().all()
    assert seeds["accuracy"].notna().all()
