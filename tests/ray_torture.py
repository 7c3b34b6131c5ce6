"""`make torture`, the part of the cluster: what a lost worker, node, driver, head or link changes.

Nothing: a sweep has the trials of one that nobody disturbed, byte for byte.
"""

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

import digits
from optledger.core.paths import PREPARED
from optledger.datasets.prepared import write_split
from optledger.execution import executor
from optledger.execution.executor import in_order
from optledger.execution.on_ray.cluster import Actors
from optledger.training import runtime, tasks
from optledger.trials.places import FOLDER, Folder
from optledger.trials.store import Store
from project import DIGITS_PARAMS, Project, new_project
from ray_cluster import RayCluster

PARAMS = (
    DIGITS_PARAMS.replace("{", "{{")
    .replace("}", "}}")
    .replace("hidden_units: [16]", "hidden_units: [64]")
    .replace("epochs: 3,", "epochs: {epochs},")
    .replace("count: 2", "count: 6")
    .replace("learning_rate: 0.01}}", "learning_rate: [0.001, 0.01, 0.1]}}")
    + "  momentum: {{optimizer: {{name: SGD, momentum: 0.9}}, learning_rate: [0.003, 0.01]}}\n"
)

TRIALS = 23

VICTIMS = ("worker", "node", "raylet", "driver", "child")

_TRAINED = re.compile(r"^(\w+: learning rate \S+, seed \d+): (?:train acc|diverged)", re.MULTILINE)

_PATIENCE_SECONDS = 300

# Epochs of a trial: a sweep of more than a minute, so that what takes as long to be noticed is.
_LONG = 800


def main() -> None:
    """Run the parts that the command line names, or all."""
    parts: dict[str, Callable[[], None]] = {
        "bytes": bytes_of_techniques,
        "notice": notice,
        "kills": kills,
        "head": head,
        "memory": memory,
        "hosts": hosts,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*parts], help="those to run; else all")
    for name in parser.parse_args().parts or parts:
        parts[name]()


def bytes_of_techniques() -> None:
    """Train what golden digests are committed of: by 1, 2 and 4 workers, and one that joins."""
    sys.path.insert(0, str(Path(__file__).parent / "training"))
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    from test_golden import DIGITS, digest_of, trial_of

    packages = ("tensorflow", "keras", "numpy")
    with tempfile.TemporaryDirectory() as folder:
        for name, examples in zip(("train", "validation"), digits.load(), strict=True):
            write_split(name, examples, Path(folder) / PREPARED)
        os.chdir(folder)
        for count, joins in ((1, False), (2, False), (4, False), (1, True)):
            with RayCluster(count) as cluster:
                place = executor.Cluster(cluster.address)
                with Actors(place, tasks.PREPARATION, tasks.travel(packages)) as pool:
                    found = {}
                    run = pool.run(tasks.train, in_order(trial_of(name) for name in DIGITS))
                    for trial, finished in run:
                        found[trial.name] = digest_of(finished.result)
                        if joins and len(found) == 1:
                            cluster.add()
                    told = f"{pool.whereabouts}{', one of which joined later' if joins else ''}"
            assert found == DIGITS, {name for name in DIGITS if found[name] != DIGITS[name]}
            print(f"bytes: {len(found)} trainings on {told}: the committed digests", flush=True)
        os.chdir("/")


