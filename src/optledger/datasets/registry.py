"""The datasets that params.yaml can name: `registry.yaml` as typed objects.

What becomes a path is confined here, when it is read: a file's name is plain, and a folder is the
same one wherever a copy of the checkout runs.
"""

import os
import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, RootModel, model_validator

from optledger.core.documents import Section, mistake, read_yaml, validate
from optledger.core.errors import UserError
from optledger.core.params import Name
from optledger.core.paths import PARAMS, PREPARED, RAW, RESULTS

PATH = Path(__file__).with_name("registry.yaml")

MIRROR_VARIABLE = "OPTLEDGER_MIRROR"

ROLES = ("train_images", "train_labels", "test_images", "test_labels")

_LABELS_HEADER_BYTES = 8

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

# Every file, and a number for each example, has to be held in memory.
Bytes = Annotated[int, Field(ge=1, le=2**36)]
_MOST_EXAMPLES = 2**27


def _check_file_name(name: str) -> str:
    """Refuse what is not one plain name, in a folder of any file system and in a URL alike."""
    if re.fullmatch("[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}", name):
        return name
    raise ValueError(
        "a plain file name: up to 200 letters, digits, _ . + -, the first a letter, a digit or _"
    )


def _check_printable(text: str) -> str:
    if text.isprintable():
        return text
    raise ValueError("a text without control characters")


def _check_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 # raises a ValueError where it is none
    except ValueError:
        pass
    else:
        plain = url.isprintable() and not re.search(r"[\s?#]", url)
        if plain and parts.scheme in ("http", "https") and parts.hostname:
            return url
    raise ValueError("the address of a folder on the web, as in https://example.org/digits/")


def _check_folder(folder: str) -> str:
    if folder.isprintable() and re.match("/|~$|~/", folder):
        return folder
    # A relative one would be another in a copy of the checkout, as dvc exp run --temp makes it.
    raise ValueError("the path of a folder that starts with / or ~/")


FileName = Annotated[str, AfterValidator(_check_file_name)]
Printable = Annotated[str, AfterValidator(_check_printable)]
Url = Annotated[str, AfterValidator(_check_url)]
Folder = Annotated[str, AfterValidator(_check_folder)]


class File(Section):
    """An uncompressed IDX file, whatever source it comes from."""

    name: FileName
    bytes: Bytes
    sha256: Digest


class Files(Section):
    """The four files of a dataset."""

    train_images: File
    train_labels: File
    test_images: File
    test_labels: File

    def by_role(self) -> dict[str, File]:
        """The files by their role, in the order of `ROLES`."""
        return {role: getattr(self, role) for role in ROLES}

    @model_validator(mode="after")
    def _different_names(self) -> "Files":
        names = [file.name.lower() for file in self.by_role().values()]
        if doubled := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"four names that differ in more than capitals, unlike {doubled!r}")
        return self


class Members(Section):
    """Where the four files are inside an archive."""

    train_images: Printable
    train_labels: Printable
    test_images: Printable
    test_labels: Printable


class Package(Section):
    """A distribution file on the Python package index, read as a ZIP archive."""

    project: FileName
    file: FileName
    bytes: Bytes
    sha256: Digest
    members: Members


class Source(Section):
    """A place that has the files: exactly one of the three kinds."""

    url: Url | None = None
    folder: Folder | None = None
    package: Package | None = None

    @model_validator(mode="after")
    def _exactly_one_kind(self) -> "Source":
        if sum(kind is not None for kind in (self.url, self.folder, self.package)) != 1:
            raise ValueError("one of url, folder and package")
        return self

    @property
    def place(self) -> Path:
        """The folder, as the file system has it."""
        return Path(os.path.expanduser(self.folder or ""))  # noqa: PTH111 # never raises


def _check_that_any(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    if sources:
        return sources
    raise ValueError("at least one entry")


class Dataset(Section):
    """Labelled grey images in two parts, train and test, as four IDX files."""

    # 255 marks an image that a diverged model gave no class.
    classes: int = Field(ge=2, le=255)
    files: Files
    # Not by min_length, which counts a source with a mistake as none.
    sources: Annotated[tuple[Source, ...], Field(strict=False), AfterValidator(_check_that_any)]

    @property
    def train_examples(self) -> int:
        """The number of training images, before a validation split is taken from them."""
        return self.files.train_labels.bytes - _LABELS_HEADER_BYTES

    @model_validator(mode="after")
    def _countable(self) -> "Dataset":
        if self.classes <= self.train_examples <= _MOST_EXAMPLES:
            return self
        least, most = (_LABELS_HEADER_BYTES + each for each in (self.classes, _MOST_EXAMPLES))
        raise ValueError(f"files.train_labels.bytes from {least} to {most}: a head, and the labels")


class _Registry(RootModel[dict[Name, Dataset]]):
    pass


def load(name: str, path: Path = PATH) -> Dataset:
    """Return the dataset that params.yaml names.

    Raises:
        UserError: the registry has a mistake, or no dataset of that name.
    """
    document: Any = read_yaml(path)
    registry = validate(_Registry, document, path).root
    if name not in registry:
        raise UserError(mistake(PARAMS, "dataset", name, ", ".join(sorted(registry))))
    for number, source in enumerate(registry[name].sources):
        _check_that_it_stays(source, path, f"{name}.sources.{number}.folder")
    return registry[name]


def own_mirror(name: str) -> list[Source]:
    """Return the source that the environment names for a dataset, if it does.

    Raises:
        UserError: it names neither a URL nor a folder that is the same one everywhere.
    """
    mirror = os.environ.get(MIRROR_VARIABLE)
    if not mirror:
        return []
    variable = Path(MIRROR_VARIABLE)
    kind = "url" if re.match("https?://", mirror) else "folder"
    source = validate(Source, {kind: f"{mirror.rstrip('/')}/{name}"}, variable)
    _check_that_it_stays(source, variable, "folder")
    return [source]


def _check_that_it_stays(source: Source, document: Path, key: str) -> None:
    """Check that a source is no folder that the pipeline empties.

    Raises:
        UserError: it is one.
    """
    if source.folder is None:
        return
    folder = Path(os.path.realpath(source.place))
    for output in (RAW, PREPARED, RESULTS):
        if folder.is_relative_to(os.path.realpath(output)):
            allowed = f"a folder outside of {output}/, which the pipeline writes anew"
            raise UserError(mistake(document, key, source.folder, allowed))
