import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from digits import INTERFACE
from optledger.core import params
from optledger.core.errors import UserError
from optledger.execution.executor import Preparation, Report, in_order
from optledger.execution.processes import Processes
from optledger.training import tasks
from optledger.trials.observations import FinishedTrial
from optledger.trials.specify import specify
from optledger.trials.trial import Trial
from project import Project


def nothing() -> None:
    """Prepare nothing."""


LIGHT = Preparation(nothing, "optledger.execution.worker", nothing)
"""What has workers start without TensorFlow, where a program of its own waits for them."""


def dies_once(marker: Path, report: Report) -> int:
    """Kill this worker where `marker` is not there yet; else return the worker's process id."""
    # Made by one of those that look at the same time.
    with suppress(FileExistsError):
        marker.touch(exist_ok=False)
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def trains_and_dies_once(task: tuple[Trial, Path], report: Report) -> FinishedTrial:
    """Train, and kill this worker after the first epoch where the marker is not there yet."""
    trial, marker = task

    def report_and_die(epochs: int) -> None:
        report(epochs)
        dies_once(marker, report)

    return tasks.train(trial, report_and_die)


def trains_after(task: tuple[Trial, int], report: Report) -> tuple[float, float]:
    """Train after having had so many MiB; return the peak, and what Linux says that it was."""
    trial, mebibytes = task
    bytearray(b"0") * (mebibytes * 2**20)
    observation = tasks.train(trial, report).observation
    assert observation is not None
    found = observation.peak_memory_mib
    (line,) = re.findall(r"^VmHWM:.*kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    return found, int(line.split()[1]) / 1024


def dies(signal_number: int, report: Report) -> None:
    """End this worker by a signal, or with an exit status if it is negative."""
    if signal_number < 0:
        os._exit(-signal_number)
    os.kill(os.getpid(), signal_number)


def raises(text: str, report: Report) -> None:
    """Fail with an exception."""
    raise ValueError(text)


def opens(path: Path, report: Report) -> None:
    """Read a file."""
    path.read_bytes()


def refuses(text: str, report: Report) -> None:
    """Find a user's mistake."""
    raise UserError(text)


def returns_a_local_function(text: str, report: Report) -> object:
    """Return what cannot be pickled."""
    return lambda: text


def echo(task: int, report: Report) -> tuple[int, int]:
    """Report so many epochs; return the task and this worker."""
    for epoch in range(1, task + 1):
        report(epoch)
    return task, os.getpid()


def test_every_task_is_done_once_and_its_epochs_are_told() -> None:
    """Results carry their task, whichever worker did it."""
    told: list[tuple[int, int]] = []
    with Processes(2, tasks.PREPARATION) as pool:
        results = dict(pool.run(echo, in_order([2, 0, 1]), lambda *epoch: told.append(epoch)))
        assert {task: done for task, (done, _) in results.items()} == {2: 2, 0: 0, 1: 1}
        assert sorted(told) == [(1, 1), (2, 1), (2, 2)]
        workers = {worker for _, worker in results.values()}
        # The same workers take what comes next.
        assert {worker for _, (_, worker) in pool.run(echo, in_order([0, 0, 0]))} <= workers
        assert list(pool.run(echo, in_order([]))) == []
    for worker in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)


