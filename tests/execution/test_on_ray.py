"""Workers on a real cluster: several nodes, which are processes of this machine."""

import http.server
import importlib
import os
import re
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
import remote_tasks

from optledger.core.errors import UserError
from optledger.execution import executor
from optledger.execution.executor import in_order
from optledger.execution.on_ray import cluster as on_ray
from optledger.execution.on_ray.cluster import Actors
from optledger.trials.store import unpack
from project import Project

pytest.importorskip("ray")

from ray_cluster import RayCluster  # of what is installed


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    """A cluster of two nodes; a test that ends one adds another."""
    with RayCluster(2) as made:
        yield made


@pytest.fixture(scope="class")
def pool(cluster: RayCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Actors]:
    """An executor on it, whose workers take all of its processors."""
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.chdir(tmp_path_factory.mktemp("driver"))
            monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
            made = stack.enter_context(actors(cluster.address))
        yield made


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be the driver in a folder of its own, whose child finds the tasks as this process does."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))


def actors(address: str, **settings: Any) -> Actors:
    """Return an executor of workers that need no TensorFlow."""
    place = executor.Cluster(address, settings.pop("leaves_out_unlike", False))
    travel = settings.pop("travel", remote_tasks.TRAVEL)
    return Actors(place, remote_tasks.PREPARATION, travel, **settings)


def suppressed(run: Iterator[object]) -> None:
    """Wait for a result, which may never come."""
    with suppress(UserError):
        next(run)


