"""What Git knows of a checkout."""

import os
import re
import subprocess
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
"""What leads astray in another repository; Git sets some of these variables for its hooks.

`git rev-parse --local-env-vars` lists them, and `SETTINGS`.
"""

SETTINGS = frozenset({"GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS"})
"""What `git -c` and CI set for a user, such as `safe.directory`: it counts in every repository."""


def environment() -> dict[str, str]:
    """Return this process's environment, in which a folder alone tells which repository it is."""
    return {name: value for name, value in os.environ.items() if name not in LOCAL_VARIABLES}


def forget_repository() -> None:
    """Take these variables from this process: DVC's libraries read some of them, too."""
    for name in LOCAL_VARIABLES:
        os.environ.pop(name, None)


class Commits(NamedTuple):
    """What Git knows of a checkout; nothing where there is no Git.

    Attributes:
        head: the commit that it is based on.
        clean: the same, if it has the checkout as it is.
    """

    head: str | None
    clean: str | None


def commits(checkout: Path = Path()) -> Commits:
    """Ask Git for the commits of a checkout."""
    head = ask("rev-parse", "HEAD", checkout=checkout)
    changed = ask("status", "--porcelain", checkout=checkout)
    return Commits(head or None, head if head and changed == "" else None)


def main_root(checkout: Path = Path()) -> Path:
    """Return the root of the repository that a checkout belongs to.

    That of a worktree is where the repository itself is; that of a copy in which DVC runs an
    experiment is where DVC was asked for it.
    """
    here = checkout.resolve()
    for folder in (here, *here.parents):
        # Its Git is the copy's own, and does not lead there.
        if folder.parts[-3:] == (".dvc", "tmp", "exps"):
            return folder.parents[2]
    common = ask("rev-parse", "--path-format=absolute", "--git-common-dir", checkout=checkout)
    if common and Path(common).name == ".git":
        return Path(common).parent
    return here


def experiments(name: str, baseline: str | None = None) -> list[str]:
    """Return the commits that DVC keeps as experiments of a name, of a baseline or of any."""
    if not re.fullmatch(r"[\w.+-]+", name):
        return []
    commit = ask("rev-parse", baseline) if baseline else None
    place = f"{commit[:2]}/{commit[2:]}" if commit else "*/*"
    found = ask("for-each-ref", "--format=%(objectname)", f"refs/exps/{place}/{name}")
    return (found or "").split()


class UnusableError(UserError):
    """Git does not work in a checkout, so that nothing follows from its failures."""


def ask(*arguments: str, checkout: Path = Path()) -> str | None:
    """Return what a Git command prints; None where it fails, or there is no Git.

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
        UserError: it fails, or there is no Git.
    """
    command = ["git", "-C", str(checkout), *arguments]
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            env=environment(),
        )
    except FileNotFoundError:
        raise UserError("git: found no such program; allowed: one on the path") from None
    if "safe.directory" in done.stderr:
        remedy = f"git config --global --add safe.directory {checkout.resolve()}"
        raise UnusableError(
            f"git: found a checkout of another user; allowed: your own, or: {remedy}"
        )
    if done.returncode:
        told = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise UserError(f"git {arguments[0]}: {told[0]}")
    return done.stdout.strip()
