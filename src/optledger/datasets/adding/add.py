"""The registry entry for a user's own data: made, checked and written."""

import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML

from optledger.core.documents import shown
from optledger.core.errors import UserError, printable
from optledger.core.formats import file_digest, write_text
from optledger.core.paths import DATASETS
from optledger.core.places import error_at_places
from optledger.datasets import registry
from optledger.datasets.adding import idx, images, npz, table
from optledger.datasets.adding.draft import Draft, Options
from optledger.datasets.archive import write_archive
from optledger.datasets.items import Items, divide, test_mask
from optledger.datasets.kinds import KINDS

# Items that a class needs: one each for training, validation and test.
_FEWEST_ITEMS = 3

# Images whose largest pixel is below this are hardly meant to be so dark.
_DARK = 128

_HEAD = "# Written by optledger dataset add. README.md here explains the keys.\n"


def add(name: str, path: Path, options: Options) -> list[str]:
    """Write datasets/NAME.yaml and return the lines of a report.

    The data themselves are not changed.

    Raises:
        UserError: the name is invalid or taken, the data cannot be used, or an option is missing.
    """
    if not registry.is_name(name):
        allowed = "letters, digits, _ and -, the first no -"
        raise UserError(f"optledger dataset add: found the name {shown(name)}; allowed: {allowed}")
    entry_path = registry.path_of(name)
    if entry_path.exists():
        remedy = "choose another name, or remove that file first"
        raise UserError(f"{entry_path}: a dataset of this name exists already; {remedy}")
    place = path.expanduser().resolve()
    if printable(str(place)) != str(place):
        raise UserError(printable(f"{place}: this path has control characters; rename it"))
    draft = _draft(place, options)
    entry = _entry(draft, options)
    dataset = registry.parse(entry, entry_path)
    for number, source in enumerate(dataset.sources):
        registry.check_that_it_stays(source, entry_path, f"sources.{number}")
    divide(str(place), dataset, draft.items)
    buffer = io.StringIO()
    yaml = YAML()
    yaml.default_flow_style = None
    # Never break a line, however long its value is.
    yaml.width = 1 << 20
    yaml.dump(entry, buffer)
    DATASETS.mkdir(exist_ok=True)
    write_text(entry_path, _HEAD + buffer.getvalue())
    return [
        *_told(name, place, draft, dataset),
        f"Written to {entry_path}. Next: optledger dataset use {name}, then make repro",
    ]


def _draft(place: Path, options: Options) -> Draft:
    if place.is_dir():
        roles = idx.files_in(place)
        is_idx = len(roles) == len(registry.Idx.ROLES[0])
        return idx.draft_of(place, options) if is_idx else images.draft_of(place, options)
    suffix = place.suffix.lower()
    if not place.is_file():
        raise UserError(f"{place}: does not exist; name a folder or a file")
    if suffix == ".npz":
        return npz.draft_of(place, options)
    if suffix in (".csv", ".tsv", ".txt", ".parquet", ".pq"):
        return table.draft_of(place, options)
    known = "a folder of images or IDX files, or a file .npz, .csv, .tsv, .txt, .parquet or .pq"
    raise UserError(f"{place}: files of this kind cannot be added; name {known}")


def _entry(draft: Draft, options: Options) -> dict[str, Any]:
    """Return the entry as plain data, ready to be written as YAML.

    Raises:
        UserError: a class has too few items for the splits.
    """
    mask = test_mask(_checked(draft), KINDS[draft.target.kind], draft.test)
    test = draft.test and draft.test.model_dump(exclude_none=True, exclude_defaults=True)
    target = draft.target.model_dump(mode="json", exclude_none=True)
    return {
        **{
            key: value if not isinstance(value, tuple) else list(value)
            for key, value in draft.entry.items()
        },
        "target": target,
        **({"test": test} if test else {}),
        **({"duplicates": True} if options.duplicates else {}),
        "items": {"train": int(np.sum(~mask)), "test": int(np.sum(mask))},
        "files": _files(draft),
        "sources": [{"paths": {role: _portable(path) for role, (_, path) in draft.files.items()}}],
    }


def _checked(draft: Draft) -> Items:
    counts = np.bincount(KINDS[draft.target.kind].strata(draft.items.targets))
    names = draft.target.names or range(len(counts))
    few = [str(names[number]) for number in np.flatnonzero(counts < _FEWEST_ITEMS).tolist()]
    if few and draft.items.is_test is None:
        remedy = "each needs one for training, one for validation and one for test"
        raise error_at_places("the data", "classes with fewer than three items", few, remedy)
    return draft.items


def _portable(path: Path) -> str:
    """Return a path with ~ for the home folder.

    It then means the same to all members of a team whose home folders are laid out alike.
    """
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)


def _files(draft: Draft) -> dict[str, dict[str, Any]]:
    """Return by role the name, size and SHA-256 of a file, or of the archive of a folder.

    The names differ even where files of several folders share one, as all go to one folder.
    """
    files: dict[str, dict[str, Any]] = {}
    taken: set[str] = set()
    for role, (name, path) in draft.files.items():
        plain = re.sub(r"[^A-Za-z0-9_.+-]", "_", name).lstrip(".+-") or "data"
        own = f"{role}-{plain}" if plain.lower() in taken else plain
        taken.add(own.lower())
        files[role] = {"name": own, **_content(path)}
    return files


def _content(path: Path) -> dict[str, Any]:
    if not path.is_dir():
        return {"bytes": path.stat().st_size, "sha256": file_digest(path)}
    sink = _Sink()
    write_archive(path, sink)  # type: ignore[arg-type] # a tarfile stream only writes
    return {"bytes": sink.size, "sha256": sink.sha256.hexdigest()}


class _Sink:
    """A writable file that keeps only the size and the digest of its content."""

    def __init__(self) -> None:
        self.size = 0
        self.sha256 = hashlib.sha256()

    def write(self, content: bytes) -> int:
        self.size += len(content)
        self.sha256.update(content)
        return len(content)


def _pixels(inputs: NDArray[Any]) -> Iterator[tuple[str, str]]:
    """Yield the range of pixels, where items are images; a folder's images are not kept."""
    if inputs.dtype == np.uint8 and inputs.ndim > 2:
        low, high = int(inputs.min()), int(inputs.max())
        dark = "; models divide by 255, so scale them to 0 to 255 first" if high < _DARK else ""
        yield "pixels", f"{low} to {high}{dark}"


def _told(name: str, place: Path, draft: Draft, dataset: registry.Entry) -> list[str]:
    items, how = dataset.items, ""
    if draft.test is not None and draft.test.fraction is not None:
        by = ", each class alike" if dataset.kind.BY_CLASS else ""
        by = f", no {draft.test.by} divided" if draft.test.by else by
        how = f" (at random{by}; --test-fraction says how many)"
    rows = [
        ("from", str(place)),
        *draft.found,
        *_pixels(draft.items.inputs),
        ("items", f"{items.train + items.test:,}: {items.train:,} train, {items.test:,} test{how}"),
        KINDS[draft.target.kind].described(draft.target, draft.items.targets),
    ]
    return [f"{name}:", *(printable(f"  {word:<9} {what}") for word, what in rows)]


def described(name: str, dataset: registry.Entry) -> str:
    """Return the line that describes a dataset in a list of datasets."""
    items = f"{dataset.items.train:>9,} train {dataset.items.test:>8,} test"
    shape = "x".join(map(str, dataset.shape))
    told: str = dataset.target.kind
    if dataset.target.outputs > 1:
        told = f"{dataset.target.outputs} {told}"
    return f"{name:<16} {items}   {told:>11}   {dataset.format} {shape}"