def test_a_killed_worker_costs_its_task_a_retry(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """The task is done by another worker, and a line says what happened."""
    marker = tmp_path / "marker"
    with Processes(2, tasks.PREPARATION) as pool:
        results = list(pool.run(dies_once, in_order([marker, marker, marker])))
    assert [task for task, _ in results] == [marker, marker, marker]
    assert capfd.readouterr().err == (
        f"{marker}: its worker was ended by SIGKILL, as the system does when memory is short "
        "(OPTLEDGER_WORKERS=1 needs the least); trying again\n"
    )


def test_a_killed_worker_changes_no_byte(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trial that lost its worker after an epoch has the weights and history of any other."""
    monkeypatch.chdir(project.path)
    settings = params.load()
    trial = Trial("adam", specify(settings.variants["adam"], INTERFACE), 0.01, seed=0)
    marker = tmp_path / "marker"
    with Processes(1, tasks.PREPARATION) as pool:
        (_, disturbed), *_ = pool.run(trains_and_dies_once, in_order([(trial, marker)]))
        assert marker.exists()
        (_, expected), *_ = pool.run(tasks.train, in_order([trial]))
    assert disturbed.result.history == expected.result.history
    for name, weight in expected.result.weights.items():
        assert disturbed.result.weights[name].tobytes() == weight.tobytes()


def test_a_peak_of_memory_is_that_of_the_worker(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Linux counts it, with what the worker had before the trial."""
    monkeypatch.chdir(project.path)
    trial = Trial("adam", specify(params.load().variants["adam"], INTERFACE), 0.01, seed=0)
    with Processes(1, tasks.PREPARATION) as pool:
        before, after = (
            next(pool.run(trains_after, in_order([(trial, size)])))[1] for size in (0, 1024)
        )
    for found, peak in (before, after):
        assert found == pytest.approx(peak, rel=0.05)
    assert 100 < before[0] < 1024 < after[0] < 2048


@pytest.mark.parametrize(
    ("signal_number", "cause"),
    [
        (signal.SIGKILL, "its worker was ended by SIGKILL, as the system does when memory is shor"),
        (signal.SIGTERM, "its worker was ended by SIGTERM"),
        (-3, "its worker ended with exit status 3"),
    ],
)
def test_a_task_whose_worker_dies_twice_fails_with_its_cause(
    signal_number: int, cause: str
) -> None:
    """The message names the task."""
    with (
        pytest.raises(UserError, match=f"^{signal_number}: failed twice: {cause}"),
        Processes(1, tasks.PREPARATION) as pool,
    ):
        list(pool.run(dies, in_order([int(signal_number)])))


def test_a_task_that_raises_twice_fails_with_its_cause(capfd: pytest.CaptureFixture[str]) -> None:
    """It is no mistake of the user's; the worker's traceback is for whoever reports it."""
    with pytest.raises(RuntimeError) as caught, Processes(1, tasks.PREPARATION) as pool:
        list(pool.run(raises, in_order(["a text"])))
    assert str(caught.value) == "a text: failed twice: ValueError: a text"
    assert "in raises" in caught.value.__notes__[0]
    assert capfd.readouterr().err == "a text: ValueError: a text; trying again\n"


def test_what_the_system_refuses_a_task_is_no_fault_of_this_project() -> None:
    """A missing file, a full disk: the line names it."""
    line = "^/no/such/file: failed twice: /no/such/file: No such file or directory$"
    with pytest.raises(UserError, match=line), Processes(1, tasks.PREPARATION) as pool:
        list(pool.run(opens, in_order([Path("/no/such/file")])))


def test_a_user_s_mistake_is_not_tried_again(capfd: pytest.CaptureFixture[str]) -> None:
    """It comes out as it is."""
    with pytest.raises(UserError, match=r"^a mistake$"), Processes(1, tasks.PREPARATION) as pool:
        list(pool.run(refuses, in_order(["a mistake"])))
    assert capfd.readouterr().err == ""


def test_an_idle_worker_that_died_is_replaced(capfd: pytest.CaptureFixture[str]) -> None:
    """The next task is done by a new one, and is no task's failure."""
    with Processes(1, tasks.PREPARATION) as pool:
        ((_, (_, first)),) = pool.run(echo, in_order([0]))
        psutil.Process(first).kill()
        # The fork server is told of it, and tells.
        time.sleep(1)
        ((_, (_, second)),) = pool.run(echo, in_order([0]))
    assert first != second
    assert capfd.readouterr().err == ""


def test_results_that_nobody_waits_for_disturb_no_other_run() -> None:
    """Whoever stops reading ends what is left of that run."""
    with Processes(2, tasks.PREPARATION) as pool:
        for _ in pool.run(echo, in_order([1, 100_000, 100_000])):
            break
        assert {task for _, (task, _) in pool.run(echo, in_order([7, 8]))} == {7, 8}


def test_a_result_that_cannot_be_sent_is_a_failure_with_its_cause() -> None:
    """The worker lives to tell why."""
    with (
        pytest.raises(RuntimeError, match=r"^a text: failed twice: .*local"),
        Processes(1, tasks.PREPARATION) as pool,
    ):
        list(pool.run(returns_a_local_function, in_order(["a text"])))


PROGRAM = """
import threading
import psutil
from optledger.execution.executor import in_order
from optledger.execution.processes import Processes
from optledger.training import tasks
from tests_of_processes import echo

def kill_fork_server():
    while True:
        for child in psutil.Process().children():
            if "forkserver" in " ".join(child.cmdline()):
                # It has but started to import TensorFlow.
                return child.kill()

def main():
    with Processes(1, tasks.PREPARATION) as pool:
        threading.Thread(target=kill_fork_server).start()
        print(dict(pool.run(echo, in_order([2])))[2][0])

if __name__ == "__main__":
    main()
"""


def run_program(text: str, folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run a program of its own, beside the functions of this module."""
    (folder / "tests_of_processes.py").write_text(Path(__file__).read_text())
    (folder / "program.py").write_text(text)
    return subprocess.run(
        [sys.executable, "program.py", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_fork_server_that_died_costs_a_retry(tmp_path: Path) -> None:
    """As when memory is short while it imports TensorFlow: another is started."""
    done = run_program(PROGRAM, tmp_path)
    assert done.stdout == "2\n", done.stderr
    assert done.stderr == (
        "2: the process that starts workers was ended by SIGKILL, as the system does when memory "
        "is short (OPTLEDGER_WORKERS=1 needs the least); trying again\n"
    )


FEW_FILES = """
import os, resource, sys
from optledger.core import errors
from optledger.execution.executor import in_order
from optledger.execution.processes import Processes
from tests_of_processes import LIGHT, echo

def main():
    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = os.dup(0) + 1 + int(sys.argv[1])
    with Processes(1, LIGHT) as pool:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))
        try:
            list(pool.run(echo, in_order([2])))
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))

