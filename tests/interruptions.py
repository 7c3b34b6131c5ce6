"""`make interrupt`: the pipeline killed at random moments, and the same in the end.

What `make repro` runs is interrupted with SIGKILL: its driver, a worker, DVC, or all of it at once,
as when the power fails. Then it is let finish. Its results, its lock and its trials have to be
those of a run that nobody disturbed, no trial may have been trained twice but those that were
running, and nothing half-written may be left.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import tempfile
import time
from collections import Counter
from contextlib import suppress
from itertools import count
from pathlib import Path

import psutil

import digits
import warm
from optledger.core.formats import file_digest
from optledger.trials.places import FOLDER, Folder
from optledger.trials.store import Store
from project import Project, new_project

PARAMS = """\
dataset: digits
split: {validation_fraction: 0.1, seed: 0}
model: {name: mlp, hidden_units: [64]}
training: {epochs: 100, batch_size: 32, loss: CategoricalCrossentropy}
search: {strategy: grid, trials: 3, seed: 1000}
seeds: {first: 0, count: 8}
convergence: {patience: 2}
comparison: {metric: accuracy}
cases:
  linear_regression:
    model: linear_regression
    test_fraction: 0.2
    seed: 7
    l2: 0
    epochs: 40
    methods:
      momentum: {rule: momentum, learning_rate: 5}
variants:
  sgd: {optimizer: SGD, learning_rate: [0.01, 0.1, 0.3]}
  momentum: {optimizer: {name: SGD, momentum: 0.9}, learning_rate: [0.003, 0.01, 0.03]}
  adam: {optimizer: Adam, learning_rate: [0.0003, 0.001, 0.003]}
"""

TRIALS = 33

REPRO = "optledger check && optledger sweep && dvc repro"

VICTIMS = ("driver", "worker", "dvc", "all")

_TRAINED = re.compile(r"^(\w+: learning rate \S+, seed \d+): (?:train acc|diverged)", re.MULTILINE)

# What differs from run to run, and is no result.
_OWN = re.compile(r"\.git/|\.dvc/tmp/|mlflow\.db|mlartifacts/|results/observations/|\.optledger/")

_PATIENCE_SECONDS = 120


def main() -> None:
    """Interrupt as often as the command line says, and tell what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=50, help="interruptions")
    parser.add_argument("--seed", type=int, default=None, help="of the moments and the victims")
    given = parser.parse_args()
    seed = random.randrange(2**32) if given.seed is None else given.seed
    print(f"{given.times} interruptions, seed {seed}", flush=True)
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        digits.write(_made(folder / "digits"))
        fresh = new_project(
            folder / "fresh", digits.registry_entry(folder / "digits"), PARAMS, cold=True
        )
        expected = fresh.copy(folder / "expected")
        started = time.monotonic()
        printed = expected.run("sh", "-c", REPRO, **_own(expected))
        seconds = time.monotonic() - started
        assert len(_TRAINED.findall(printed)) == TRIALS, printed
        killed: Counter[str] = Counter()
        rounds = 0
        while killed.total() < given.times:
            rounds += 1
            project = fresh.copy(folder / f"round {rounds}")
            _interrupt(project, expected, rng, seconds, given.times, killed)
    counts = ", ".join(f"{killed[victim]} {victim}" for victim in VICTIMS)
    print(
        f"{killed.total()} interruptions ({counts}) of {rounds} runs of {TRIALS} trials: each run"
    )
    print("ended with the bytes of an undisturbed one; no finished trial was trained again, and")
    print("nothing half-written was left.")


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _own(project: Project) -> dict[str, str]:
    return {
        "OPTLEDGER_TRIALS": str(project.path / FOLDER),
        "OPTLEDGER_WORKERS": "2",
        "PYTHONPATH": str(project.path / "src"),
    }


def _interrupt(
    project: Project,
    expected: Project,
    rng: random.Random,
    seconds: float,
    times: int,
    killed: Counter[str],
) -> None:
    """Interrupt one run again and again until it is through, then hold it against another."""
    trained: Counter[str] = Counter()
    log = project.path.parent / f"{project.path.name}.log"
    for attempt in count(1):
        is_last = killed.total() >= times
        with log.open("w") as output:
            process = project.start("sh", "-c", REPRO, terminal=output.fileno(), **_own(project))
        victim = "" if is_last else rng.choice(VICTIMS)
        moment = time.monotonic() + rng.uniform(0, 0.4 * seconds)
        while process.poll() is None and (is_last or time.monotonic() < moment):
            time.sleep(0.05)
        if process.poll() is None and (found := _kill(process, victim, rng)):
            killed[found] += 1
            print(f"{killed.total()}: {found}, attempt {attempt}", flush=True)
        _wait(process, project)
        text = log.read_text()
        trained.update(_TRAINED.findall(text))
        assert "Traceback" not in text, text
        assert "found a fault of optledger" not in text, text
        if process.returncode == 0:
            break
    assert set(trained.values()) <= {1}, trained
    _compare(project, expected)


def _family(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        return [parent, *parent.children(recursive=True)]
    return []


def _kind(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        command = " ".join(process.cmdline())
        if "forkserver" in command:
            return "worker"
        if "optledger" in command and ("sweep" in command or "stages" in command):
            return "driver"
        if "dvc" in command and "repro" in command:
            return "dvc"
    return ""


def _kill(process: "subprocess.Popen[str]", victim: str, rng: random.Random) -> str:
    """Kill a process of the kind, or of another where there is none now; return its kind."""
    family = _family(process)
    if victim == "all":
        for each in family:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        return "all"
    alive = [each for each in family if _kind(each) == victim] or [
        each for each in family if _kind(each)
    ]
    if not alive:
        return ""
    chosen = rng.choice(alive)
    kind = _kind(chosen)
    with suppress(psutil.NoSuchProcess):
        chosen.kill()
    return kind


def _wait(process: "subprocess.Popen[str]", project: Project) -> None:
    """Wait until a run has ended, with all that it started."""
    process.wait()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    mark = str(project.path / FOLDER)
    while left := [each for each in psutil.process_iter() if _has(each, mark)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def _has(process: psutil.Process, mark: str) -> bool:
    with suppress(psutil.Error):
        return bool(process.environ().get("OPTLEDGER_TRIALS") == mark)
    return False


def _compare(project: Project, expected: Project) -> None:
    ours, theirs = _files(project), _files(expected)
    assert ours.keys() == theirs.keys(), ours.keys() ^ theirs.keys()
    different = [name for name in ours if ours[name] != theirs[name]]
    assert not different, different
    folders = [each.path / FOLDER for each in (project, expected)]
    names, expected_names = ({path.name for path in folder.iterdir()} for folder in folders)
    assert names == expected_names, names ^ expected_names
    store, other = (Store(Folder(folder)) for folder in folders)
    for key in store.items:
        found, wanted = store.trial(key), other.trial(key)
        assert found
        assert wanted
        assert repr(found.result) == repr(wanted.result), key
    verified = project.run("optledger", "verify", **_own(project))
    assert ": 0 breaks" in verified, verified


def _files(project: Project) -> dict[str, str]:
    """Return the digest of each file that is a result, or that DVC keeps of one."""
    paths = (path for path in project.path.rglob("*") if path.is_file())
    names = (path.relative_to(project.path).as_posix() for path in paths)
    return {
        name: file_digest(project.path / name)
        for name in names
        if not _OWN.match(name) and "__pycache__" not in name
    }


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    warm.share()
    os.environ.pop("OPTLEDGER_TRIALS", None)
    main()
