"""A publication to a real SQLite store: single and complete, whatever was there before."""

import errno
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run as MlflowRun
from mlflow.entities import ViewType

from optledger.core.errors import UserError
from optledger.core.formats import digest, file_digest
from optledger.core.params import Publish
from optledger.datasets.examples import Examples
from optledger.datasets.prepared import write_split
from optledger.tracking.agreement import RunCounts
from optledger.tracking.location import tracking_uri
from optledger.tracking.publication import publish_runs
from optledger.tracking.run import Input, Run
from optledger.tracking.standing import standing
from optledger.tracking.store import Store

CURVES = pd.DataFrame({"epoch": range(1, 601), "train_loss": 0.5, "validation_loss": 0.25})


def runs(folder: Path, observed: float | None = None) -> list[Run]:
    """A parent with more parameters and points than a request may hold, and its child."""
    (folder / "history.csv").write_text("epoch\n")
    write_split("train", Examples(np.ones((3, 2, 2), np.uint8), np.ones(3, np.uint8)), folder)
    train = folder / "train.npz"
    parent = Run(
        content={"kind": "variant", "name": "adam"},
        name="adam",
        parameters={f"parameter_{number}": "1" for number in range(150)},
        metrics={"accuracy": 0.9},
        observed={} if observed is None else {"seconds_per_epoch": observed},
        machine="" if observed is None else f"processor of {observed}",
        curves=CURVES,
        tags={"variant": "adam"},
        description="Adam, in words.",
        artifacts=(folder / "history.csv",),
        tables={"per_class": pd.DataFrame({"class": [0, 1], "f1": [0.5, None]})},
        inputs=(Input("digits train", "training", train, 3, file_digest(train, "md5")),),
    )
    child = {"kind": "seed", "variant": parent.key, "seed": 0}
    return [parent, Run(content=child, name="adam seed 0", parent=parent, curves=CURVES[:3])]


@pytest.fixture
def client(root: Path) -> MlflowClient:
    """A client of that store."""
    return MlflowClient(tracking_uri(root))


def active(client: MlflowClient, view: int = ViewType.ACTIVE_ONLY) -> dict[str, MlflowRun]:
    """Return the runs by name; no two have the same."""
    experiment = client.get_experiment_by_name("e")
    found = client.search_runs([experiment.experiment_id], run_view_type=view)
    by_name = {run.info.run_name: run for run in found}
    assert len(by_name) == len(found)
    return by_name


def everything(client: MlflowClient) -> dict[str, object]:
    """Everything in the store that may not change, by name."""
    return {
        name: (
            run.info.run_id,
            run.info.status,
            run.data.params,
            run.data.tags,
            {
                metric: sorted(
                    (point.step, point.timestamp, point.value)
                    for point in client.get_metric_history(run.info.run_id, metric)
                )
                for metric in run.data.metrics
            },
            [file.path for file in client.list_artifacts(run.info.run_id)],
            [each.to_dictionary() for each in run.inputs.dataset_inputs],
        )
        for name, run in active(client).items()
    }


def test_runs_are_created_once(root: Path, client: MlflowClient) -> None:
    """A second publication finds every run and changes none."""
    assert publish_runs(runs(root), "e", root) == RunCounts(created=2)
    before = everything(client)
    assert publish_runs(runs(root), "e", root) == RunCounts(present=2)
    assert everything(client) == before


def test_all_of_a_run_is_there(root: Path, client: MlflowClient) -> None:
    """Parameters and points beyond MLflow's limits on a request, words, files and the parent."""
    parent, _ = published = runs(root)
    publish_runs(published, "e", root)
    run, child = active(client)["adam"], active(client)["adam seed 0"]
    assert run.info.status == "FINISHED"
    assert len(run.data.params) == 150
    assert run.data.tags["mlflow.note.content"] == "Adam, in words."
    assert run.data.tags["optledger.key"] == parent.key
    assert child.data.tags["mlflow.parentRunId"] == run.info.run_id
    points = client.get_metric_history(run.info.run_id, "train_loss")
    assert [point.step for point in points] == list(range(1, 601))
    files = [file.path for file in client.list_artifacts(run.info.run_id)]
    assert files == ["content.json", "history.csv", "per_class.json"]


def test_a_run_certifies_itself(root: Path, client: MlflowClient) -> None:
    """Its key is the SHA-256 of a file that it has."""
    publish_runs(runs(root), "e", root)
    run = active(client)["adam"]
    path = client.download_artifacts(run.info.run_id, "content.json", str(root))
    assert digest({"kind": "variant", "name": "adam"}) == run.data.tags["optledger.key"]
    printed = subprocess.run(["sha256sum", path], capture_output=True, text=True, check=True).stdout
    assert printed.split()[0] == run.data.tags["optledger.key"]


