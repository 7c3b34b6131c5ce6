"""Each kind of break, made for real: the line that names it, and its remedy, which mends it."""

import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from ruamel.yaml import YAML

from optledger.core.breaks import Break
from optledger.core.documents import read_yaml
from optledger.core.formats import file_digest
from optledger.verification.verify import Verification
from project import Project

Mend = Callable[[int], list[str]]


@pytest.fixture
def found(project: Project, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Break]]:
    """Return a function that verifies the checkout, in this process."""
    monkeypatch.chdir(project.path)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(project.path.parent / "site cache"))
    for name in ("DVC_ROOT", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    return lambda: list(Verification().breaks())


@pytest.fixture
def mended(project: Project, found: Callable[[], list[Break]]) -> Mend:
    """Return a function that verifies, follows each remedy, and checks that nothing is left."""

    def follow(expected: int) -> list[str]:
        breaks = [each for each in found() if not each.is_note]
        assert len(breaks) == expected, "\n".join(map(str, breaks))
        assert all(str(each).endswith(f"; remedy: {each.remedy}") for each in breaks)
        for remedy in dict.fromkeys(each.remedy for each in breaks):
            project.run("sh", "-c", remedy, PYTHONPATH="src")
        assert found() == []
        return sorted(map(str, breaks))

    return follow


def verified(project: Project, **environment: str) -> list[str]:
    """Return the lines that `optledger verify` prints, and its exit status."""
    shell = "optledger verify; echo $?"
    return project.run("sh", "-c", shell, PYTHONPATH="src", **environment).splitlines()


def flip(path: Path) -> None:
    """Change one byte of a file, and nothing by which DVC would notice."""
    status = path.stat()
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    path.chmod(status.st_mode)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def cached(project: Project, output: str) -> Path:
    """Return the cache object of an output, or of a file in an output that is a folder."""
    stages = read_yaml(project.path / "dvc.lock")["stages"].values()
    digests = {out["path"]: out["md5"] for stage in stages for out in stage.get("outs", [])}
    objects = project.path / ".dvc/cache/files/md5"
    folder = str(Path(output).parent)
    if output not in digests:
        listing = objects / digests[folder][:2] / digests[folder][2:]
        digests |= {f"{folder}/{each['relpath']}": each["md5"] for each in read_yaml(listing)}
    return objects / digests[output][:2] / digests[output][2:]


def store(project: Project) -> MlflowClient:
    """Return a client of the project's own tracking store."""
    return MlflowClient(f"sqlite:///{project.path / 'mlflow.db'}")


def stored(project: Project, name: str) -> Run:
    """Return the active run of a name, with the number of its seeds or without."""
    client = store(project)
    experiments = [each.experiment_id for each in client.search_experiments()]
    names = (name, f"{name} · 2 seeds")
    (run,) = (run for run in client.search_runs(experiments) if run.info.run_name in names)
    return run


def test_a_finished_project_has_no_breaks(project: Project) -> None:
    """Everything is counted; and a changed working tree that no stage depends on is none."""
    (project.path / "README.md").write_text("changed")
    *lines, status = verified(project)
    assert status == "0"
    counts = r"verify: 28 outputs .*MB\), 9 stages, 4 data files, 4 kept trials, 13 runs: 0 breaks"
    assert len(lines) == 1
    assert re.fullmatch(counts, lines[0])


def test_without_a_lock_there_is_nothing_to_verify(project: Project) -> None:
    """One line, with exit status 2."""
    (project.path / "dvc.lock").unlink()
    line = "dvc.lock: does not exist; run dvc repro first"
    assert verified(project) == [line, "2"]


def test_changed_and_missing_outputs(project: Project, mended: Mend) -> None:
    """Of folders and files, of DVC's cache and of Git's, also where times and sizes are as ever."""
    flip(project.path / "results/trials/adam/history.csv")
    flip(project.path / "results/seeds.csv")
    shutil.rmtree(project.path / "results/predictions")
    (project.path / "data/raw/more").touch()
    (project.path / "data/prepared/test.npz").unlink()
    test, raw, predictions, seeds, adam = mended(5)
    assert raw.startswith("data/raw: found md5 ")
    assert " (more added); expected md5 " in raw
    assert test.endswith("remedy: dvc checkout data/prepared/test.npz")
    assert " (history.csv changed); " in adam
    assert adam.endswith("remedy: rm -rf results/trials/adam && dvc checkout results/trials/adam")
    assert predictions.startswith("results/predictions: found nothing; ")
    assert seeds.endswith("remedy: rm -rf results/seeds.csv && dvc repro evaluate")


def test_cache_objects_that_are_changed_or_missing(project: Project, mended: Mend) -> None:
    """DVC believes what is read-only; the outputs beside them mend the objects."""
    train, weights = (
        cached(project, name)
        for name in ("data/prepared/train.npz", "results/trials/adam/weights.npz")
    )
    flip(weights)
    train.unlink()
    cached(project, "results/predictions").unlink()
    lock = project.read("dvc.lock")
    missing, folder, changed = mended(3)
    assert missing.startswith("the cache of data/prepared/train.npz: found .dvc/cache/files/md5/")
    assert missing.endswith("remedy: dvc commit --force preprocess")
    assert f"{weights.relative_to(project.path)} of md5 " in changed
    assert changed.endswith(
        f"rm -f {weights.relative_to(project.path)} && dvc commit --force train@adam"
    )
    assert ".dir missing; " in folder
    assert project.read("dvc.lock") == lock


def test_an_output_whose_object_is_broken_too_is_made_again(project: Project, mended: Mend) -> None:
    """A hard link to the cache, through which both were changed."""
    output = project.path / "results/predictions/adam.npz"
    before, held = output.read_bytes(), cached(project, "results/predictions/adam.npz")
    output.unlink()
    output.hardlink_to(held)
    flip(output)
    (line,) = mended(1)
    assert line.startswith("results/predictions: found md5 ")
    name = held.relative_to(project.path)
    assert line.endswith(f"remedy: rm -rf results/predictions {name} && dvc repro evaluate")
    assert output.read_bytes() == before


def test_objects_come_from_a_remote_where_there_is_one(
    project: Project, mended: Mend, tmp_path: Path
) -> None:
    """An output that neither the checkout nor the cache has is pulled."""
    project.run("dvc", "remote", "add", "--default", "storage", str(tmp_path / "storage"))
    project.run("dvc", "push")
    shutil.rmtree(project.path / ".dvc/cache/files")
    shutil.rmtree(project.path / "data/raw")
    project.run("dvc", "fetch", "preprocess", "train@gd", "train@adam", "evaluate", "report")
    (line,) = mended(1)
    assert line.endswith("remedy: dvc repro --pull download")


def test_a_lock_that_was_edited(project: Project, mended: Mend) -> None:
    """An output's digest, a dependency's, and a stage that is gone."""
    stages = read_yaml(project.path / "dvc.lock")["stages"]
    outputs = {out["path"]: out for out in stages["evaluate"]["outs"]}
    metrics, seeds = (outputs[f"results/{name}"]["md5"] for name in ("metrics.json", "seeds.csv"))
    stages["evaluate"]["outs"] = [
        out | {"md5": "e" * 32} if out["path"] == "results/metrics.json" else out
        for out in stages["evaluate"]["outs"]
    ]
    stages["compare"]["deps"] = [
        dep | {"md5": "d" * 32} if dep["path"] == "results/seeds.csv" else dep
        for dep in stages["compare"]["deps"]
    ]
    del stages["case@linear_regression"]
    YAML().dump({"schema": "2.0", "stages": stages}, project.path / "dvc.lock")
    gone, output, dependency = mended(3)
    assert gone == (
        "dvc.lock: found no case@linear_regression with its command; expected every stage of "
        "dvc.yaml; remedy: dvc repro case@linear_regression"
    )
    expected = f"expected md5 {'e' * 32}, as in dvc.lock"
    assert output.startswith(f"results/metrics.json: found md5 {metrics}; {expected}; ")
    expected = f"expected md5 {'d' * 32}, as in dvc.lock (compare)"
    assert dependency == f"results/seeds.csv: found md5 {seeds}; {expected}; remedy: dvc repro"


def test_code_and_parameters_that_changed(project: Project, mended: Mend) -> None:
    """A line for each file and each key, however many stages depend on it."""
    with (project.path / "src/optledger/stages/case.py").open("a") as code:
        code.write("# changed\n")
    (project.path / "requirements.lock").unlink()
    project.edit("params.yaml", "learning_rate: 5", "learning_rate: 4")
    parameter, packages, case = mended(3)
    assert packages.startswith("requirements.lock: found nothing; ")
    assert packages.endswith("remedy: git checkout HEAD -- requirements.lock")
    assert case.endswith(", as in dvc.lock (case@linear_regression); remedy: dvc repro")
    assert parameter == (
        "params.yaml: cases.linear_regression.methods.momentum.learning_rate: found 4; expected 5, "
        "as in dvc.lock (case@linear_regression, report); remedy: dvc repro"
    )


def test_data_that_were_committed_in_the_place_of_others(project: Project, mended: Mend) -> None:
    """What lock, cache and checkout agree on is still not what the registry pins."""
    flip(project.path / "data/raw/train-images")
    # DVC has to notice.
    os.utime(project.path / "data/raw/train-images")
    found = file_digest(project.path / "data/raw/train-images")
    project.run("dvc", "commit", "--force", "download", "preprocess")
    (line,) = mended(1)
    assert line.startswith(f"data/raw/train-images: found sha256 {found}; expected sha256 ")


def test_runs_that_are_missing_unfinished_or_double(project: Project, mended: Mend) -> None:
    """What the next publication mends."""
    client = store(project)
    seed, variant = stored(project, "adam seed 1"), stored(project, "gd")
    method = stored(project, "linear_regression sgd")
    client.create_run(
        variant.info.experiment_id,
        tags={name: value for name, value in variant.data.tags.items() if "optledger" in name},
        run_name="gd",
    )
    client.set_terminated(method.info.run_id, "FAILED")
    forget(project, seed.info.run_id)
    lines = mended(3)
    missing, doubled, unfinished = lines
    assert doubled.startswith("run gd: found runs ")
    assert variant.info.run_id in doubled
    assert missing.startswith("run adam seed 1: found nothing; expected a run of key ")
    assert unfinished == (
        f"run linear_regression sgd ({method.info.run_id}): found FAILED; expected FINISHED; "
        "remedy: dvc repro publish"
    )
    assert all(line.endswith("remedy: dvc repro publish") for line in lines)


def forget(project: Project, run_id: str) -> None:
    """Remove every trace of a run from the store."""
    with closing(sqlite3.connect(project.path / "mlflow.db")) as database, database:
        for table in ("tags", "params", "metrics", "latest_metrics", "runs"):
            database.execute(f"DELETE FROM {table} WHERE run_uuid = ?", (run_id,))


def test_runs_that_hold_something_else_are_replaced(project: Project, mended: Mend) -> None:
    """A metric, an artifact, a further point of a curve, and what only the database can change."""
    names = ("adam", "adam seed 0", "gd", "linear_regression")
    adam, seed, gd, case = (stored(project, name).info.run_id for name in names)
    key = stored(project, "linear_regression").data.tags["optledger.key"]
    client, loss = store(project), "curves/train_loss"
    client.log_metric(adam, "accuracy", 1.0)
    client.log_metric(adam, "f1", 1.0)
    client.log_metric(seed, loss, 0.5, step=17)
    (content,) = project.path.glob(f"mlartifacts/**/{case}/artifacts/content.json")
    flip(content)
    with closing(sqlite3.connect(project.path / "mlflow.db")) as database, database:
        statement = "UPDATE params SET value = '7' WHERE run_uuid = ? AND key = 'learning_rate'"
        database.execute(statement, (gd,))
    metric, curve, parameter, artifact = mended(4)
    assert metric.startswith(f"run adam ({adam}): metric accuracy (and 1 more that differ): found ")
    assert metric.endswith(f"; remedy: optledger publish --replace {adam}")
    assert curve.startswith(f"run adam seed 0 ({seed}): curve {loss}: found 4 points; expected 3 ")
    assert parameter.startswith(f"run gd ({gd}): parameter learning_rate: found '7'; expected '0.")
    where = f"run linear_regression ({case}): artifact content.json"
    assert artifact.startswith(f"{where}: found sha256 ")
    assert f"; expected sha256 {key}, its run key; " in artifact


def test_a_checkout_that_was_moved_has_no_breaks(project: Project) -> None:
    """Its runs have their artifacts, and the next publication finds them."""
    moved = replace(project, path=project.path.parent / "möved there")
    project.path.rename(moved.path)
    assert verified(moved)[-1] == "0"
    with closing(sqlite3.connect(moved.path / "mlflow.db")) as database:
        for table, column in (("runs", "artifact_uri"), ("model_versions", "source")):
            for (uri,) in database.execute(f"SELECT {column} FROM {table}").fetchall():
                assert uri.startswith(f"{moved.path.as_uri()}/mlartifacts/")
    printed = moved.run("optledger", "publish", PYTHONPATH="src")
    assert ": 0 created, 0 completed, 13 already there\n" in printed
    assert not project.path.exists()


def test_a_run_that_a_person_deleted_is_no_break(
    project: Project, found: Callable[[], list[Break]]
) -> None:
    """A note says how to bring it back, and that does."""
    store(project).delete_run(stored(project, "adam seed 0").info.run_id)
    (note,) = found()
    assert str(note).startswith("note: run adam seed 0: was deleted in MLflow; ")
    assert note.is_note
    project.run("sh", "-c", note.remedy, PYTHONPATH="src")
    assert found() == []


def test_a_store_that_is_away_is_one_line(
    project: Project, found: Callable[[], list[Break]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """For each experiment: a file that is not there, nor made, and a server that is down."""
    for uri in (f"sqlite:///{project.path / 'none.db'}", "http://127.0.0.1:9"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        names = [each.where for each in found()]
        assert names == [f"{uri}: optledger-digits", f"{uri}: optledger-cases"]
    assert not (project.path / "none.db").exists()


@pytest.mark.parametrize(
    ("file", "cut", "found"),
    [
        ("dvc.lock", "\n  compare:.*?(?=\n  \\w)", "dvc.lock: found no compare with its command"),
        ("dvc.lock", "(?<=stages:).*?(?=\n  preprocess)", "dvc.lock: found no download"),
        ("dvc.yaml", "\n  compare:.*?(?=\n  case)", "dvc.yaml: found no compare"),
        ("dvc.yaml", r"\A.*\Z", "dvc.yaml: found no download"),
    ],
)
def test_what_is_not_recorded_is_not_published(
    project: Project, file: str, cut: str, found: str
) -> None:
    """A lock or a pipeline without a stage vouches for nothing that this stage made."""
    text = (project.path / file).read_text()
    shorter = re.sub(cut, "" if file == "dvc.lock" else "\n", text, count=1, flags=re.DOTALL)
    assert shorter != text
    (project.path / file).write_text(shorter)
    table = project.path / "results/leaderboard.csv"
    table.write_text(table.read_text().replace("0.", "0.1", 1))
    printed = project.run("sh", "-c", "optledger publish; echo $?", PYTHONPATH="src").splitlines()
    assert printed[-1] == "2"
    assert any(line.startswith(found) for line in printed)
    assert "runs at" not in printed[-2]


def test_a_dvcignore_that_is_no_text_is_one_line(project: Project) -> None:
    """As editors of some systems write it."""
    (project.path / ".dvcignore").write_bytes("*.bak\n".encode("utf-16"))
    line, status = verified(project)
    assert line == ".dvcignore: is not UTF-8; save it as UTF-8"
    assert status == "2"


def test_a_table_that_no_stage_makes_is_not_published(project: Project) -> None:
    """Where dvc.yaml has it no longer as an output, the lock would not vouch for it."""
    text = (project.path / "dvc.yaml").read_text()
    shorter = re.sub(r"\n +- results/speed\.csv:\n +cache: false", "", text, count=1)
    assert shorter != text
    (project.path / "dvc.yaml").write_text(shorter)
    printed = project.run("sh", "-c", "optledger publish; echo $?", PYTHONPATH="src").splitlines()
    assert printed[-1] == "2"
    assert any(line.startswith("dvc.yaml: found no stage that makes ") for line in printed)


def test_a_stage_that_always_runs_is_recorded_all_the_same(project: Project) -> None:
    """As `always_changed: true` in dvc.yaml would have it."""
    project.edit("dvc.yaml", "\n  compare:\n", "\n  compare:\n    always_changed: true\n")
    lock = project.path / "dvc.lock"
    shorter = re.sub("\n  compare:.*?(?=\n  \\w)", "", lock.read_text(), count=1, flags=re.DOTALL)
    lock.write_text(shorter)
    printed = project.run("sh", "-c", "optledger publish; echo $?", PYTHONPATH="src").splitlines()
    assert printed[-1] == "2"
    assert any(line.startswith("dvc.lock: found no compare with its") for line in printed)


def test_parameters_that_the_results_are_not_of_are_not_published(project: Project) -> None:
    """They would stand beside figures that were made with others."""
    project.edit("params.yaml", "batch_size: 30", "batch_size: 64")
    printed = project.run("sh", "-c", "optledger publish; echo $?", PYTHONPATH="src")
    line, status = printed.splitlines()
    assert line.startswith(
        "params.yaml: training.batch_size: found 64; expected 30, as in dvc.lock"
    )
    assert status == "2"


def test_results_are_published_without_the_cache(project: Project) -> None:
    """What is published is here; what is lacking is what a checkout would be made of."""
    shutil.rmtree(project.path / ".dvc/cache")
    printed = project.run("sh", "-c", "optledger publish; echo $?", PYTHONPATH="src").splitlines()
    assert printed[-1] == "0"
    assert " 0 created, 0 completed, " in printed[-3]


def test_the_stage_alone_publishes_no_table_that_was_edited(project: Project) -> None:
    """DVC runs it whatever its dependencies are."""
    table = project.path / "results/leaderboard.csv"
    table.write_text(table.read_text().replace("0.", "0.1", 1))
    printed = project.run("dvc", "repro", "--single-item", "publish", check=False)
    assert "results/leaderboard.csv: found md5 " in printed
    assert "runs at" not in printed


def test_a_mistake_in_the_settings_of_dvc_is_not_one_in_the_lock(project: Project) -> None:
    """The line names the files, and what DVC finds wrong in them."""
    (project.path / ".dvc/config.local").write_text("[core]\n    autostage = perhaps\n")
    line, status = verified(project)
    assert line.startswith(".dvc/config or .dvc/config.local: ")
    assert "autostage" in line
    assert status == "2"
