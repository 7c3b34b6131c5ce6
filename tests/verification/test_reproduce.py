"""The commit run again, for real, on the digits."""

import re
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from project import Project


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A folder for temporary files, in which nothing is left behind."""
    # Not below `tmp_path`: workers meet at a socket in it, whose path may not be long.
    with tempfile.TemporaryDirectory(prefix="files ") as folder:
        yield Path(folder)
        assert list(Path(folder).glob("optledger-*")) == []


def test_a_commit_gives_the_same_bytes_again(project: Project, temporary: Path) -> None:
    """All but what someone wrote by hand, which is named; nothing is published.

    A table of a case is committed with another number, and the lock with it.
    """
    store = project.read("mlflow.db")
    table = Path("results/cases/linear_regression/methods.csv")
    shutil.copy(project.path / table, temporary / "before.csv")
    lines = (project.path / table).read_text().splitlines(keepends=True)
    header, row = lines[0].split(","), lines[1].split(",")
    place = header.index("distance")
    was, row[place] = row[place], "0.5"
    (project.path / table).write_text("".join([lines[0], ",".join(row), *lines[2:]]))
    project.run("dvc", "commit", "--force", "case@linear_regression")
    project.commit()
    (project.path / "README.md").write_text("not committed")
    printed = project.run(
        "sh",
        "-c",
        "optledger verify --reproduce; echo $?",
        PYTHONPATH="src",
        TMPDIR=str(temporary),
    )
    rows = re.findall(r"^\| (\S+) +\| ([a-z -]+?) +\| (.*?) *\|$", printed, re.MULTILINE)
    verdicts = {path: (verdict, why) for path, verdict, why in rows if path != "output"}
    assert len(verdicts) == 28, printed
    verdict, why = verdicts.pop(str(table))
    assert verdict == "different"
    assert why == (
        f"not equal to 0.01, relative; line 2, column distance: found {was}; expected 0.5"
    )
    assert set(verdicts.values()) == {("byte-equal", "")}
    assert "verify: note: uncommitted changes are left out; HEAD, " in printed
    counts = "28 outputs: 27 byte-equal, 0 equal within tolerance, 1 different"
    assert printed.splitlines()[-2:] == [f"verify --reproduce: {counts}", "1"]
    assert project.read("mlflow.db") == store


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing_behind(
    cold: Project, temporary: Path, number: signal.Signals
) -> None:
    """Neither the clone nor a process, though only the command itself is told."""
    process = cold.start(
        "optledger", "verify", "--reproduce", PYTHONPATH="src", TMPDIR=str(temporary)
    )
    command = psutil.Process(process.pid)
    end = time.monotonic() + 120
    family: list[psutil.Process] = []
    while not any("optledger.stages" in " ".join(_words(each)) for each in family):
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.2)
        family = command.children(recursive=True)
    process.send_signal(number)
    process.communicate(timeout=120)
    assert process.returncode == 130
    assert not any(each.is_running() for each in family)


def _words(process: psutil.Process) -> list[str]:
    try:
        words: list[str] = process.cmdline()
    except psutil.Error:
        return []
    return words