def notice() -> None:
    """Kill a worker, and a node, and see how long it takes until another has its task."""
    sys.path.insert(0, str(Path(__file__).parent / "execution"))
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    import remote_tasks

    with tempfile.TemporaryDirectory() as folder, RayCluster(2) as cluster:
        os.chdir(folder)
        for victim in ("worker", "node"):
            place = executor.Cluster(cluster.address)
            with Actors(place, remote_tasks.PREPARATION, remote_tasks.TRAVEL) as pool:
                # One for each worker, a short one first; whoever did it takes over what is lost.
                waiting = in_order([(1.0, Path(folder)), (8.0, Path(folder))])
                began: list[float] = []

                def on_epoch(task: object, epochs: int, began: list[float] = began) -> None:
                    if epochs == 0:
                        began.append(time.monotonic())

                run = pool.run(remote_tasks.lasts, waiting, on_epoch)
                next(run)
                if victim == "worker":
                    (chosen,) = _actors(cluster, "ray::Actor.run")
                    killed = time.monotonic()
                    chosen.kill()
                else:
                    running = psutil.Process(_actors(cluster, "ray::Actor.run")[0].pid)
                    (number,) = (
                        number
                        for number, processes in cluster.nodes.items()
                        if processes["raylet"] == running.ppid()
                    )
                    killed = time.monotonic()
                    cluster.kill(number)
                assert len(list(run)) == 1
            print(
                f"notice: {victim}: {began[-1] - killed:.1f} s until it was begun anew", flush=True
            )
        os.chdir("/")


def kills(times: int = 40, seed: int | None = None) -> None:
    """Kill at random moments, until a sweep is through; then hold it against another."""
    seed = random.randrange(2**32) if seed is None else seed
    print(f"kills: {times}, seed {seed}", flush=True)
    rng = random.Random(seed)
    killed: Counter[str] = Counter()
    again = rounds = 0
    with _projects(60) as (fresh, expected, folder), RayCluster(2) as cluster:
        while killed.total() < times:
            rounds += 1
            project = fresh.copy(folder / f"round {rounds}")
            trained: Counter[str] = Counter()
            alive = sorted(cluster.nodes)[-2:]
            sweep = _start(project, cluster.address)
            while True:
                while sweep.poll() is None and not _actors(cluster, "ray::Actor.run"):
                    time.sleep(0.05)
                time.sleep(rng.uniform(0, 4))
                if sweep.poll() is None and killed.total() < times:
                    victim = rng.choice(VICTIMS)
                    if victim in ("node", "raylet"):
                        lost = alive.pop(rng.randrange(len(alive)))
                        (cluster.kill if victim == "node" else cluster.kill_raylet)(lost)
                        alive.append(cluster.add())
                        killed[victim] += 1
                    else:
                        killed[victim] += _kill(sweep, cluster, victim, rng)
                    if victim in ("driver", "child"):
                        sweep.wait(_PATIENCE_SECONDS)
                if sweep.poll() is None:
                    if killed.total() >= times:
                        sweep.wait(_PATIENCE_SECONDS)
                    continue
                told = _log(project)
                assert "Traceback" not in told, told
                assert "found a fault of optledger" not in told, told
                trained.update(_TRAINED.findall(told))
                again += told.count("; trying again")
                if sweep.returncode == 0:
                    break
                # It was killed, or lost the process that holds Ray.
                assert sweep.returncode in (2, -signal.SIGKILL), told
                sweep = _start(project, cluster.address)
            assert set(trained.values()) <= {1}, trained
            _compare(project, expected)
            print(f"kills: {killed.total()} after {rounds} sweeps", flush=True)
    counts = ", ".join(f"{killed[victim]} {victim}" for victim in VICTIMS)
    print(
        f"kills: {killed.total()} ({counts}) in {rounds} sweeps of {TRIALS} trials: the trials of"
    )
    print(f"an undisturbed one, none of them finished twice; {again} were begun once more")


def head() -> None:
    """Kill the head; then go on with another cluster."""
    with _projects(_LONG) as (fresh, expected, folder):
        project = fresh.copy(folder / "project")
        with RayCluster(2) as cluster:
            sweep = _start(project, cluster.address)
            _wait_for(lambda: len(_TRAINED.findall(_log(project))) >= 4)
            cluster.kill_head()
            killed = time.monotonic()
            sweep.wait(_PATIENCE_SECONDS)
            seconds = time.monotonic() - killed
        told = _log(project)
        assert sweep.returncode == 2, told
        line = told.splitlines()[-1]
        assert "the head of the cluster no longer answers; start the cluster again" in line, told
        trained = Counter(_TRAINED.findall(told))
        with RayCluster(2) as cluster:
            sweep = _start(project, cluster.address)
            sweep.wait(_PATIENCE_SECONDS)
            trained.update(_TRAINED.findall(_log(project)))
        assert sweep.returncode == 0, _log(project)
        assert set(trained.values()) == {1}
        assert len(trained) == TRIALS
        _compare(project, expected)
    print(
        f"head: one line {seconds:.0f} s after it was killed; another cluster went on", flush=True
    )


