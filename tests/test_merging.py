"""Two branches that each changed a variant, merged: a real history of Git and DVC."""

import re
import shutil
from pathlib import Path

import pytest

from once import once
from project import DIGITS_PARAMS, Project

CHANGES = {
    "adam": ("learning_rate: 0.01}", "learning_rate: 0.02}"),
    "gd": ("learning_rate: 0.5,", "learning_rate: 0.6,"),
}


@pytest.fixture(scope="module")
def branches(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A checkout where the branches adam and gd, off main, each changed that variant: read-only.

    Both were run here, and pushed to the remote, a folder, with their run cache.
    """

    def make(folder: Path) -> None:
        project = finished.copy(folder / "project")
        remote = project.path.parent / "remote"
        project.run("dvc", "remote", "add", "--default", "shared", str(remote))
        project.commit()
        for branch, change in CHANGES.items():
            project.run("git", "checkout", "--quiet", "-b", branch, "main")
            project.edit("params.yaml", *change)
            project.run("dvc", "repro", "report")
            project.commit()
            project.run("dvc", "push", "--run-cache")

    made = Project(once(tmp_path_factory, "merging", make) / "project")
    return made.copy(tmp_path_factory.mktemp("merging") / "project")


@pytest.fixture(scope="module")
def merged(branches: Project, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """The branch adam merged into gd where both were run, and what `dvc repro` printed of it."""

    def make(folder: Path) -> None:
        (folder / "printed").write_text(merge(branches.copy(folder / "project"), "adam"))

    folder = once(tmp_path_factory, "merged", make)
    project = Project(folder / "project").copy(tmp_path_factory.mktemp("merged") / "project")
    return project, (folder / "printed").read_text()


def merge(project: Project, branch: str, *arguments: str) -> str:
    """Merge as docs/pull-requests.md says; return what `dvc repro`, with `arguments`, printed."""
    project.run("git", "merge", branch, check=False)
    settle(project)
    printed = project.run("dvc", "repro", *arguments)
    project.run("git", "commit", "--quiet", "--all", "--no-edit")
    return printed


def settle(project: Project) -> None:
    """Write what a person makes of the conflict in params.yaml."""
    text = DIGITS_PARAMS
    for change in CHANGES.values():
        text = text.replace(*change)
    (project.path / "params.yaml").write_text(text)


def clone(project: Project, branch: str, path: Path) -> Project:
    """Return a colleague's clone, which shares no cache with the project."""
    project.run("git", "clone", "--quiet", "--branch", branch, ".", str(path))
    cloned = Project(path)
    cloned.run("git", "config", "user.name", "Colleague")
    cloned.run("git", "config", "user.email", "colleague@localhost")
    return cloned


def trained(printed: str) -> dict[str, list[str]]:
    """Return the variants that a `dvc repro` trained, and those it had from the run cache."""
    return {
        "trained": re.findall(r"^Running stage 'train@(.+)':$", printed, re.MULTILINE),
        "restored": re.findall(r"^Stage 'train@(.+)' is cached", printed, re.MULTILINE),
    }


def generated(project: Project) -> dict[str, bytes]:
    """Return the lock and the results that Git has, by name."""
    names = project.run("git", "ls-files", "dvc.lock", "results").split()
    return {name: project.read(name) for name in names}


@pytest.mark.parametrize("command", ["merge", "rebase", "cherry-pick"])
def test_lock_and_results_are_left_whole(branches: Project, tmp_path: Path, command: str) -> None:
    """Of a file that both branches changed, Git leaves one's, whatever brings them together."""
    project = branches.copy(tmp_path / "project")
    project.run("git", command, "adam", check=False)
    assert "UU dvc.lock" in project.run("git", "status", "--porcelain")
    for name, content in generated(project).items():
        sides = [project.run("git", "show", f"{side}:{name}").encode() for side in CHANGES]
        assert content in sides, name


def test_what_both_branches_ran_is_not_trained_again(merged: tuple[Project, str]) -> None:
    """The variant of the other branch comes from the run cache; nothing is left to commit."""
    project, printed = merged
    assert trained(printed) == {"trained": [], "restored": ["adam"]}
    assert project.run("git", "status", "--porcelain") == ""


def test_a_merge_is_a_clean_run_of_its_parameters(
    merged: tuple[Project, str], tmp_path: Path
) -> None:
    """A run without lock, results and cache gives the bytes that were committed."""
    project, _ = merged
    cloned = clone(project, "gd", tmp_path / "clone")
    shutil.rmtree(cloned.path / "results")
    (cloned.path / "dvc.lock").unlink()
    assert trained(cloned.run("dvc", "repro")) == {"trained": ["gd", "adam"], "restored": []}
    assert cloned.run("git", "status", "--porcelain") == ""


def test_a_colleague_who_pulls_trains_nothing(
    branches: Project, merged: tuple[Project, str], tmp_path: Path
) -> None:
    """Merged the other way round, where neither was run: the same lock, the same results."""
    cloned = clone(branches, "adam", tmp_path / "clone")
    printed = merge(cloned, "origin/gd", "--pull")
    assert trained(printed) == {"trained": [], "restored": ["gd"]}
    assert generated(cloned) == generated(merged[0])


def test_without_the_run_cache_the_variant_of_the_other_branch_is_trained(
    branches: Project, tmp_path: Path
) -> None:
    """One training, as only the outputs of the colleague's own branch are at hand."""
    cloned = clone(branches, "adam", tmp_path / "clone")
    cloned.run("dvc", "pull")
    printed = merge(cloned, "origin/gd", "train@adam", "train@gd")
    assert trained(printed) == {"trained": ["gd"], "restored": []}


def test_a_conflict_is_told_as_one(branches: Project, tmp_path: Path) -> None:
    """The line where it begins, not how a parser failed; of the lock too, had Git merged it."""
    project = branches.copy(tmp_path / "project")
    (project.path / ".git/info/attributes").write_text("dvc.lock merge\n")
    project.run("git", "merge", "adam", check=False)
    for command, file in (("check", "params.yaml"), ("verify", "dvc.lock")):
        line = project.read(file).decode().splitlines().index("<<<<<<< HEAD") + 1
        assert project.run("optledger", command, check=False, PYTHONPATH="src") == (
            f"{file}:{line}: has a merge conflict; keep one of its sides, "
            "or write what is meant by both\n"
        )
        settle(project)
