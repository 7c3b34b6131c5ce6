"""The command itself: exit statuses, mistakes, formats."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from optledger.review.report import MARKER
from project import Project


def reviewed(project: Project, *arguments: str) -> tuple[int, str, str]:
    """Return the exit status of `optledger review`, what it prints, and its errors."""
    process = project.start("sh", "-c", 'optledger review "$@" 2>errors', "sh", *arguments)
    printed, _ = process.communicate()
    errors = project.path / "errors"
    text = errors.read_text()
    errors.unlink()
    return process.returncode, printed, text


@pytest.mark.parametrize(
    ("base", "head", "status"),
    [("base", "changed", 1), ("changed", "base", 0), ("base", "base", 0)],
)
def test_the_gate_is_shut_by_a_regression_alone(
    history: Project, base: str, head: str, status: int
) -> None:
    """With --fail-on worse the exit status is 1 if a variant is worse, and 0 otherwise."""
    ended, _, errors = reviewed(history, base, head, "--fail-on", "worse", "--fail-on", "diverged")
    shut = "The gate is shut: spoilt (--fail-on worse)\n"
    assert (ended, errors) == (status, shut if status else "")


def test_without_a_gate_a_regression_is_told_only(history: Project) -> None:
    """The exit status of a review as such is 0."""
    status, printed, errors = reviewed(history, "base", "changed")
    assert (status, errors) == (0, "")
    assert printed.startswith("spoilt is worse ")


def test_results_that_were_not_made_shut_the_gate(history: Project, tmp_path: Path) -> None:
    """Stale results are a user's mistake: exit status 2 and, in the report, the command to run."""
    project = history.copy(tmp_path / "project")
    project.edit("params.yaml", "learning_rate: 0.0101", "learning_rate: 0.02")
    status, printed, errors = reviewed(project, "changed", "--fail-on", "worse")
    assert status == 2
    assert printed.startswith("nudged is not judged")
    assert errors == "The gate is shut: workspace is out of date, so run dvc repro there\n"
    assert (
        "workspace: not run since a change of params.yaml: variants.nudged.learning_rate: run dvc "
        "repro there, and commit what that changes."
    ) in " ".join(printed.split())


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["nowhere"],
            "optledger review: there is no 'nowhere'; name a Git revision, an experiment of "
            "`dvc exp list --all-commits`, or workspace\n",
        ),
        (
            [""],
            "optledger review: there is no ''; name a Git revision, an experiment of "
            "`dvc exp list --all-commits`, or workspace\n",
        ),
        (
            ["base:params.yaml"],
            "optledger review: there is no 'base:params.yaml'; name a Git revision, an experiment "
            "of `dvc exp list --all-commits`, or workspace\n",
        ),
        (
            ["base", "--json", "--markdown"],
            "optledger review: --markdown and --json exclude each other; choose one\n",
        ),
        (
            ["empty", "changed"],
            "empty: it has no results/seeds.csv; name a revision with the results of dvc repro\n",
        ),
    ],
)
def test_a_revision_that_cannot_be_reviewed_is_one_line(
    history: Project, arguments: list[str], line: str
) -> None:
    """An unknown revision, none at all, what is no commit, and a commit without results."""
    assert reviewed(history, *arguments) == (2, "", line)


def test_another_gate_is_a_mistake(history: Project) -> None:
    """Only what is worse can shut the gate."""
    status, _, errors = reviewed(history, "base", "--fail-on", "better")
    assert status == 2
    assert "worse" in errors


def test_a_shallow_clone_says_what_it_lacks(history: Project, tmp_path: Path) -> None:
    """A revision that a shallow clone has not is one line, with the command that brings it."""
    clone = Project(tmp_path / "clone")
    subprocess.run(
        ["git", "clone", "--quiet", "--depth", "1", history.path.as_uri(), str(clone.path)],
        check=True,
    )
    assert reviewed(clone, "HEAD")[:2] == (
        0,
        "Nothing differs that results depend on.\n\nNot touched: lion, nudged, renamed, spoilt and "
        "steady.\n",
    )
    status, printed, errors = reviewed(clone, "HEAD~1")
    assert (status, printed) == (2, "")
    assert errors.endswith("; this clone is shallow: git fetch --unshallow brings the rest\n")
    assert errors.count("\n") == 1


