"""What Git knows about a checkout: commits, branches, files, and its user."""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from optledger.core.errors import UserError

LOCAL_VARIABLES = frozenset(
    {
        *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_COMMON_DIR", "GIT_CONFIG"),
        *("GIT_DIR", "GIT_GRAFT_FILE"),
        *("GIT_IMPLICIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_INTERNAL_SUPER_PREFIX"),
        *("GIT_NAMESPACE", "GIT_NO_REPLACE_OBJECTS", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"),
        *("GIT_QUARANTINE_PATH", "GIT_REPLACE_REF_BASE", "GIT_SHALLOW_FILE", "GIT_WORK_TREE"),
    }
)
"""Environment variables that make Git use another repository than the folder's own.

Git sets some of them for its hooks. `git rev-parse --local-env-vars` lists these and `SETTINGS`.
"""

SETTINGS = frozenset({"GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"})
"""Variables in which `git -c` and CI pass settings, such as `safe.directory`: valid everywhere."""


def environment() -> dict[str, str]:
    """Return this process's environment, in which the folder alone selects the repository."""
    return {name: value for name, value in os.environ.items() if name not in LOCAL_VARIABLES}


def forget_repository() -> None:
    """Remove `LOCAL_VARIABLES` from this process: DVC's libraries read some of them, too."""
    for name in LOCAL_VARIABLES:
        os.environ.pop(name, None)


class Head(NamedTuple):
    """The commit that a checkout is based on.

    Attributes:
        commit: the commit's hash; None where there is no commit, or no Git.
        branch: the branch that is checked out, if one is.
        seconds: when the commit was made, in seconds since 1970; 0 without a commit.
        depth: the number of commits in its history, itself included, as far as a shallow clone
            knows them; 0 without a commit.
    """

    commit: str | None
    branch: str | None
    seconds: int
    depth: int


def head(checkout: Path = Path()) -> Head:
    """Return the commit that a checkout is based on."""
    branch = ask("symbolic-ref", "--quiet", "--short", "HEAD", checkout=checkout) or None
    commit = ask("log", "-1", "--format=%H %ct", checkout=checkout)
    if not commit:
        return Head(None, branch, 0, 0)
    name, seconds = commit.split()
    depth = run("rev-list", "--count", name, checkout=checkout)
    return Head(name, branch, int(seconds), int(depth))


def is_on(branch: str, commit: str) -> bool:
    """Whether a branch of this name contains the commit, here or in a remote as last fetched."""
    names = (f"refs/heads/{branch}", f"refs/remotes/*/{branch}")
    return bool(ask("for-each-ref", "--contains", commit, "--format=%(refname)", *names))


def user() -> str:
    """Return the name that Git gives to the author of commits; empty if it is not set."""
    return ask("config", "user.name") or ""


def main_root(checkout: Path = Path()) -> Path:
    """Return the root of the repository that a checkout belongs to.

    For a worktree, that is the root of the main checkout. For the copy in which DVC runs an
    experiment, it is the checkout that the experiment was started from.
    """
    here = checkout.resolve()
    for folder in (here, *here.parents):
        # Such a copy has a Git repository of its own, so Git cannot tell where it is from.
        if folder.parts[-3:] == (".dvc", "tmp", "exps"):
            return folder.parents[2]
    common = ask("rev-parse", "--path-format=absolute", "--git-common-dir", checkout=checkout)
    if common and Path(common).name == ".git":
        return Path(common).parent
    return here


def experiments(name: str, baseline: str | None = None) -> list[str]:
    """Return the commits of DVC's experiments of this name, of one baseline or of all."""
    if not re.fullmatch(r"[\w.+-]+", name):
        return []
    commit = ask("rev-parse", baseline) if baseline else None
    place = f"{commit[:2]}/{commit[2:]}" if commit else "*/*"
    found = ask("for-each-ref", "--format=%(objectname)", f"refs/exps/{place}/{name}")
    return (found or "").split()


class UnusableError(UserError):
    """Git refuses to work in a checkout, so a failed command says nothing about the repository."""


def ask(*arguments: str, checkout: Path = Path()) -> str | None:
    """Return what a Git command prints; None if it fails, or if there is no Git.

    Raises:
        UnusableError: Git refuses to work here.
    """
    try:
        return run(*arguments, checkout=checkout)
    except UnusableError:
        raise
    except UserError:
        return None


def run(*arguments: str, checkout: Path = Path()) -> str:
    """Return what a Git command prints.

    Raises:
        UserError: the command fails, or there is no Git.
    """
    return os.fsdecode(_printed(arguments, checkout)).strip()


class Content(NamedTuple):
    """A file or folder as Git stores it.

    Attributes:
        digest: Git's hash of the object; equal content has an equal hash.
        content: the bytes of a file; for a folder, Git's own record of it.
    """

    digest: str
    content: bytes


def contents(names: Sequence[str], checkout: Path = Path()) -> list[Content | None]:
    """Return what Git stores under each name, such as `HEAD:params.yaml`; None if nothing.

    One process reads them all, as starting a process takes longer than reading hundreds of files.

    Raises:
        UserError: Git cannot read an object, or there is no Git.
    """
    wanted = "".join(f"{name}\n" for name in names).encode()
    printed = _printed(("cat-file", "--batch"), checkout, wanted)
    found: list[Content | None] = []
    start = 0
    for _ in names:
        head = printed[start : printed.index(b"\n", start)]
        start += len(head) + 1
        match head.rsplit(b" ", 2):
            case [digest, _, size] if size.isdigit():
                end = start + int(size)
                found.append(Content(digest.decode(), printed[start:end]))
                start = end + 1
            case _:
                found.append(None)
    return found


def _printed(arguments: Sequence[str], checkout: Path, given: bytes | None = None) -> bytes:
    command = ["git", "-C", str(checkout), *arguments]
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, input=given, env=environment()
        )
    except FileNotFoundError:
        raise UserError("git: is not on the path; install it") from None
    errors = os.fsdecode(done.stderr)
    if "safe.directory" in errors:
        remedy = f"git config --global --add safe.directory {checkout.resolve()}"
        raise UnusableError(
            f"git: this checkout belongs to another user; use your own, or: {remedy}"
        )
    if done.returncode:
        told = errors.strip().splitlines() or [f"exit status {done.returncode}"]
        raise UserError(f"git {arguments[0]}: {told[0]}")
    return done.stdout