def memory() -> None:
    """Sweep where Ray ends every worker, as its node has used more memory than it may."""
    little = {"RAY_memory_usage_threshold": "0.001", "RAY_memory_monitor_refresh_ms": "100"}
    with _projects(1) as (fresh, _, folder), RayCluster(1, **little) as cluster:
        project = fresh.copy(folder / "project")
        started = time.monotonic()
        sweep = _start(project, cluster.address)
        sweep.wait(_PATIENCE_SECONDS)
        seconds = time.monotonic() - started
    assert sweep.returncode == 2, _log(project)
    line = _log(project).splitlines()[-1]
    assert "was ended, as memory is short there; use nodes with more memory" in line, line
    print(f"memory: one line after {seconds:.0f} s", flush=True)


def hosts() -> None:
    """Train on two hosts, the second without the project; cut the link for a while, and for good.

    Hosts are network namespaces, for which one has to be root.
    """
    if os.geteuid() != 0 or shutil.which("ip") is None:
        print("hosts: not tried, as network namespaces need root and iproute2", flush=True)
        return
    with _projects(_LONG) as (fresh, expected, folder), _two_hosts(folder) as (cut, address):
        for seconds in (0.0, 10.0, None):
            project = fresh.copy(folder / f"project, {seconds}")
            sweep = _start(project, address, *_on("driver"))
            _wait_for(lambda project=project: len(_TRAINED.findall(_log(project))) >= 4)
            assert "2 workers on 2 nodes" in _log(project) or seconds is None, _log(project)
            if seconds != 0:
                cut(seconds)
            sweep.wait(_PATIENCE_SECONDS)
            told = _log(project)
            assert sweep.returncode == 0, told
            assert set(Counter(_TRAINED.findall(told)).values()) == {1}
            _compare(project, expected)
            what = {0.0: "not cut", 10.0: "cut for 10 s", None: "cut for good"}[seconds]
            print(f"hosts: {what}: {told.count('; trying again')} begun once more", flush=True)