def test_every_task_is_done_once_and_its_epochs_are_told(
    cluster: RayCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By code and data of the driver's, in a folder that is not the driver's; none is left here."""
    told: list[tuple[int, int]] = []
    temporary = Path("temporary").absolute()
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    with actors(cluster.address) as pool:
        run = pool.run(remote_tasks.echo, in_order([2, 0, 1]), lambda *epoch: told.append(epoch))
        results = dict(run)
        assert re.fullmatch("1 worker on 1 node|2 workers on 2 nodes", pool.whereabouts)
    assert {task: done for task, (done, *_) in results.items()} == {2: 2, 0: 0, 1: 1}
    assert sorted(told) == [(1, 1), (2, 1), (2, 2)]
    for _, folder, code, data in results.values():
        assert not Path(folder).is_relative_to(Path.cwd())
        assert Path(code).is_relative_to(folder)
        assert data == "sent along"
    assert list(temporary.iterdir()) == []


class TestOfWorkersAndTasksThatAreLost:
    """By one executor, as none of them needs one of its own."""

    def test_a_killed_worker_costs_its_task_a_retry(
        self, pool: Actors, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Another one does it, and a line says what happened."""
        marker = Path("marker").absolute()
        started = time.monotonic()
        ((task, _),) = pool.run(remote_tasks.dies, in_order([marker]))
        assert task == marker
        line = rf"{re.escape(str(marker))}: its worker on node \S+ \(\w+\) was lost; trying again\n"
        assert re.fullmatch(line, capfd.readouterr().err)
        assert time.monotonic() - started < 60

    def test_a_task_that_always_kills_its_worker_fails(self, pool: Actors) -> None:
        """Not at the second time, as nodes are lost for other reasons."""
        line = r"^a text: lost its worker 5 times: its worker on node \S+ \(\w+\) was lost$"
        with pytest.raises(UserError, match=line):
            list(pool.run(remote_tasks.always_dies, in_order(["a text"])))

    def test_a_node_that_is_killed_and_one_that_joins(
        self, cluster: RayCluster, pool: Actors, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """What ran there is done elsewhere, within seconds; the new one takes its part."""
        folder = Path("workers").absolute()
        folder.mkdir()
        killed = False
        # As many as it takes until both have had one, and then the new one.
        lasting = (
            (0.5, folder) for _ in range(200) if len(list(folder.iterdir())) < 3 or not killed
        )
        for _ in pool.run(remote_tasks.lasts, in_order(lasting)):
            if not killed and len(list(folder.iterdir())) == 2:
                cluster.kill(max(cluster.nodes) - 1)
                killed = True
                cluster.add()
        told = capfd.readouterr().err
        assert re.search(
            r"its worker on node \S+ \(\w+\) (cannot be reached|was lost); trying again", told
        )
        assert re.search(r"node \S+ \(\w+\) has joined", told)
        assert len(list(folder.iterdir())) >= 3, told

    def test_a_worker_that_falls_silent_is_not_waited_for(
        self, pool: Actors, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        """Its task is done by another, by a deadline of epochs."""
        monkeypatch.setattr(on_ray, "_LEAST_SECONDS", 2.0)
        marker = Path("marker").absolute()
        ((_, worker),) = pool.run(remote_tasks.falls_silent, in_order([marker]))
        stopped = int(marker.read_text())
        assert worker != stopped
        assert "has fallen silent; trying again\n" in capfd.readouterr().err
        os.kill(stopped, signal.SIGKILL)

    def test_a_task_that_ends_its_program_has_failed(self, pool: Actors) -> None:
        """As one has here, whose process ends."""
        line = r"^7: failed twice: its worker ended with SystemExit: 7$"
        with pytest.raises(UserError, match=line):
            list(pool.run(remote_tasks.exits, in_order(["7"])))


def test_unlike_nodes_are_refused_or_left_out(
    cluster: RayCluster, capfd: pytest.CaptureFixture[str]
) -> None:
    """The line names node and difference, or what is wanting there."""
    numbers = [cluster.add(KIND=kind) for kind in ("odd", "broken")]
    found = [
        rf"{cluster.address}: node \S+ \(\w+\) cannot be used: {cause}"
        for cause in (
            "an odd node there and a usual node here",
            "No module named 'a_package_that_is_not_there'",
        )
    ]
    remedy = "make it like this machine, or add --leave-out-unlike"
    line = f"^({'|'.join(found)}); {remedy}$"
    with pytest.raises(UserError, match=line), actors(cluster.address) as pool:
        list(pool.run(remote_tasks.echo, in_order([100] * 1000)))
    with actors(cluster.address, leaves_out_unlike=True) as pool:
        # As many as it takes until all four have been asked.
        told = ""
        tasks = (10 for _ in range(3000) if told.count("leaving it out") < 2 or pool.count < 2)
        for _ in pool.run(remote_tasks.echo, in_order(tasks)):
            told += capfd.readouterr().err
        assert pool.count == 2
    for each in found:
        assert re.search(rf"{each}; leaving it out\n", told)
    for number in numbers:
        cluster.kill(number)


def test_what_a_model_may_read_is_sent(cluster: RayCluster, tmp_path: Path) -> None:
    """All of it, also what Git or Ray would leave out."""
    models = tmp_path / "models"
    models.mkdir()
    (models / ".gitignore").write_text("*.bin\n")
    (models / "table.bin").write_bytes(b"\0")
    (models / "gone").symlink_to("nowhere")
    travel = remote_tasks.TRAVEL._replace(code={**remote_tasks.TRAVEL.code, "models": models})
    with actors(cluster.address, travel=travel) as pool:
        ((_, found),) = pool.run(remote_tasks.lists, in_order(["models"]))
    assert found == ["table.bin"]


def test_silence_is_judged_by_what_a_task_has_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Late once, lost after as long again; and whoever speaks is neither."""
    clock = [0.0]
    monkeypatch.setattr(on_ray.time, "monotonic", lambda: clock[0])
    worker = on_ray.Remote(1, "a node", lambda remote, task: None)
    worker.start(remote_tasks.echo, 1)
    assert [worker.overdue(now) for now in (170, 190, 350, 370)] == [None, "late", None, "lost"]
    clock[0] = 200
    worker.hear()
    clock[0] = 201
    worker.hear()
    # Ten times the longest wait, which was that for the first epoch.
    assert [worker.overdue(201 + now) for now in (1990, 2010)] == [None, "late"]
    worker.start(remote_tasks.echo, 1)
    clock[0] = 202
    worker.hear()
    assert [worker.overdue(202 + now) for now in (29, 31, 59, 61)] == [None, "late", None, "lost"]


def test_workers_end_with_the_driver(cluster: RayCluster) -> None:
    """However it ends."""
    with actors(cluster.address) as pool:
        run = pool.run(remote_tasks.lasts, in_order([(60.0, Path.cwd())] * 2))
        waiting = threading.Thread(target=lambda: suppressed(run), daemon=True)
        waiting.start()
        deadline = time.monotonic() + 60
        while len(list(Path().glob("[0-9]*"))) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        pool._child.kill()
        workers = [int(path.name) for path in Path().glob("[0-9]*")]
        assert len(workers) == 2
        waiting.join(20)
    _, alive = psutil.wait_procs(
        [psutil.Process(each) for each in workers if psutil.pid_exists(each)], timeout=20
    )
    assert not alive


def test_a_sweep_leaves_the_trials_of_this_machine(
    cluster: RayCluster, project: Project, tmp_path: Path
) -> None:
    """Byte for byte, with the files of the driver's checkout out of the workers' sight."""
    hidden = replace(project, cold=True)
    # Others than those that the pipeline has left in DVC's cache.
    hidden.edit("params.yaml", "first: 0", "first: 100")
    there, here = (tmp_path / name for name in ("there", "here"))
    printed = hidden.run(
        *("optledger", "sweep", "--address", cluster.address), OPTLEDGER_TRIALS=str(there)
    )
    assert "(4 of 4 trials, " in printed
    assert ", 2 workers on 2 nodes)" in printed
    printed = project.run(
        *("optledger", "sweep"), RAY_ADDRESS="", OPTLEDGER_TRIALS=str(here), OPTLEDGER_WORKERS="2"
    )
    assert "nodes" not in printed
    kept = {path.name for path in here.iterdir()}
    # Four that were trained, and four of DVC's cache.
    assert len(kept) == 8
    assert {path.name for path in there.iterdir()} == kept
    for name in kept:
        trials = [
            unpack(name.removesuffix(".trial"), (place / name).read_bytes()).result
            for place in (there, here)
        ]
        assert trials[0].history == trials[1].history
        for weights, others in zip(*(each.weights.values() for each in trials), strict=True):
            assert weights.tobytes() == others.tobytes()


@pytest.mark.parametrize("address", ["ray://host:10001", "host", "http://host:6379", "host:a"])
def test_what_is_no_address_is_one_line(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names where it stands."""
    allowed = "allowed: the head of a Ray cluster, as host:port, or auto, or local for a try$"
    with pytest.raises(UserError, match=f"^--address: found '{address}'; {allowed}"):
        executor.cluster(address)
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(UserError, match=f"^RAY_ADDRESS: found '{address}'; {allowed}"):
        executor.cluster()


@pytest.mark.parametrize(
    ("address", "cause"),
    [
        ("127.0.0.1:1", "Connection refused"),
        ("no-such-host.invalid:6379", "Domain name not found"),
    ],
)
def test_no_cluster_is_one_line(address: str, cause: str) -> None:
    """At once, with the cause."""
    line = rf"no Ray cluster answers \({cause}\); give the host:port of its head"
    with pytest.raises(UserError, match=rf"^{address}: {line}$"), actors(address) as pool:
        list(pool.run(remote_tasks.echo, in_order([1])))


def test_what_is_no_cluster_is_one_line() -> None:
    """An HTTP server answers, but not so."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *values: object) -> None:
            """Say nothing."""

    with http.server.HTTPServer(("127.0.0.1", 0), Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"127.0.0.1:{server.server_address[1]}"
        line = r"this is no Ray cluster \(.*\); give the host:port of a cluster's head"
        with pytest.raises(UserError, match=f"^{address}: {line}$"), actors(address) as pool:
            list(pool.run(remote_tasks.echo, in_order([1])))
        server.shutdown()


def test_a_host_that_says_nothing_is_one_line() -> None:
    """Within seconds."""
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        with (
            pytest.raises(UserError, match=rf"^{address}: no Ray cluster answers "),
            actors(address) as pool,
        ):
            list(pool.run(remote_tasks.echo, in_order([1])))


def test_another_version_of_ray_is_one_line() -> None:
    """The text is what Ray 2.60.0 said of a cluster of 2.59.0."""
    child = importlib.import_module("optledger.execution.on_ray.child")
    told = (
        "Version mismatch: The cluster was started with:\n    Ray: 2.59.0\n    Python: 3.11.7\n"
        "This process on node 192.0.2.2 was started with:\n    Ray: 2.60.0\n    Python: 3.11.7\n"
    )
    found = (
        "the cluster has Ray 2.59.0 and Python 3.11.7, and this machine Ray 2.60.0 and Python "
        "3.11.7; install the same releases"
    )
    assert child._joining(RuntimeError(told)) == found


def test_without_ray_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which says how to install it."""
    monkeypatch.setattr(on_ray, "find_spec", lambda name: None)
    line = r"^here:1: the package ray is not installed; run make setup RAY=1, or "
    with pytest.raises(UserError, match=line), actors("here:1"):
        pass
