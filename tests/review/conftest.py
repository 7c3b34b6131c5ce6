"""A history of real commits: a base, and a change of several variants at once."""

from pathlib import Path

import pytest

import digits
from once import once
from project import DIGITS_PARAMS, Project, new_project

PARAMS = (
    DIGITS_PARAMS.partition("variants:")[0].replace("count: 2", "count: 5")
    + """\
variants:
  steady: {optimizer: SGD, learning_rate: 0.5, batch_size: full, epochs: 5}
  nudged: {optimizer: Adam, learning_rate: 0.01}
  spoilt: {optimizer: Adam, learning_rate: 0.02}
  old: {optimizer: SGD, learning_rate: 0.3}
"""
)

CHANGES = [
    ("Adam, learning_rate: 0.01}", "Adam, learning_rate: 0.0101}"),
    ("learning_rate: 0.02}", "learning_rate: 0.0001}"),
    ("  old:", "  lion: {optimizer: Lion, learning_rate: 0.001}\n  renamed:"),
]


def repro(project: Project) -> None:
    """Run what a review reads."""
    stages = ("compare", "case@linear_regression")
    project.run("dvc", "repro", "--quiet", *stages, OPTLEDGER_WORKERS="1")
    project.commit()


@pytest.fixture(scope="session")
def history(digits_entry: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A checkout whose tags are `empty`, `base` and `changed`, the last checked out: read-only."""

    def make(folder: Path) -> None:
        project = new_project(folder / "project", digits_entry, PARAMS)
        project.run("git", "tag", "empty")
        repro(project)
        project.run("git", "tag", "base")
        for old, new in CHANGES:
            project.edit("params.yaml", old, new)
        repro(project)
        project.run("git", "tag", "changed")

    made = Project(once(tmp_path_factory, "history", make) / "project")
    return made.copy(tmp_path_factory.mktemp("history") / "project")


@pytest.fixture(scope="session")
def branches(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A checkout with a branch for each kind of change beside a variant's own: read-only."""

    def make(folder: Path) -> None:
        project = finished.copy(folder / "project")
        (folder / "fewer").mkdir()
        digits.write(folder / "fewer", test_images=200)
        entry = digits.registry_entry(folder / "fewer", test_images=200)
        (project.path / "datasets/fewer.yaml").write_text(entry)
        project.commit()
        for branch, old, new in [
            ("shared", "{epochs: 3,", "{epochs: 4,"),
            ("seeds", "count: 2", "count: 3"),
            ("split", "fraction: 0.1, seed: 0", "fraction: 0.1, seed: 1"),
            ("fewer", "dataset: digits", "dataset: fewer"),
        ]:
            project.run("git", "checkout", "--quiet", "-b", branch, "main")
            project.edit("params.yaml", old, new)
            repro(project)
        project.run("git", "checkout", "--quiet", "main")

    made = Project(once(tmp_path_factory, "branches", make) / "project")
    return made.copy(tmp_path_factory.mktemp("branches") / "project")
