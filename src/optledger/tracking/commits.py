"""The Git commits that a publication names."""

import subprocess
from pathlib import Path
from typing import NamedTuple


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
    head = _git(checkout, "rev-parse", "HEAD")
    changed = _git(checkout, "status", "--porcelain")
    return Commits(head or None, head if head and changed == "" else None)


def _git(checkout: Path, *arguments: str) -> str | None:
    try:
        git = ["git", "-C", str(checkout), *arguments]
        answer = subprocess.run(git, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
