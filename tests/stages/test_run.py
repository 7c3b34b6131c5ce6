"""How a stage ends before it is done: interrupted, killed, or with the DVC that started it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psutil
import pytest

from project import Project


@contextmanager
def long_training(
    project: Project, **environment: str
) -> Iterator[tuple["subprocess.Popen[str]", psutil.Process, list[psutil.Process]]]:
    """Have `dvc repro` train for ever.

    Yields:
        DVC; the stage; and the stage's fork server, resource tracker and two workers.
    """
    project.edit("params.yaml", "epochs: 3", "epochs: 200000")
    dvc = project.start("dvc", "repro", "train@adam", OPTLEDGER_WORKERS="2", **environment)
    started: list[psutil.Process] = []
    try:
        stage = wait_for(lambda: stage_of(psutil.Process(dvc.pid)))
        children = wait_for(lambda: at_least_four(stage.children(recursive=True)))
        started = [stage, *children]
        wait_for(lambda: computing(stage, children))
        yield dvc, stage, children
    finally:
        for process in started:
            if process.is_running():
                process.kill()
        with dvc:
            dvc.kill()


def stage_of(dvc: psutil.Process) -> psutil.Process | None:
    """Return the stage that DVC runs, if it has come to that."""
    children = dvc.children(recursive=True)
    return next((c for c in children if "optledger.stages.train" in c.cmdline()), None)


def modules_of(stage: psutil.Process) -> str:
    """Return the paths of what a process has mapped, compiled modules among them."""
    return " ".join(each.path for each in stage.memory_maps())


def at_least_four(found: list[psutil.Process]) -> list[psutil.Process] | None:
    """Return the processes if there are at least four."""
    return found if len(found) >= 4 else None


def computing(stage: psutil.Process, children: list[psutil.Process]) -> bool | None:
    """Return True once each worker, a child of the fork server, has computed for two seconds."""
    workers = [each for each in children if each.ppid() != stage.pid]
    assert len(workers) == 2
    return all(each.cpu_times().user > 2 for each in workers) or None


def wait_for(find: Callable[[], Any]) -> Any:
    """Return what is found as soon as something is."""
    for _ in range(600):
        if (found := find()) is not None:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not start")


def check_that_nothing_is_left(project: Project, processes: list[psutil.Process]) -> None:
    """No process, no part of an output; and the next run is as ever."""
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert alive == []
    assert {path.name for path in (project.path / "results/trials").iterdir()} == {"gd"}
    project.edit("params.yaml", "epochs: 200000", "epochs: 3")
    replace(project, cold=False).run("dvc", "repro", "report")
    assert project.run("git", "status", "--porcelain") == ""


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/sh"])
def test_a_killed_dvc_takes_its_stage_with_it(cold: Project, shell: str) -> None:
    """After `kill -9` of DVC, nothing goes on to write outputs; whether its shell stays or not."""
    with long_training(cold, SHELL=shell) as (dvc, stage, children):
        dvc.kill()
        dvc.wait()
        check_that_nothing_is_left(cold, [stage, *children])


def test_a_dvc_that_is_killed_while_its_stage_starts_takes_it_too(cold: Project) -> None:
    """Before the stage has imported what it needs, too."""
    cold.edit("params.yaml", "epochs: 3", "epochs: 200000")
    with cold.start("dvc", "repro", "train@adam") as dvc:
        stage = wait_for(lambda: stage_of(psutil.Process(dvc.pid)))
        # It has begun to import, and is not done: it knows by now which DVC it is of.
        wait_for(lambda: "pydantic_core" in modules_of(stage) or None)
        dvc.kill()
    check_that_nothing_is_left(cold, [stage])


def test_a_killed_stage_takes_its_workers_with_it(cold: Project) -> None:
    """After `kill -9` of a stage, its workers end, and DVC says which stage failed."""
    with long_training(cold) as (dvc, stage, children):
        stage.kill()
        printed, _ = dvc.communicate()
        assert dvc.returncode != 0
        assert "failed to reproduce 'train@adam'" in printed
        check_that_nothing_is_left(cold, children)


@pytest.mark.parametrize("who", ["all", "stage"])
def test_an_interruption_is_one_word(cold: Project, who: str) -> None:
    """Ctrl-C, which reaches every process at once, or SIGTERM to the stage: no traceback."""
    with long_training(cold) as (dvc, stage, children):
        if who == "all":
            os.killpg(dvc.pid, signal.SIGINT)
        else:
            stage.terminate()
        printed, _ = dvc.communicate()
        assert dvc.returncode != 0
        assert "interrupted\n" in printed
        assert "Traceback" not in printed
        check_that_nothing_is_left(cold, [stage, *children])
