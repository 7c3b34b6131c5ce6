"""What a DVC that was killed may leave half-written, put right.

DVC writes dvc.lock in place after each stage, and its note of who reads and writes what before and
after. A lock that is cut may still be valid YAML; a note that is cut stops every DVC after it.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from optledger.core import git
from optledger.core.formats import read, replacing
from optledger.core.paths import LOCK

KEPT = Path(".dvc/tmp/optledger.lock")
"""What the stage that ran last kept of the lock, before DVC added that stage's entry."""

NOTE = Path(".dvc/tmp/rwlock")
"""DVC's note of which processes read and write what; without it, nobody does."""


def mend() -> Iterator[str]:
    """Put right what is half-written; yield a line about each file."""
    if mend_lock():
        yield f"{LOCK}: found it cut, by the end of a DVC that wrote it; put back as it was before"
    if _mend_note():
        yield f"{NOTE}: found it cut, by the end of a DVC that wrote it; removed"


def mend_lock(path: Path = LOCK, kept: Path = KEPT) -> bool:
    """Put the lock back where DVC was killed while it wrote it; return whether it was.

    What a stage keeps of it when it starts is complete, and lacks no more than the entry of that
    stage. What Git has committed is nobody's remains.
    """
    if not _needs_mending(path, kept) or _is_committed(path):
        return False
    # Which takes time to import.
    from dvc.lock import LockError, make_lock

    folder = kept.parent
    # A DVC that works may be writing it just now.
    with suppress(LockError), make_lock(str(folder / "lock"), tmp_dir=str(folder)):
        if _needs_mending(path, kept):
            with replacing(path) as temporary:
                temporary.write_bytes(read(kept))
            return True
    return False


def _needs_mending(path: Path, kept: Path) -> bool:
    if not path.exists() or not kept.exists():
        return False
    texts = (read(each).decode(errors="replace") for each in (path, kept))
    return _is_cut(*texts)


def _is_committed(path: Path) -> bool:
    committed = git.ask("rev-parse", f"HEAD:./{path.name}", checkout=path.parent)
    return committed is not None and committed == git.ask(
        "hash-object", "--", path.name, checkout=path.parent
    )


def _mend_note() -> bool:
    if not NOTE.exists() or _is_json(NOTE):
        return False
    # Which takes time to import.
    from dvc.lock import LockError, make_lock

    # Another DVC may be writing it just now.
    folder = str(NOTE.parent)
    with suppress(LockError), make_lock(f"{NOTE}.lock", tmp_dir=folder):
        if not _is_json(NOTE):
            NOTE.unlink()
            return True
    return False


def _is_json(path: Path) -> bool:
    try:
        json.loads(read(path))
    except ValueError:
        return False
    return True


def _is_cut(text: str, before: str) -> bool:
    """Whether a text is the beginning of a lock that DVC would have written after another."""
    if text == before or "<<<<<<<" in text:
        # The latter is of a merge.
        return False
    then, now = (_entries(each) for each in (before, text))
    if then is None:
        return False
    if now is None or not text.endswith("\n"):
        return True
    *complete, last = now
    if then.keys() <= now.keys():
        # DVC makes a stage anew whose outputs are not there, but not for what it says beside them.
        outs = now[last].get("outs") if isinstance(now[last], dict) else None
        return isinstance(outs, list) and not all(map(_is_complete, outs))
    changed = [name for name in complete if now[name] != then.get(name)]
    return list(now) == list(then)[: len(now)] and len(changed) <= 1


def _entries(text: str) -> dict[str, Any] | None:
    """Return the entries of a lock by stage; None where it has none."""
    try:
        stages = YAML(typ="safe").load(text)["stages"]
    except (YAMLError, TypeError, KeyError, ValueError):
        return None
    return stages if isinstance(stages, dict) and stages else None


def _is_complete(out: Any) -> bool:
    if not isinstance(out, dict):
        return False
    md5 = str(out.get("md5", ""))
    return "size" in out and ("nfiles" in out or not md5.endswith(".dir"))
