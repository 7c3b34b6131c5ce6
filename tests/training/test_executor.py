from pathlib import Path

import pytest

from optledger.errors import UserError
from optledger.training import executor
from project import Project

STAGE = ("python", "-m", "optledger.stages.train", "adam")


def test_the_number_of_workers_changes_no_byte(finished: Project, tmp_path: Path) -> None:
    """Search, history and weights are the same from one, two and three workers."""
    projects = [finished.copy(tmp_path / str(count)) for count in (1, 2, 3)]
    for project in projects:
        project.edit("params.yaml", "learning_rate: 0.01", "learning_rate: [0.001, 0.01, 0.1, 1]")
    running = [
        project.start(*STAGE, PYTHONPATH="src", OPTLEDGER_WORKERS=project.path.name)
        for project in projects
    ]
    printed = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], printed
    names = ["history.csv", "search.csv", "trials.csv", "weights.npz"]
    (first, *others) = [
        [project.read(f"results/trials/adam/{name}") for name in names] for project in projects
    ]
    assert [len(file.splitlines()) for file in first[:3]] == [7, 5, 3]
    for other in others:
        assert other == first


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", ""])
def test_a_wrong_number_of_workers_is_one_line(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable, what was found and what is allowed."""
    monkeypatch.setenv(executor.WORKERS_VARIABLE, value)
    expected = f"^OPTLEDGER_WORKERS: found '{value}'; allowed: an integer of at least"
    with pytest.raises(UserError, match=expected):
        executor.workers()
