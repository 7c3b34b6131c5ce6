"""What Git knows of a checkout."""

import re
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
    head = ask("rev-parse", "HEAD", checkout=checkout)
    changed = ask("status", "--porcelain", checkout=checkout)
    return Commits(head or None, head if head and changed == "" else None)


def experiments(name: str, baseline: str | None = None) -> list[str]:
    """Return the commits that DVC keeps as experiments of a name, of a baseline or of any."""
    if not re.fullmatch(r"[\w.+-]+", name):
        return []
    commit = ask("rev-parse", baseline) if baseline else None
    place = f"{commit[:2]}/{commit[2:]}" if commit else "*/*"
    found = ask("for-each-ref", "--format=%(objectname)", f"refs/exps/{place}/{name}")
    return (found or "").split()


def ask(*arguments: str, checkout: Path = Path()) -> str | None:
    """Return what a Git command prints; None where it fails, or there is no Git."""
    try:
        git = ["git", "-C", str(checkout), *arguments]
        answer = subprocess.run(git, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
