"""What is checked before a commit, here and for users: pre-commit on real Git repositories."""

import shutil
import sys
from pathlib import Path

import pytest

from project import REPOSITORY, Project


@pytest.fixture
def hooked(project: Project, tmp_path: Path) -> Project:
    """A checkout with an environment in .venv, after `pre-commit install`."""
    (project.path / ".venv").mkdir()
    (project.path / ".venv/bin").symlink_to(Path(sys.executable).parent)
    project.run("pre-commit", "install", PRE_COMMIT_HOME=str(tmp_path / "pre-commit"))
    return project


def commit(project: Project) -> str:
    """Try to commit everything; return what is printed."""
    project.run("git", "add", "--all")
    return project.run(
        *("git", "commit", "--message", "change"),
        check=False,
        PRE_COMMIT_HOME=str(project.path.parent / "pre-commit"),
        PYTHONPATH="src",
    )


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("src/optledger/core/paths.py", "import os\n", "\nF401 "),
        ("src/optledger/core/paths.py", "X = [ 1]\n", "\n1 file reformatted"),
        ("notebooks/explore.ipynb", "]", "Expected a Jupyter Notebook, "),
        ("dvc.lock", "<<<<<<< HEAD\n", "<<<<<<< HEAD\n"),
    ],
)
def test_a_commit_that_breaks_a_rule_is_refused(
    hooked: Project, file: str, text: str, line: str
) -> None:
    """What the tool says of it is printed, and there is no commit."""
    before = hooked.run("git", "rev-parse", "HEAD")
    with (hooked.path / file).open("a") as stream:
        stream.write(text)
    assert line in commit(hooked)
    assert hooked.run("git", "rev-parse", "HEAD") == before


def test_a_mistake_in_the_parameters_is_refused_and_its_remedy_committed(hooked: Project) -> None:
    """The check of the parameters has run, as they changed; ruff had nothing to look at."""
    before = hooked.run("git", "rev-parse", "HEAD")
    hooked.edit("params.yaml", "optimizer: Adam,", "optimizer: Adamm,")
    refused = commit(hooked)
    assert "\nparams.yaml: variants.adam.optimizer: found 'Adamm'; allowed: Adadelta, " in refused
    assert hooked.run("git", "rev-parse", "HEAD") == before
    hooked.edit("params.yaml", "optimizer: Adamm,", "optimizer: AdamW,")
    printed = commit(hooked)
    assert "optledger check..." in printed
    assert printed.count("Passed") == 2
    assert hooked.run("git", "status", "--porcelain") == ""


def test_the_definitions_are_valid(project: Project, tmp_path: Path) -> None:
    """Pre-commit has nothing to say of them."""
    for command in (
        ("validate-config", ".pre-commit-config.yaml"),
        ("validate-manifest", ".pre-commit-hooks.yaml"),
    ):
        home = str(tmp_path / "pre-commit")
        assert project.run("pre-commit", *command, PRE_COMMIT_HOME=home) == ""


def test_the_hook_serves_another_repository(project: Project, tmp_path: Path) -> None:
    """It checks the parameters there, with the optledger that is on the path."""
    other = Project(tmp_path / "other")
    other.path.mkdir()
    shutil.copy2(REPOSITORY / "params.yaml", other.path)
    shutil.copytree(REPOSITORY / "datasets", other.path / "datasets")
    other.edit("params.yaml", "optimizer: Adam\n", "optimizer: Adamm\n")
    other.run("git", "init", "--quiet")
    other.run("git", "add", "--all")
    printed = other.run(
        *("pre-commit", "try-repo", str(project.path), "optledger-check"),
        check=False,
        PRE_COMMIT_HOME=str(tmp_path / "pre-commit"),
        PYTHONPATH=str(REPOSITORY / "src"),
    )
    assert "\nparams.yaml: variants.adam.optimizer: found 'Adamm'; allowed: " in printed