if __name__ == "__main__":
    errors.run(main)
"""


@pytest.mark.parametrize(
    ("files", "lines"),
    [
        # Not enough for the worker's pipe; enough for that alone.
        ("1", ["a worker could not start: CAUSE"]),
        (
            "2",
            [
                "2: its worker could not start: CAUSE; trying again",
                "2: failed twice: its worker could not start: CAUSE",
            ],
        ),
    ],
)
def test_what_keeps_a_worker_from_starting_is_told(
    files: str, lines: list[str], tmp_path: Path
) -> None:
    """The system's own words, and no guess."""
    done = run_program(FEW_FILES, tmp_path, files)
    cause = r"\[Errno 24\] Too many open files[^;\n]*"
    pattern = "".join(line.replace("CAUSE", cause) + "\n" for line in lines)
    assert re.fullmatch(pattern, done.stderr), done.stderr
    assert done.returncode == 2


DEEP = """
from optledger.execution.executor import in_order
from optledger.execution.processes import Processes
from tests_of_processes import LIGHT, echo

if __name__ == "__main__":
    with Processes(1, LIGHT) as pool:
        print(dict(pool.run(echo, in_order([2])))[2][0])
"""


def test_a_deep_folder_for_temporary_files_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket's path there would be too long for the system."""
    deep = tmp_path / ("a" * 90)
    deep.mkdir()
    monkeypatch.setenv("TMPDIR", str(deep))
    done = run_program(DEEP, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "2\n", "")


ABANDONED = """
import os, signal
from optledger.execution.executor import in_order
from optledger.execution.processes import Processes
from tests_of_processes import LIGHT, echo

if __name__ == "__main__":
    with Processes(1, LIGHT) as pool:
        # It tells of epochs as fast as it can, when nobody listens any more.
        run = pool.run(echo, in_order([10**9]), lambda *epoch: os.kill(os.getpid(), signal.SIGKILL))
        next(run)
"""


def test_a_worker_whose_driver_was_killed_ends_without_a_word(tmp_path: Path) -> None:
    """However much it has to tell."""
    for _ in range(3):
        done = run_program(ABANDONED, tmp_path)
        assert done.returncode == -signal.SIGKILL
        assert done.stderr == ""
