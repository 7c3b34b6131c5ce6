import os
from pathlib import Path

import pytest

from optledger.core import git
from optledger.core.errors import UserError
from project import Project


def worktrees(folder: Path) -> tuple[Project, Project]:
    """Return a repository and a linked worktree of it, whose commits differ."""
    first, linked = Project(folder / "first"), Project(folder / "linked")
    first.path.mkdir()
    first.run("git", "init", "--quiet")
    first.run("git", "config", "user.name", "Tests")
    first.run("git", "config", "user.email", "tests@localhost")
    (first.path / "file").write_text("text")
    first.commit()
    first.run("git", "worktree", "add", "--quiet", "--detach", str(linked.path))
    (linked.path / "file").write_text("another")
    linked.commit()
    return first, linked


def test_a_folder_alone_tells_which_repository_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git exports others for its hooks; what is asked of one checkout is not told of another."""
    first, linked = worktrees(tmp_path)
    head = first.run("git", "rev-parse", "HEAD").strip()
    other = linked.run("git", "rev-parse", "HEAD").strip()
    monkeypatch.setenv("GIT_DIR", str(first.path / ".git/worktrees/linked"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(first.path / ".git/worktrees/linked/index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(linked.path))
    assert git.commits(first.path) == (head, head)
    git.run("clone", "--quiet", "--no-checkout", str(first.path), str(tmp_path / "clone"))
    git.run("checkout", "--quiet", "--detach", head, checkout=tmp_path / "clone")
    assert git.commits(tmp_path / "clone").clean == head
    assert git.commits(linked.path) == (other, other)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who may give a folder away")
def test_a_checkout_of_another_user_is_told_of(tmp_path: Path) -> None:
    """Git refuses it; that is no answer to what was asked."""
    first, _ = worktrees(tmp_path)
    for path in (first.path, first.path / ".git"):
        os.chown(path, 12345, 12345)
    with pytest.raises(UserError, match=r"safe\.directory"):
        git.commits(first.path)


def test_line_ends_are_not_converted(finished: Project, tmp_path: Path) -> None:
    """A clone has the bytes that were committed, also where the user has Git convert them."""
    config = tmp_path / "config"
    config.write_text("[core]\n    autocrlf = true\n    safecrlf = false\n")
    clone = Project(tmp_path / "clone")
    finished.run("git", "clone", "--quiet", ".", str(clone.path), GIT_CONFIG_GLOBAL=str(config))
    names = finished.run("git", "ls-files").splitlines()
    assert [name for name in names if clone.read(name) != finished.read(name)] == []
    assert clone.run("git", "status", "--porcelain", GIT_CONFIG_GLOBAL=str(config)) == ""
