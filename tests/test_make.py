"""`make review`, which is what a job of a hosted service runs."""

import re
import shutil
from pathlib import Path

import pytest

from project import Project


def review(project: Project, base: str) -> str:
    """Return what `make review` prints, with these tests' environment in place of `.venv`."""
    return project.run(
        *("make", "--assume-old", ".venv/checked", "review", f"BASE={base}"),
        check=False,
        OPTLEDGER_WORKERS="1",
    )


def test_a_regression_is_made_told_kept_and_fails(judged: Project, tmp_path: Path) -> None:
    """The pipeline runs; the report is printed and in a file that Git ignores; the target fails.

    So do seeds that newly diverge. A pipeline that then fails leaves no report, nor an earlier one.
    """
    project = judged.copy(tmp_path / "project")
    project.edit("params.yaml", "Adam, learning_rate: 0.01", "Adam, learning_rate: 0.0001")
    project.edit("params.yaml", "SGD, learning_rate: 0.5", "SGD, learning_rate: 1e30")
    printed = review(project, "main")
    assert "Running stage 'train@adam'" in printed
    report = project.read("build/review.md").decode()
    assert "5 of 5 seeds of gd diverge, where none did" in report
    assert "The gate is shut: adam, gd (--fail-on worse)" in report
    assert "The gate is shut: gd (--fail-on diverged)" in report
    assert report in printed
    assert re.search(r"^make: .* Error 1$", printed, re.MULTILINE)
    assert "build" not in project.run("git", "status", "--porcelain")
    project.edit("params.yaml", "Adam, learning_rate: 0.0001", "Adamm, learning_rate: 0.01")
    assert "make: ***" in review(project, "main")
    assert not (project.path / "build/review.md").exists()


@pytest.mark.parametrize("base", ["nowhere", ""])
def test_a_mistake_stops_it_at_once(project: Project, base: str) -> None:
    """An unknown revision, or none, is one line, before anything runs."""
    printed = review(project, base)
    assert printed.startswith(f"optledger review: there is no {base!r}; name ")
    assert "publish" not in printed
    assert re.search(r"^make: .* Error 2$", printed, re.MULTILINE)


def test_a_fresh_clone_is_reviewed_from_the_remote(project: Project, tmp_path: Path) -> None:
    """Nothing is trained again, and the base's predictions are there for the noise of images."""
    project.run("dvc", "remote", "add", "--quiet", "--default", "shared", str(tmp_path / "remote"))
    project.commit()
    project.run("git", "checkout", "--quiet", "-b", "change")
    project.edit("params.yaml", "Adam, learning_rate: 0.01", "Adam, learning_rate: 0.02")
    project.run("dvc", "repro", "--quiet", "report", OPTLEDGER_WORKERS="1")
    project.commit()
    project.run("dvc", "push", "--quiet", "--run-cache", "--all-branches")
    clone = Project(tmp_path / "clone")
    project.run("git", "clone", "--quiet", ".", str(clone.path))
    clone.run("git", "branch", "base", "HEAD^1")
    printed = review(clone, "base")
    assert re.findall(r"^Running stage '(.+)':$", printed, re.MULTILINE) == ["publish"]
    assert "Not in DVC's cache here" not in printed


def test_a_remote_that_is_gone_costs_a_line(project: Project) -> None:
    """The pipeline computes what could not be pulled."""
    project.run("dvc", "remote", "add", "--quiet", "--default", "shared", "ssh://nowhere.invalid/")
    shutil.rmtree(project.path / "results/predictions")
    printed = review(project, "main")
    assert "Not everything could be pulled" in printed
    assert "make: ***" not in printed


def test_the_caller_s_settings_stay_outside(project: Project) -> None:
    """Of Python, pip and shells; where packages come from is kept."""
    foreign = {
        "BASH_ENV": "/nowhere",
        "PIP_REQUIRE_VIRTUALENV": "1",
        "PIP_TARGET": "/nowhere",
        "PYTHONHOME": "/nowhere",
        "PYTHONWARNINGS": "error",
        "VIRTUAL_ENV": "/nowhere",
    }
    kept = {"PIP_INDEX_URL": "https://index.example/simple", "PIP_PROXY": "http://proxy.example"}
    changed = {"PIP_USER": "1", "SHELL": "/usr/sbin/nologin"}
    printed = project.run("make", "--eval=shown: ; @env", "shown", **foreign, **kept, **changed)
    lines = set(printed.splitlines())
    names = {line.partition("=")[0] for line in lines}
    assert not names & foreign.keys()
    assert lines >= {f"{name}={value}" for name, value in kept.items()}
    assert lines >= {"PIP_USER=0", "SHELL=/bin/sh"}


def test_the_pipeline_runs_whatever_the_caller_s_shell_and_modules(project: Project) -> None:
    """DVC itself starts, and a stage that it runs by the shell."""
    folder = project.path.parent / "modules"
    folder.mkdir()
    (folder / "psutil.py").write_text("raise SystemError")
    printed = project.run(
        *("make", "--assume-old", ".venv/checked", "repro"),
        SHELL="/usr/sbin/nologin",
        PYTHONPATH=str(folder),
        PYTHONHOME="/nowhere",
    )
    assert "Running stage 'publish'" in printed


def test_a_name_in_the_environment_is_not_an_argument(project: Project) -> None:
    """As where NAME is the host's: make takes its own from the command line alone."""
    command = ("make", "--dry-run", "--assume-old", ".venv/checked", "experiment")
    assert project.run(*command, NAME="host") == "optledger experiment techniques\n"
    assert project.run(*command, "NAME=capacity") == "optledger experiment capacity\n"