@contextmanager
def _projects(epochs: int) -> Iterator[tuple[Project, Project, Path]]:
    """Yield a checkout with its data, one with its trials, and the folder of both."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "digits").mkdir()
        digits.write(folder / "digits")
        entry = digits.registry_entry(folder / "digits")
        fresh = new_project(folder / "fresh", entry, PARAMS.format(epochs=epochs), cold=True)
        fresh.run("dvc", "repro", "--quiet", "preprocess", **_own(fresh))
        expected = fresh.copy(folder / "expected")
        printed = expected.run("optledger", "sweep", **_own(expected))
        assert len(_TRAINED.findall(printed)) == TRIALS, printed
        yield fresh, expected, folder


@contextmanager
def _two_hosts(folder: Path) -> Iterator[tuple[Callable[[float | None], None], str]]:
    """Yield what cuts the link between two hosts, and the address of the first one's cluster."""
    hosts = {"driver": "10.77.0.1", "worker": "10.77.0.2"}
    source = Path(__file__).parents[1] / "src"
    processes, places = [], []
    try:
        for host in hosts:
            _run(f"ip netns add {host}")
        _run("ip link add od netns driver type veth peer name ow netns worker")
        for host, address in hosts.items():
            _connect(host, address)
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": os.environ.get("HOME", "/"),
            "RAY_AUTH_MODE": "disabled",
        }
        common = ("--num-cpus=1", "--block", "--object-store-memory=200000000")
        first = ("--head", "--port=6379", "--include-dashboard=false")
        hidden = f"mount -t tmpfs none '{folder}' && mount -t tmpfs none '{source}' && exec \"$@\""
        starts = {
            "driver": [*_on("driver"), "ray", "start", *first],
            "worker": [
                *(*_on("worker"), "unshare", "-m", "sh", "-c", hidden, "sh"),
                *("ray", "start", f"--address={hosts['driver']}:6379"),
            ],
        }
        for host, command in starts.items():
            # Short, as sockets are made there.
            place = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))
            places.append(place)
            (place / "ray").mkdir()
            log = (place / "log").open("w")
            processes.append(
                subprocess.Popen(
                    [*command, f"--node-ip-address={hosts[host]}", *common],
                    cwd=place,
                    env={**environment, "TMPDIR": str(place)},
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
            time.sleep(8)

        def cut(seconds: float | None) -> None:
            _run("ip -netns worker link set ow down")
            if seconds is not None:
                time.sleep(seconds)
                _connect("worker", hosts["worker"])

        yield cut, f"{hosts['driver']}:6379"
    finally:
        for process in processes:
            for each in [*psutil.Process(process.pid).children(recursive=True), process]:
                with suppress(psutil.NoSuchProcess):
                    each.kill()
            process.wait()
        for host in hosts:
            subprocess.run(["ip", "netns", "del", host], check=False)
        for place in places:
            shutil.rmtree(place, ignore_errors=True)


def _connect(host: str, address: str) -> None:
    link = {"driver": "od", "worker": "ow"}[host]
    for command in (
        "link set lo up",
        f"address replace {address}/24 dev {link}",
        f"link set {link} up",
        f"route replace default dev {link}",
    ):
        _run(f"ip -netns {host} {command}")


def _on(host: str) -> list[str]:
    return ["ip", "netns", "exec", host]


def _run(command: str) -> None:
    subprocess.run(command.split(), check=True)


def _own(project: Project) -> dict[str, str]:
    return {
        "OPTLEDGER_TRIALS": str(project.path / FOLDER),
        "PYTHONPATH": str(project.path / "src"),
        "RAY_AUTH_MODE": "disabled",
    }


def _start(project: Project, address: str, *before: str) -> "subprocess.Popen[str]":
    command = [*before, "optledger", "sweep", "--address", address]
    with (project.path.parent / f"{project.path.name}.log").open("w") as log:
        return project.start(*command, terminal=log.fileno(), **_own(project))


def _log(project: Project) -> str:
    return (project.path.parent / f"{project.path.name}.log").read_text()


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _kill(
    sweep: "subprocess.Popen[str]", cluster: RayCluster, victim: str, rng: random.Random
) -> int:
    """Kill the driver, the process that holds Ray, or an actor; return how many were there."""
    if victim == "driver":
        chosen = [psutil.Process(sweep.pid)]
    elif victim == "child":
        chosen = [
            each
            for each in psutil.Process(sweep.pid).children()
            if "optledger.execution.on_ray.child" in each.cmdline()
        ]
    else:
        chosen = _actors(cluster, "ray::Actor.run") or _actors(cluster, "ray::Actor")
    for each in rng.sample(chosen, min(1, len(chosen))):
        with suppress(psutil.NoSuchProcess):
            each.kill()
            return 1
    return 0


def _actors(cluster: RayCluster, title: str) -> list[psutil.Process]:
    """Return a cluster's processes of this title, which Ray gives them by what they do."""
    raylets = {processes["raylet"] for processes in cluster.nodes.values()}
    found = psutil.process_iter(["cmdline", "ppid"])
    return [
        each
        for each in found
        if each.info["ppid"] in raylets and (each.info["cmdline"] or [""])[0].startswith(title)
    ]


def _compare(project: Project, expected: Project) -> None:
    store, other = (Store(Folder(each.path / FOLDER)) for each in (project, expected))
    assert store.items.keys() == other.items.keys()
    for key in store.items:
        found, wanted = store.trial(key), other.trial(key)
        assert found
        assert wanted
        assert found.result.history == wanted.result.history, key
        for name, weights in wanted.result.weights.items():
            assert found.result.weights[name].tobytes() == weights.tobytes(), key
    assert not [path for path in (project.path / FOLDER).iterdir() if path.suffix != ".trial"]


if __name__ == "__main__":
    runtime.pin()
    main()
