import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from optledger.errors import UserError
from optledger.training import executor
from project import Project

PROGRAM = """
import sys
from optledger import params
from optledger.training import executor
from optledger.training.trial import Trial

def main():
    settings = params.load()
    trials = [
        Trial(name, variant, settings.model, 10, seed)
        for name, variant in settings.variants.items()
        for seed in range(2)
    ]
    with executor.workers() as pool:
        for result in pool.map(executor.train, trials):
            for name, weight in result.weights.items():
                sys.stdout.write(name + weight.tobytes().hex())
            sys.stdout.write(repr(result.history))
            sys.stdout.flush()

if __name__ == "__main__":
    main()
"""


@pytest.fixture
def program(project: Project) -> Path:
    """A program in a finished checkout that trains two variants with two seeds."""
    (project.path / "program.py").write_text(PROGRAM)
    return project.path / "program.py"


def start(program: Path, **environment: str) -> "subprocess.Popen[str]":
    """Start the program in its checkout, with the code of that checkout."""
    return subprocess.Popen(
        [sys.executable, str(program)],
        cwd=program.parent,
        env=os.environ | {"PYTHONPATH": "src"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_number_of_workers_changes_no_byte(program: Path) -> None:
    """Weights and histories are the same from one, two and three workers, and nothing is said."""
    running = [start(program, OPTLEDGER_WORKERS=str(count)) for count in (1, 2, 3)]
    (first, *others) = [process.communicate(timeout=300) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert first[1] == ""
    assert len(first[0]) > 10_000
    for other in others:
        assert other == first


def test_workers_end_with_a_killed_parent(program: Path) -> None:
    """No process stays behind `kill -9`."""
    (program.parent / "params.yaml").write_text(
        (program.parent / "params.yaml").read_text().replace("epochs: 3", "epochs: 100000")
    )
    process = start(program, OPTLEDGER_WORKERS="2")
    parent = psutil.Process(process.pid)
    # The fork server, its resource tracker and two workers; then let training start.
    children = _wait_for(lambda: [c for c in parent.children(recursive=True)], at_least=4)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []


def _wait_for(find: object, at_least: int) -> list[psutil.Process]:
    for _ in range(600):
        found = find()  # type: ignore[operator]
        if len(found) >= at_least:
            return found
        time.sleep(0.1)
    raise AssertionError("the workers did not start")


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", ""])
def test_a_wrong_number_of_workers_is_one_line(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable, what was found and what is allowed."""
    monkeypatch.setenv(executor.WORKERS_VARIABLE, value)
    with (
        pytest.raises(
            UserError, match=f"^OPTLEDGER_WORKERS: found '{value}'; allowed: an integer of at least"
        ),
        executor.workers(),
    ):
        pass
