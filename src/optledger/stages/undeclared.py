"""Removal of outputs and lock entries that params.yaml no longer declares, which DVC leaves."""

from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from pathspec import GitIgnoreSpec

from optledger.core.errors import UserError, printable
from optledger.core.formats import file_digest, tree_digest
from optledger.core.paths import LOCK
from optledger.pipeline import lock

_IGNORE = Path(".dvcignore")


def remove_undeclared(group: str, folder: Path, declared: Collection[str]) -> None:
    """Delete outputs and lock entries of stages that are no longer declared, and say so.

    A stage calls this if it depends on the folder of outputs, because the folder's digest would
    include them. It would include any other file as well, which is for the file's owner to move.

    Args:
        group: the part before the `@` in the stages' names.
        folder: the folder that has their outputs.
        declared: the parts after the `@` of the stages that are declared.

    Raises:
        UserError: the folder has a file that no stage wrote, or an output to delete is not as in
            dvc.lock. The text has a line for each, and nothing is deleted.
    """
    if not LOCK.exists():
        return
    former: dict[Path, str] = {}
    known: dict[Path, str] = {}
    stages = []
    for stage, outputs in lock.outputs().items():
        own, _, name = stage.partition("@")
        if own == group:
            known |= outputs
            if name not in declared:
                stages.append(stage)
                former |= {path: md5 for path, md5 in outputs.items() if _lies_in(folder, path)}
    # A declared stage that the lock does not have: whatever it wrote is accepted.
    unlocked = {name for name in declared if not any(folder / name in {p, p.parent} for p in known)}
    ignored = GitIgnoreSpec.from_lines(_IGNORE.read_text().splitlines() if _IGNORE.exists() else [])
    _check(folder, {*known, *(folder / name for name in unlocked)}, former, ignored)
    for path in filter(Path.exists, former):
        _delete(path, folder, ignored)
        print(f"{path}: removed, as params.yaml no longer declares it")
    if stages:
        lock.remove_stages(stages)


def _check(
    folder: Path, known: Collection[Path], former: dict[Path, str], ignored: GitIgnoreSpec
) -> None:
    lines = [
        f"{path}: no stage wrote it, and it would count as an output; move it away, or name it in "
        f"{_IGNORE}"
        for path in _unknown(folder, known, ignored)
    ]
    lines += [
        f"{path}: differs from {LOCK}, and params.yaml no longer declares it; move it away or "
        "delete it"
        for path, md5 in former.items()
        if path.is_symlink() or (path.exists() and _digest(path, ignored) != md5)
    ]
    if lines:
        raise UserError("\n".join(map(printable, lines)))


def _unknown(folder: Path, known: Collection[Path], ignored: GitIgnoreSpec) -> Iterator[Path]:
    """Yield the unknown files below a folder.

    A subfolder without anything known is yielded as a whole, unless it has no files.
    """
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_dir():
            if path not in known and not ignored.match_file(path):
                yield path
        elif path not in known:
            if any(path in each.parents for each in known):
                yield from _unknown(path, known, ignored)
            elif any(_files(path, ignored)):
                yield path


def _files(folder: Path, ignored: GitIgnoreSpec) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if (path.is_symlink() or not path.is_dir()) and not ignored.match_file(path):
            yield path


def _digest(path: Path, ignored: GitIgnoreSpec) -> str | None:
    """Return the MD5 of an output as DVC computes it; None if it has more than regular files."""
    if not path.is_dir():
        return file_digest(path, "md5")
    files = list(_files(path, ignored))
    if not all(map(Path.is_file, files)):
        return None
    return tree_digest({f.relative_to(path).as_posix(): file_digest(f, "md5") for f in files})


def _lies_in(folder: Path, path: Path) -> bool:
    return path != folder and path.is_relative_to(folder) and ".." not in path.parts


def _delete(path: Path, folder: Path, ignored: GitIgnoreSpec) -> None:
    """Delete an output, but keep what DVC ignores in it, such as an editor's backup copy."""
    for file in list(_files(path, ignored)) if path.is_dir() else [path]:
        file.unlink()
    below = sorted((each for each in path.rglob("*") if each.is_dir()), reverse=True)
    # The outputs of a case are files, so the folder above them goes, too.
    above = [each for each in path.parents if _lies_in(folder, each)]
    for each in [*below, path, *above]:
        # It is no folder, or not an empty one.
        with suppress(OSError):
            each.rmdir()
