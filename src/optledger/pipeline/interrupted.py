"""Repair of files that a DVC left half-written when it was killed.

DVC writes dvc.lock in place after each stage. Before and after each stage it writes a note of which
process reads and writes which files. A lock that is cut off may still be valid YAML. A note that is
cut off stops every later DVC.
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

LOCK_COPY = Path(".dvc/tmp/optledger.lock")
"""The copy of the lock that the last stage kept when it started, before DVC added its entry."""

DVC_NOTE = Path(".dvc/tmp/rwlock")
"""DVC's note of which process reads and writes which files; without the file, none does."""


def repair() -> Iterator[str]:
    """Repair files that are half-written; yield a line about each."""
    if repair_lock():
        yield f"{LOCK}: was cut off when a DVC that wrote it was killed; restored as it was before"
    if _repair_note():
        yield f"{DVC_NOTE}: was cut off when a DVC that wrote it was killed; removed"


def repair_lock(path: Path = LOCK, kept: Path = LOCK_COPY) -> bool:
    """Restore the lock if DVC was killed while writing it; return whether that was needed.

    The copy that a stage keeps when it starts is complete, apart from that stage's own entry. A
    lock that is as committed in Git is left alone.

    Args:
        path: the lock.
        kept: the copy of it.
    """
    if not _needs_repair(path, kept) or _is_committed(path):
        return False
    # Imported here, as it takes time.
    from dvc.lock import LockError, make_lock

    folder = kept.parent
    # A running DVC may be writing the lock at this moment, so look again under DVC's own lock.
    with suppress(LockError), make_lock(str(folder / "lock"), tmp_dir=str(folder)):
        if _needs_repair(path, kept):
            with replacing(path) as temporary:
                temporary.write_bytes(read(kept))
            return True
    return False


def _needs_repair(path: Path, kept: Path) -> bool:
    if not path.exists() or not kept.exists():
        return False
    texts = (read(each).decode(errors="replace") for each in (path, kept))
    return _is_cut(*texts)


def _is_committed(path: Path) -> bool:
    committed = git.ask("rev-parse", f"HEAD:./{path.name}", checkout=path.parent)
    return committed is not None and committed == git.ask(
        "hash-object", "--", path.name, checkout=path.parent
    )


def _repair_note() -> bool:
    if not DVC_NOTE.exists() or _is_json(DVC_NOTE):
        return False
    # Imported here, as it takes time.
    from dvc.lock import LockError, make_lock

    # Another DVC may be writing the note at this moment, so look again under DVC's own lock.
    folder = str(DVC_NOTE.parent)
    with suppress(LockError), make_lock(f"{DVC_NOTE}.lock", tmp_dir=folder):
        if not _is_json(DVC_NOTE):
            DVC_NOTE.unlink()
            return True
    return False


def _is_json(path: Path) -> bool:
    try:
        json.loads(read(path))
    except ValueError:
        return False
    return True


def _is_cut(text: str, before: str) -> bool:
    """Whether `text` is only the beginning of the lock that DVC was writing after `before`."""
    if text == before or "<<<<<<<" in text:
        # A conflict is from a merge, not from a killed DVC.
        return False
    then, now = (_entries(each) for each in (before, text))
    if then is None:
        return False
    if now is None or not text.endswith("\n"):
        return True
    *complete, last = now
    if then.keys() <= now.keys():
        # DVC runs a stage again if its entry lacks `outs`, but not if an output lacks a size.
        outs = now[last].get("outs") if isinstance(now[last], dict) else None
        return isinstance(outs, list) and not all(map(_is_complete, outs))
    changed = [name for name in complete if now[name] != then.get(name)]
    return list(now) == list(then)[: len(now)] and len(changed) <= 1


def _entries(text: str) -> dict[str, Any] | None:
    """Return the entries of a lock by stage; None if it has none, or cannot be parsed."""
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
