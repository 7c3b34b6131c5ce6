"""Outdated results of a revision: what changed since its stages ran, according to dvc.lock."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from optledger.core.formats import tree_digest
from optledger.core.paths import LOCK
from optledger.pipeline.description import Stage
from optledger.verification.chain import Chain

# Stages that only show the results, so that no verdict depends on them.
_DISPLAY_STAGES = ("report",)


def not_run_since(opened: Any, found: Mapping[str, Stage]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each stage that was not run since a change, and the files or keys that changed.

    Args:
        opened: DVC's repository, switched to a revision.
        found: its stages, by name.
    """
    outputs = {path: md5 for stage in found.values() for path, md5 in stage.outputs.items()}

    @cache
    def digest(path: Path) -> str | None:
        inner = {output: md5 for output, md5 in outputs.items() if path in output.parents}
        return _digest_of_outputs(opened, path, inner) if inner else _digest(opened, path)

    def is_other(stage: Stage, path: Path) -> bool:
        """Whether a dependency has changed, given that its MD5 is not the recorded one.

        A folder of outputs that the cache lacks has no MD5, and is judged by its size.
        """
        sizes = [
            each.sizes[output]
            for each in found.values()
            for output in each.outputs
            if path in output.parents
        ]
        if not sizes or digest(path) is not None:
            return True
        return None not in sizes and sum(filter(None, sizes)) != stage.sizes[path]

    recorded = any(stage.recorded for stage in found.values() if stage.outputs)
    chain = Chain(list(found.values()), (), digest)
    for name, stage in found.items():
        reasons = [
            f"{path}: {key}" if key else str(path)
            for path, key in chain.changes(stage)
            if key or is_other(stage, path)
        ]
        if not stage.recorded:
            reasons = [f"{LOCK}: {name}" if recorded else str(LOCK)]
        # Tables in Git that are not those that the stage wrote.
        reasons += [
            str(path)
            for path, md5 in stage.outputs.items()
            if md5 and path not in stage.cached and digest(path) != md5
        ]
        if reasons and stage.outputs and name not in _DISPLAY_STAGES:
            yield name, tuple(reasons)


def _digest_of_outputs(opened: Any, folder: Path, outputs: Mapping[Path, str | None]) -> str | None:
    """Return the MD5 of a folder whose subfolders are outputs of stages.

    None if DVC's cache lacks one of them, or has it damaged.
    """
    entries = {}
    for output, md5 in outputs.items():
        place = Path(opened.cache.local.oid_to_path(md5)) if md5 else None
        if md5 is None or place is None or place.suffix != ".dir" or not place.is_file():
            return None
        listed = place.read_bytes()
        if md5_of(listed) != md5.removesuffix(".dir"):
            return None
        for entry in json.loads(listed):
            entries[f"{output.relative_to(folder)}/{entry['relpath']}"] = entry["md5"]
    return tree_digest(entries)


def _digest(opened: Any, path: Path) -> str | None:
    """Return the MD5 of a file or folder of the revision, computed as for dvc.lock.

    None if it does not exist.
    """
    fs = opened.fs
    place = fs.join(opened.root_dir, *path.parts)
    if not fs.isdir(place):
        return md5_of(fs.cat_file(place)) if fs.exists(place) else None
    files = opened.dvcignore.find(fs, place)
    return tree_digest({"/".join(fs.relparts(f, place)): md5_of(fs.cat_file(f)) for f in files})


def md5_of(content: bytes) -> str:
    """Return the MD5 of a file's content, in hexadecimal."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()
