import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata
from tensorboard.util.tensor_util import make_ndarray

from boards import VARIANT
from optledger.analysis.schemas import read_results
from optledger.core.errors import UserError
from optledger.report.event_files import FILE, hyperparameters, runs_of, write_runs
from optledger.trials.records import read_history
from project import Project

METRICS = ["accuracy", "precision", "recall", "f1", "loss"]
CURVES = {
    "train_loss": "loss/train",
    "train_accuracy": "accuracy/train",
    "validation_loss": "loss/validation",
    "validation_accuracy": "accuracy/validation",
}

WITHOUT_TENSORFLOW = """
import sys
from optledger.cli import app
app(["tensorboard", sys.argv[1]], standalone_mode=False)
assert not {"tensorflow", "keras"} & set(sys.modules)
"""


def exported(project: Project, *arguments: object) -> str:
    """Return what `optledger tensorboard` prints, and its exit status in a last line."""
    shell = 'optledger tensorboard "$@"; echo $?'
    return project.run("sh", "-c", shell, "sh", *map(str, arguments), PYTHONPATH="src")


def read(run: Path) -> EventAccumulator:
    """Read a run as TensorBoard does, without leaving out any of its points."""
    accumulator = EventAccumulator(str(run), size_guidance={"tensors": 0})
    return accumulator.Reload()


def scalars(run: Path) -> dict[str, dict[int, float]]:
    """Return a run's scalars by tag and step."""
    accumulator = read(run)
    tags = accumulator.PluginTagToContent("scalars")
    return {
        tag: {each.step: make_ndarray(each.tensor_proto).item() for each in events}
        for tag in tags
        if (events := accumulator.Tensors(tag))
    }


def plugin_data(run: Path, tag: str) -> bytes:
    """Return what a run has for TensorBoard's table of hyperparameters."""
    content = read(run).PluginTagToContent("hparams")[tag]
    assert isinstance(content, bytes)
    return content