def test_no_repository_is_one_line(tmp_path: Path) -> None:
    """Outside of a DVC repository, and in one without Git."""
    project = Project(tmp_path / "project")
    project.path.mkdir()
    assert reviewed(project, "HEAD") == (
        2,
        "",
        "optledger review: there is no DVC repository here; run it in a checkout of this project\n",
    )
    project.run("dvc", "init", "--no-scm", "--quiet")
    assert reviewed(project, "HEAD") == (
        2,
        "",
        "optledger review: there is no Git repository here; run it in a checkout of this project\n",
    )


def test_an_experiment_by_its_name(history: Project, tmp_path: Path) -> None:
    """HEAD may be a DVC experiment, a commit that DVC keeps under its baseline."""
    project = history.copy(tmp_path / "project")
    base = project.run("git", "rev-parse", "base").strip()
    project.run("git", "update-ref", f"refs/exps/{base[:2]}/{base[2:]}/trial", "changed")
    assert "trial" in project.run("dvc", "exp", "list", "--rev", "base", "--name-only")
    status, printed, _ = reviewed(project, "base", "trial", "--fail-on", "worse")
    assert status == 1
    assert "trial (" in printed


@pytest.mark.parametrize(
    ("table", "content", "line"),
    [
        ("seeds", b"", "is empty; names of columns belong there"),
        ("seeds", b"a\xe9", "line 1: found the byte 0xe9; allowed: UTF-8"),
        (
            "leaderboard",
            b"rank\n1\n",
            "has no column variant",
        ),
        (
            "leaderboard",
            b"variant,accuracy\na,x\n",
            "line 2: column accuracy: found 'x'; ",
        ),
        ("leaderboard", b"variant\na\na\n", "line 3: is a second row of a"),
    ],
)
def test_a_damaged_table_is_no_verdict(
    history: Project, tmp_path: Path, table: str, content: bytes, line: str
) -> None:
    """One line names the revision and the file, and the exit status is 2."""
    project = history.copy(tmp_path / "project")
    (project.path / f"results/{table}.csv").write_bytes(content)
    status, printed, errors = reviewed(project, "base", "--fail-on", "worse")
    assert (status, printed, errors.count("\n")) == (2, "", 1)
    assert errors.startswith(f"workspace: results/{table}.csv: {line}")


def test_the_verdict_does_not_depend_on_the_encoding(
    history: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it cannot hold is told in other characters: arrows are not in every encoding."""
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    status, printed, errors = reviewed(history, "changed", "base", "--fail-on", "worse")
    assert (status, errors) == (0, "")
    assert " -> " in printed


def test_markdown_is_one_comment(history: Project) -> None:
    """It begins with the mark that a later one is found by; tables have a cell for each column."""
    _, printed, _ = reviewed(history, "base", "changed", "--markdown")
    assert printed.startswith(f"{MARKER}\n\n**spoilt is worse ")
    rows = [line for line in printed.splitlines() if line.startswith("|")]
    assert any("variants.spoilt.learning_rate" in row and "| spoilt" in row for row in rows)


def test_json_is_a_document(history: Project) -> None:
    """A program finds the answer, each verdict and every number."""
    _, printed, _ = reviewed(history, "base", "changed", "--json")
    found = json.loads(printed)
    assert found["verdicts"]["spoilt"] == "worse"
    assert found["outcome"].startswith("spoilt is worse ")
    [spoilt] = [each for each in found["effects"] if each["variant"] == "spoilt"]
    decides = spoilt["differences"][0]
    assert decides["metric"] == "accuracy"
    assert decides["low"] < decides["difference"] < decides["high"] < 0
    assert spoilt["after"]["accuracy"] - spoilt["before"]["accuracy"] == pytest.approx(
        decides["difference"], abs=1e-5
    )


def test_what_json_cannot_hold_is_a_text(history: Project, tmp_path: Path) -> None:
    """A parameter that is infinite, which no run has, is told all the same."""
    project = history.copy(tmp_path / "project")
    project.edit("params.yaml", "learning_rate: 0.0101", "learning_rate: .inf")
    status, printed, _ = reviewed(project, "changed", "--json")
    assert status == 0
    assert json.loads(printed)["parameters"][0]["after"] == "inf"


def test_it_needs_none_of_the_large_libraries(history: Project) -> None:
    """A review is quick, as it imports none that takes long."""
    program = (
        "import sys; from optledger.__main__ import main\n"
        "sys.argv = ['optledger', 'review', 'base', 'changed']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted({'tensorflow', 'keras', 'mlflow', 'scipy.stats'} & sys.modules.keys()))"
    )
    assert history.run(sys.executable, "-c", program).splitlines()[-1] == "[]"