def test_a_table_is_one_for_mlflow(
    root: Path, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `log_table` leaves it, once."""
    publish_runs(runs(root), "e", root)
    run = active(client)["adam"]
    # It searches the default store, whatever store its client is of.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking_uri(root))
    table = client.load_table(run.info.experiment_id, "per_class.json", [run.info.run_id])
    assert table["class"].tolist() == [0, 1]


def test_inputs_have_their_checksums(root: Path, client: MlflowClient) -> None:
    """The MD5 that dvc.lock has, and what the file was used for."""
    (each,) = runs(root)[0].inputs
    publish_runs(runs(root), "e", root)
    (found,) = active(client)["adam"].inputs.dataset_inputs
    assert (found.dataset.name, found.dataset.digest) == ("digits train", each.checksum)
    assert [(tag.key, tag.value) for tag in found.tags] == [("mlflow.data.context", "training")]


@pytest.mark.parametrize("request_name", ["create_run", "log_batch", "log_inputs", "log_artifact"])
def test_a_run_that_broke_off_is_completed(
    root: Path, client: MlflowClient, monkeypatch: pytest.MonkeyPatch, request_name: str
) -> None:
    """What was logged before the break is not doubled, and what was not is added."""
    publish_runs(runs(root), "whole", root)
    with monkeypatch.context() as broken:
        broken.setattr(MlflowClient, request_name, _break)
        broken.setattr("optledger.tracking.publication._PAUSES", (0.0,))
        with pytest.raises(UserError, match=r"the connection broke$"):
            publish_runs(runs(root), "e", root)
    publish_runs(runs(root), "e", root)
    assert active(client).keys() == {"adam", "adam seed 0"}
    run = active(client)["adam"]
    assert run.info.status == "FINISHED"
    assert len(client.get_metric_history(run.info.run_id, "train_loss")) == 600
    assert len(client.list_artifacts(run.info.run_id)) == 3


def _break(*_: object, **__: object) -> None:
    raise ConnectionResetError("the connection broke")


def test_a_passing_failure_is_survived(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A publication takes itself up again, as often as it gets further."""
    calls, log_batch = [], MlflowClient.log_batch

    def flaky(self: MlflowClient, *arguments: object, **options: object) -> None:
        calls.append(1)
        if len(calls) % 3 == 1:
            raise ConnectionResetError("the connection broke")
        log_batch(self, *arguments, **options)

    monkeypatch.setattr(MlflowClient, "log_batch", flaky)
    monkeypatch.setattr("optledger.tracking.publication._PAUSES", (0.0, 0.0))
    assert publish_runs(runs(root), "e", root) == RunCounts(created=2)


def test_what_a_person_deleted_stays_deleted(root: Path, client: MlflowClient) -> None:
    """Until it is asked for."""
    publish_runs(runs(root), "e", root)
    client.delete_run(active(client)["adam seed 0"].info.run_id)
    for _ in range(2):
        assert publish_runs(runs(root), "e", root) == RunCounts(present=1, deleted=1)
    assert publish_runs(runs(root), "e", root, restore=True) == RunCounts(completed=1, present=1)
    assert active(client).keys() == {"adam", "adam seed 0"}


def test_a_deleted_parent_takes_no_further_children(root: Path, client: MlflowClient) -> None:
    """And an experiment that a person deleted takes no run."""
    publish_runs(runs(root)[:1], "e", root)
    client.delete_run(active(client)["adam"].info.run_id)
    assert publish_runs(runs(root), "e", root) == RunCounts(deleted=2)
    assert not active(client)
    client.delete_experiment(client.get_experiment_by_name("e").experiment_id)
    assert publish_runs(runs(root), "e", root) == RunCounts(deleted=2)
    assert publish_runs(runs(root), "e", root, restore=True) == RunCounts(created=1, present=1)
    assert active(client).keys() == {"adam", "adam seed 0"}


def test_a_doubled_run_is_single_again(root: Path, client: MlflowClient) -> None:
    """The lowest id stays, children follow it, and the rest is told from what a person deleted."""
    publish_runs(runs(root), "e", root)
    first = active(client)["adam"]
    tags = dict(first.data.tags)
    twins = [client.create_run(first.info.experiment_id, tags=tags).info.run_id for _ in range(3)]
    publish_runs(runs(root), "e", root)
    found = active(client)
    elected = min(first.info.run_id, *twins)
    assert found["adam"].info.run_id == elected
    assert found["adam"].info.status == "FINISHED"
    assert found["adam seed 0"].data.tags["mlflow.parentRunId"] == elected
    for run_id in {first.info.run_id, *twins} - {elected}:
        twin = client.get_run(run_id)
        assert twin.info.lifecycle_stage == "deleted"
        assert twin.data.tags["optledger.duplicate_of"] == elected
    client.delete_run(elected)
    assert publish_runs(runs(root), "e", root) == RunCounts(present=1, deleted=1)


def test_what_a_machine_took_is_a_part_of_the_creation(root: Path, client: MlflowClient) -> None:
    """Others that publish the same do not add theirs."""
    publish_runs(runs(root, 0.5), "e", root)
    before = everything(client)
    publish_runs(runs(root, 0.7), "e", root)
    assert everything(client) == before
    run = active(client)["adam"]
    assert run.data.metrics["seconds_per_epoch"] == 0.5
    assert run.data.tags["optledger.machine"] == "processor of 0.5"


def test_metrics_that_are_asked_for_later_are_added(root: Path, client: MlflowClient) -> None:
    """To the run that is there, once."""
    before = runs(root)
    publish_runs(before, "e", root)
    parent = replace(before[0], metrics={**before[0].metrics, "epochs_to_0.5": 2.0})
    later = [parent, replace(before[1], parent=parent)]
    for _ in range(2):
        publish_runs(later, "e", root)
        assert active(client)["adam"].data.metrics["epochs_to_0.5"] == 2
    publish_runs(before, "e", root)
    points = client.get_metric_history(active(client)["adam"].info.run_id, "epochs_to_0.5")
    assert len(points) == 1
    assert len(active(client)) == 2


def test_a_run_that_was_begun_with_other_parameters_is_made_anew(
    root: Path, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by another version of this program; MLflow does not change a parameter."""
    published = runs(root)
    with monkeypatch.context() as broken:
        broken.setattr(MlflowClient, "log_artifact", _break)
        broken.setattr("optledger.tracking.publication._PAUSES", ())
        with pytest.raises(UserError, match="the connection broke"):
            publish_runs(published, "e", root)
    parent = replace(published[0], parameters={"parameter_0": "2"})
    publish_runs([parent, replace(published[1], parent=parent)], "e", root)
    run = active(client)["adam"]
    assert (run.info.status, run.data.params) == ("FINISHED", {"parameter_0": "2"})


def test_whoever_completes_a_run_tells_of_the_machine_that_began_it(
    root: Path, client: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the machine took is a part of the creation."""
    with monkeypatch.context() as broken:
        broken.setattr(Store, "_complete", _break)
        broken.setattr("optledger.tracking.publication._PAUSES", ())
        with pytest.raises(UserError, match="the connection broke"):
            publish_runs(runs(root, 0.5), "e", root)
    assert publish_runs(runs(root, 0.7), "e", root) == RunCounts(completed=2)
    assert active(client)["adam"].data.metrics["seconds_per_epoch"] == 0.5


def test_commits_with_the_same_content_are_added(root: Path, client: MlflowClient) -> None:
    """Of a checkout that is as committed; the run stays based on the first."""
    committed = runs(root)
    git = ("git", "-c", "user.name=Tests", "-c", "user.email=tests@localhost")
    (root / ".gitignore").write_text("mlflow.db*\nmlartifacts\n")

    def commit() -> str:
        subprocess.run([*git, "commit", "-qm", "state", "--allow-empty"], check=True)
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, check=True)
        return head.stdout.decode().strip()

    (root / "dvc.lock").write_text("")
    subprocess.run([*git, "init", "-q", "-b", "main"], check=True)
    base = commit()
    publish_runs(committed, "e", root, told=standing(Publish(), "a digest"))
    tags = active(client)["adam · main+a dige"].data.tags
    assert tags["mlflow.source.git.commit"] == base
    assert "optledger.commits" not in tags
    subprocess.run([*git, "add", "--all"], check=True)
    clean = [commit(), commit()]
    for _ in range(2):
        publish_runs(committed, "e", root, told=standing(Publish(), "a digest"))
    assert active(client)["adam"].data.tags["optledger.commits"] == clean[1]
    latest = commit()
    publish_runs(committed, "e", root, told=standing(Publish(), "a digest"))
    tags = active(client)["adam"].data.tags
    assert tags["optledger.commits"] == f"{latest} {clean[1]}"
    assert tags["mlflow.source.git.commit"] == base
    assert "optledger.commits" not in active(client)["adam seed 0"].data.tags


def test_a_store_that_is_none_is_one_line(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is no database, and a database whose driver is not installed."""
    monkeypatch.setattr("optledger.tracking.publication._PAUSES", ())
    (root / "mlflow.db").write_text("this is no database" * 100)
    with pytest.raises(UserError, match="file is not a database"):
        publish_runs(runs(root), "e", root)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "mysql://someone:secret@127.0.0.1/e")
    with pytest.raises(UserError, match=r"^publish: .*No module named 'MySQLdb"):
        publish_runs(runs(root), "e", root)


def test_a_server_that_is_down_is_one_line(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the store."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"^publish: http://127.0.0.1:9: ") as caught:
        publish_runs(runs(root), "e", root)
    assert "\n" not in str(caught.value)


def test_a_store_is_made_without_hard_links(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on exFAT, which a test cannot mount on most machines; nothing else is left there."""

    def not_permitted(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", not_permitted)
    (root / "mlflow.db").unlink()
    assert publish_runs(runs(root), "e", root) == RunCounts(created=2)
    assert publish_runs(runs(root), "e", root) == RunCounts(present=2)
    found = {path.name for path in root.iterdir()}
    assert found - {"history.csv", "train.npz"} == {"mlartifacts", "mlflow.db", "mlflow.db.lock"}


def test_where_files_cannot_be_locked_nobody_waits(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on network mounts, of which there is none here: a note says so, and all is published."""

    def no_locks(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", no_locks)
    assert publish_runs(runs(root), "e", root) == RunCounts(created=2)
    note = f"{root / 'mlflow.db.lock'}: No locks available; publish there one at a time"
    assert capsys.readouterr().err == f"publish: note: {note}\n"