def content(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder."""
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def rounded(values: pd.Series) -> list[float]:
    """Return values with the precision that an event has."""
    return values.astype(np.float32).astype(float).tolist()


def expected(table: pd.DataFrame) -> dict[str, dict[int, float]]:
    """Return the scalars of a table of epochs."""
    epochs = table["epoch"].tolist()
    return {
        tag: dict(zip(epochs, rounded(table[column]), strict=True))
        for column, tag in CURVES.items()
    }


@pytest.fixture(scope="module")
def folder(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The event files of the finished project: read-only."""
    folder = tmp_path_factory.mktemp("runs") / "of digits"
    printed = exported(finished, folder)
    assert printed.splitlines() == [
        f"6 runs; to look at them: tensorboard --logdir '{folder}'",
        "Filtered by the word mean, they are the means of the variants over their seeds.",
        "0",
    ]
    return folder


@pytest.mark.parametrize("variant", ["adam", "gd"])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_run_of_a_seed_has_its_history(
    folder: Path, finished: Project, variant: str, seed: int
) -> None:
    """Every metric of every epoch, and those of the test split in the epoch that was kept."""
    history = read_history(finished.path / "results/trials" / variant)
    seeds = read_results("seeds", folder=finished.path / "results")["seeds"]
    own = seeds[(seeds["variant"] == variant) & (seeds["seed"] == seed)]
    test = {f"test/{metric}": {len(history) // 2: rounded(own[metric])[0]} for metric in METRICS}
    found = scalars(folder / variant / f"seed-{seed}")
    assert found == expected(history[history["seed"] == seed]) | test


@pytest.mark.parametrize("variant", ["adam", "gd"])
def test_the_run_of_a_mean_has_the_mean(folder: Path, finished: Project, variant: str) -> None:
    """It is what results/curves.csv and results/metrics.json have."""
    curves = read_results("curves", folder=finished.path / "results")["curves"]
    own = curves[curves["variant"] == variant]
    metrics = json.loads(finished.read("results/metrics.json"))[variant]
    found = scalars(folder / variant / "mean")
    assert set(found) == set(expected(own)) | {f"test/{metric}" for metric in METRICS}
    for tag, curve in expected(own).items():
        assert found[tag] == pytest.approx(curve, rel=1e-5)
    for metric in METRICS:
        assert found[f"test/{metric}"] == pytest.approx({len(own): metrics[metric]}, rel=1e-5)


def test_variants_are_rows_of_hyperparameters(folder: Path) -> None:
    """The learning rate is the chosen one, and the test accuracy the first of the metrics."""
    data = plugin_data(folder / "gd/mean", metadata.SESSION_START_INFO_TAG)
    row = metadata.parse_session_start_info_plugin_data(data)
    values = {name: value.string_value or value.number_value for name, value in row.hparams.items()}
    assert row.group_name == "gd"
    assert values == {"optimizer": "SGD", "learning_rate": 0.5, "batch_size": "full", "epochs": 5}
    data = plugin_data(folder / "adam/mean", metadata.EXPERIMENT_TAG)
    table = metadata.parse_experiment_plugin_data(data)
    names = [column.name for column in table.hparam_infos]
    assert names == ["optimizer", "learning_rate", "batch_size", "epochs"]
    assert table.metric_infos[0].name.tag == "test/accuracy"


def test_only_the_means_are_rows(folder: Path) -> None:
    """A seed has the parameters of its variant."""
    with pytest.raises(KeyError):
        plugin_data(folder / "gd/seed-0", metadata.SESSION_START_INFO_TAG)


def test_the_files_repeat_byte_for_byte(finished: Project, tmp_path: Path, folder: Path) -> None:
    """They have neither the time nor the host in content or name."""
    assert exported(finished, tmp_path / "again").endswith("\n0\n")
    assert content(tmp_path / "again") == content(folder)
    assert len(content(folder)) == 6


def test_tensorflow_is_not_imported(finished: Project, tmp_path: Path) -> None:
    """Nor Keras; TensorBoard's writer does without."""
    arguments = ("-c", WITHOUT_TENSORFLOW, str(tmp_path / "runs"))
    replace(finished, cold=True).run("python", *arguments, PYTHONPATH="src")
    assert len(content(tmp_path / "runs")) == 6


def test_what_was_written_before_is_replaced(tmp_path: Path) -> None:
    """A variant that is gone leaves no run, and nothing else is left either."""
    write_runs(tmp_path / "runs", {"old/mean": [], "kept/mean": []})
    write_runs(tmp_path / "runs", {"kept/mean": []})
    assert list(content(tmp_path)) == [f"runs/kept/mean/{FILE}"]


def test_the_folder_behind_a_link_is_replaced(tmp_path: Path) -> None:
    """The link stays."""
    write_runs(tmp_path / "runs", {"old/mean": []})
    (tmp_path / "link").symlink_to("runs")
    write_runs(tmp_path / "link", {"new/mean": []})
    assert (tmp_path / "link").is_symlink()
    assert list(content(tmp_path / "runs")) == [f"new/mean/{FILE}"]


@pytest.mark.parametrize("name", ["notes.txt", "adam/mean/events.out.tfevents.1.host.2.0"])
def test_a_folder_with_anything_else_is_left_alone(tmp_path: Path, name: str) -> None:
    """One line names it, be it the event file of another program."""
    write_runs(tmp_path, {"adam/mean": []})
    (tmp_path / name).write_text("precious")
    before = content(tmp_path)
    with pytest.raises(UserError) as caught:
        write_runs(tmp_path, {})
    assert str(caught.value) == (
        f"optledger tensorboard: found {tmp_path / name}; allowed: a folder with nothing but what "
        "this command wrote, and now writes anew"
    )
    assert content(tmp_path) == before


def test_a_link_in_the_folder_is_something_else(tmp_path: Path) -> None:
    """Whatever it is called, and wherever it leads."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / FILE).symlink_to("elsewhere")
    with pytest.raises(UserError, match=f"found .*{FILE}; allowed: "):
        write_runs(tmp_path / "runs", {})
    assert (tmp_path / "runs" / FILE).is_symlink()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """It stays, and so does one in the way of the folder."""
    file = tmp_path / "file"
    file.write_text("precious")
    with pytest.raises(UserError, match=r"found .*file; allowed: a folder with nothing but"):
        write_runs(file, {})
    with pytest.raises(UserError, match=r"^optledger tensorboard: .*file/runs: File exists$"):
        write_runs(file / "runs", {})
    assert file.read_text() == "precious"


def test_a_circle_of_links_is_one_line(tmp_path: Path) -> None:
    """Python up to 3.12 has an error of its own for it."""
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(UserError, match=r"^optledger tensorboard: .*: Too many levels of symbolic"):
        write_runs(tmp_path / "a" / "runs", {})


def test_a_pipeline_whose_training_has_no_parameters_is_told(project: Project) -> None:
    """Then the lock does not say what the results are of."""
    text = (project.path / "dvc.yaml").read_text()
    parameters = "      params:\n" + "".join(
        f"        - {name}\n"
        for name in ("model", "search", "seeds", "training", "variants.${key}")
    )
    shorter = text.replace(parameters, "")
    assert shorter != text
    (project.path / "dvc.yaml").write_text(shorter)
    line, status = exported(project).splitlines()
    assert line.startswith("dvc.yaml: train@")
    assert ": found no params; allowed: those of params.yaml; " in line
    assert status == "2"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "  adam:",
            "  another:",
            "results/seeds.csv: has no another, which is a variant of params.yaml; "
            "run dvc repro first",
        ),
        (
            "batch_size: 30",
            "batch_size: 64",
            "params.yaml: training.batch_size: found 64; allowed: 30, which the results are of; "
            "else dvc repro",
        ),
    ],
)
def test_results_of_other_parameters_are_told(
    project: Project, old: str, new: str, line: str
) -> None:
    """Their hyperparameters would be wrong; the exit status is 2."""
    project.edit("params.yaml", old, new)
    assert exported(project).splitlines() == [line, "2"]
    assert not (project.path / "build").exists()


@pytest.mark.parametrize("file", ["results/seeds.csv", "results/trials/adam/history.csv"])
def test_results_that_are_not_there_are_told(project: Project, file: str) -> None:
    """One line says how to get them; the exit status is 2."""
    (project.path / file).unlink()
    line = f"{file}: does not exist; run dvc repro or dvc pull first"
    assert exported(project).splitlines() == [line, "2"]


@pytest.mark.parametrize(
    ("file", "old", "new", "line"),
    [
        ("trials/adam/history.csv", "0,1,", "0,1,inf,", "line 2: found a row of length 7; allowed"),
        ("trials/adam/history.csv", "0,1,", "0,1,x", "line 2: column train_loss: found 'x"),
        ("seeds.csv", "adam,0,0.01,", "adam,0,inf,", "column learning_rate: found 'inf'"),
    ],
)
def test_damaged_tables_are_told(
    project: Project, file: str, old: str, new: str, line: str
) -> None:
    """Neither a text nor an infinity is drawn; the exit status is 2."""
    path = project.path / "results" / file
    text = path.read_text()
    path.unlink()
    path.write_text(text.replace(f"\n{old}", f"\n{new}", 1))
    told, status = exported(project).splitlines()
    assert told.startswith(f"results/{file}: ")
    assert line in told
    assert status == "2"


def results(**columns: Any) -> tuple[dict[str, pd.DataFrame], pd.DataFrame]:
    """Return the history and the seeds of `adam`: two seeds of three epochs, but for `columns`."""
    history = pd.DataFrame(
        {"seed": [0] * 3 + [1] * 3, "epoch": [1, 2, 3] * 2, **dict.fromkeys(CURVES, 0.5)} | columns
    )
    seeds = pd.DataFrame(
        {
            "variant": "adam",
            "seed": [0, 1],
            "learning_rate": 0.1,
            **dict.fromkeys(METRICS, 0.5),
            "epochs": 3,
            "kept_epoch": 3.0,
        }
    )
    return {"adam": history}, seeds


def written(
    folder: Path, histories: dict[str, pd.DataFrame], seeds: pd.DataFrame
) -> dict[str, dict[str, dict[int, float]]]:
    """Write the runs of `adam`; return their scalars."""
    parameters = hyperparameters({"adam": VARIANT}, seeds)
    runs = runs_of(histories, seeds, parameters)
    write_runs(folder, runs)
    return {name: scalars(folder / name) for name in runs}


def test_without_a_validation_split_there_are_no_curves_of_it(tmp_path: Path) -> None:
    """No point is drawn at NaN."""
    histories, seeds = results(validation_loss=np.nan, validation_accuracy=np.nan)
    found = written(tmp_path, histories, seeds)
    test = {f"test/{metric}" for metric in METRICS}
    assert set(found["adam/mean"]) == {"loss/train", "accuracy/train"} | test
    assert set(found["adam/seed-1"]) == set(found["adam/mean"])


def test_a_seed_that_diverged_ends_there(tmp_path: Path) -> None:
    """It has no test loss; the mean goes on with those that are left, as in results/curves.csv."""
    histories, seeds = results(train_loss=[1.0, 1.0, 1.0, 3.0, 3.0, 3.0])
    histories["adam"] = histories["adam"].iloc[:4]
    seeds = seeds.astype({"accuracy": float})
    seeds.loc[1, ["accuracy", "loss", "epochs", "kept_epoch"]] = 0.0, np.nan, 1, np.nan
    found = written(tmp_path, histories, seeds)
    assert found["adam/seed-1"]["loss/train"] == {1: 3}
    assert found["adam/seed-1"]["test/accuracy"] == {1: 0}
    assert "test/loss" not in found["adam/seed-1"]
    assert found["adam/mean"]["loss/train"] == {1: 2, 2: 1, 3: 1}
    assert found["adam/mean"]["test/accuracy"] == {3: 0.25}


def test_a_variant_that_diverged_at_once_has_runs(tmp_path: Path) -> None:
    """Without any epoch they have the test metrics of a divergence."""
    histories, seeds = results()
    histories["adam"] = histories["adam"].iloc[:0]
    diverged = {"accuracy": 0.0, "loss": np.nan, "epochs": 0, "kept_epoch": np.nan}
    found = written(tmp_path, histories, seeds.assign(**diverged))
    test = {f"test/{metric}" for metric in METRICS} - {"test/loss"}
    assert set(found["adam/mean"]) == set(found["adam/seed-0"]) == test
    assert found["adam/mean"]["test/accuracy"] == {0: 0}


def test_parameters_are_shown_where_variants_differ() -> None:
    """Some always are; what a variant lacks is a dash, and its column one of texts."""
    variants = {
        "plain": VARIANT,
        "full": VARIANT.model_copy(update={"batch_size": "full", "training_fraction": 0.5}),
        "momentum": VARIANT.model_copy(
            update={"optimizer": type(VARIANT.optimizer)(name="SGD", momentum=0.9)}
        ),
    }
    seeds = pd.DataFrame({"variant": list(variants), "learning_rate": [0.1, 0.2, 0.3]})
    table = hyperparameters(variants, seeds)
    assert table.to_dict("list") == {
        "optimizer": ["Adam", "Adam", "SGD"],
        "learning_rate": [0.1, 0.2, 0.3],
        "batch_size": ["32", "full", "32"],
        "epochs": [10, 10, 10],
        "training_fraction": [1.0, 0.5, 1.0],
        "optimizer.momentum": ["-", "-", "0.9"],
    }
