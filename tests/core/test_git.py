import os
from pathlib import Path

import pytest

from optledger.core import git
from optledger.core.errors import UserError
from project import Project

HOOK = """\
#!/bin/sh
exec >../hook.log 2>&1
env | grep ^GIT_
optledger review HEAD || echo failed
optledger verify || echo failed
"""


def worktrees(folder: Path) -> tuple[Project, Project]:
    """Return a repository and a linked worktree of it, whose commits differ."""
    first, linked = Project(folder / "first"), Project(folder / "linked")
    first.path.mkdir()
    first.begin()
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
    assert git.head(first.path)[:2] == (head, "main")
    git.run("clone", "--quiet", "--no-checkout", str(first.path), str(tmp_path / "clone"))
    git.run("checkout", "--quiet", "--detach", head, checkout=tmp_path / "clone")
    assert git.head(tmp_path / "clone")[:2] == (head, None)
    assert git.head(linked.path)[:2] == (other, None)


def test_contents_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    """With the bytes that were committed; what is not there is None, and an empty file is none."""
    first, _ = worktrees(tmp_path)
    odd = b"a line\n\nHEAD:gone missing\n\x00\xff"
    (first.path / "odd").write_bytes(odd)
    (first.path / "empty").write_bytes(b"")
    first.commit()
    names = ["HEAD:odd", "HEAD:gone", "HEAD:empty", "nowhere:odd", "HEAD:./odd"]
    found = git.contents(names, first.path)
    assert [each and each.content for each in found] == [odd, None, b"", None, odd]
    digests = [each.digest for each in found if each]
    assert digests[0] == digests[2] == first.run("git", "rev-parse", "HEAD:odd").strip()
    assert git.contents([], first.path) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who may give a folder away")
def test_a_checkout_of_another_user_is_told_of(tmp_path: Path) -> None:
    """Git refuses it; that is no answer to what was asked."""
    first, _ = worktrees(tmp_path)
    for path in (first.path, first.path / ".git"):
        os.chown(path, 12345, 12345)
    with pytest.raises(UserError, match=r"safe\.directory"):
        git.head(first.path)


def test_line_ends_are_not_converted(finished: Project, tmp_path: Path) -> None:
    """A clone has the bytes that were committed, also where the user has Git convert them."""
    config = tmp_path / "config"
    config.write_text("[core]\n    autocrlf = true\n    safecrlf = false\n")
    clone = Project(tmp_path / "clone")
    finished.run("git", "clone", "--quiet", ".", str(clone.path), GIT_CONFIG_GLOBAL=str(config))
    names = finished.run("git", "ls-files").splitlines()
    assert [name for name in names if clone.read(name) != finished.read(name)] == []
    assert clone.run("git", "status", "--porcelain", GIT_CONFIG_GLOBAL=str(config)) == ""


def test_every_local_variable_that_git_lists_is_known(tmp_path: Path) -> None:
    """Those of the Git that is installed here."""
    first, _ = worktrees(tmp_path)
    listed = first.run("git", "rev-parse", "--local-env-vars").split()
    assert set(listed) <= git.LOCAL_VARIABLES | git.SETTINGS


@pytest.mark.parametrize("command", [["review", "HEAD"], ["publish"], ["verify", "--reproduce"]])
def test_commands_tell_the_cause_that_git_gives(project: Project, command: list[str]) -> None:
    """With exit status 2, and nothing is published without its commit."""
    if os.getuid():
        pytest.skip("only root can give a folder to another user")
    before = project.read("mlflow.db")
    for path in (project.path, project.path / ".git"):
        os.chown(path, 4242, 4242)
    shell = 'optledger "$@"; echo $?'
    printed = project.run(
        *("sh", "-c", shell, "sh", *command), PYTHONPATH="src", GIT_CONFIG_GLOBAL=os.devnull
    )
    line, status = printed.splitlines()
    assert line.endswith(f" git config --global --add safe.directory {project.path}")
    assert status == "2"
    assert project.read("mlflow.db") == before


def test_a_hook_sees_its_own_checkout(project: Project, tmp_path: Path) -> None:
    """In a linked worktree, where Git exports its folder and its index."""
    project.run("git", "worktree", "add", "--quiet", str(tmp_path / "tree"))
    tree = Project(tmp_path / "tree")
    project.run("cp", "-R", ".dvc/cache", str(tree.path / ".dvc/cache"))
    project.run("cp", "mlflow.db", str(tree.path))
    tree.run("dvc", "checkout", "--quiet")
    hook = project.path / ".git/hooks/pre-commit"
    hook.parent.mkdir()
    hook.write_text(HOOK)
    hook.chmod(0o755)
    (tree.path / "README.md").write_text("changed")
    tree.run("git", "commit", "--quiet", "--all", "--message", "change", PYTHONPATH="src")
    printed = (tmp_path / "hook.log").read_text()
    assert f"GIT_DIR={project.path}/.git/worktrees/tree\n" in printed
    assert "GIT_INDEX_FILE=" in printed
    assert "\nNothing differs that results depend on.\n" in printed
    assert printed.endswith(": 0 breaks\n"), printed


def test_a_reproduction_in_a_worktree_leaves_it_as_it_is(project: Project, tmp_path: Path) -> None:
    """With the variables that Git exports to hooks: what is run is HEAD, and HEAD stays."""
    project.run("git", "worktree", "add", "--quiet", str(tmp_path / "tree"))
    tree = Project(tmp_path / "tree")
    (tree.path / "README.md").write_text("staged")
    tree.run("git", "add", "README.md")
    changed = tree.read("params.yaml").decode().replace("0.01", "0.02")
    (tree.path / "params.yaml").write_text(changed)
    folder = Path(tree.run("git", "rev-parse", "--absolute-git-dir").strip())
    before = tree.run("git", "status", "--branch", "--porcelain=2")
    printed = tree.run(
        *("optledger", "verify", "--reproduce"),
        PYTHONPATH="src",
        GIT_DIR=str(folder),
        GIT_WORK_TREE=str(tree.path),
        GIT_INDEX_FILE=str(folder / "index"),
        OPTLEDGER_WORKERS="1",
    )
    assert " byte-equal, 0 equal within tolerance, 0 different" in printed
    assert tree.run("git", "status", "--branch", "--porcelain=2") == before
    assert tree.read("params.yaml").decode() == changed
