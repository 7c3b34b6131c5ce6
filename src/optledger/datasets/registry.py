"""The datasets that params.yaml can name: `datasets/NAME.yaml` as typed objects.

What becomes a path is confined here, when it is read: a file's name is plain, and a folder is the
same one wherever a copy of the checkout runs.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, TypeAdapter, model_validator

from optledger.core.documents import Printable, Section, mistake, read_yaml, validate
from optledger.core.errors import UserError
from optledger.core.params import Name
from optledger.core.paths import DATASETS, PARAMS, PREPARED, RAW, RESULTS
from optledger.datasets.interface import Interface
from optledger.datasets.kinds import KINDS, Kind, Target, classes

MIRROR_VARIABLE = "OPTLEDGER_MIRROR"

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]

# Every file, and a number for each example, has to be held in memory.
Bytes = Annotated[int, Field(ge=1, le=2**36)]
Count = Annotated[int, Field(ge=1, le=2**27)]


def _check_file_name(name: str) -> str:
    """Refuse what is not one plain name, in a folder of any file system and in a URL alike."""
    if re.fullmatch("[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}", name):
        return name
    raise ValueError(
        "a plain file name: up to 200 letters, digits, _ . + -, the first a letter, a digit or _"
    )


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
    raise ValueError("a path that starts with / or ~/")


def _check_pattern(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except (re.error, OverflowError, RecursionError):
        groups = 0
    if groups == 1:
        return pattern
    raise ValueError("a regular expression with one group, as in (.*)_[0-9]+")


FileName = Annotated[str, AfterValidator(_check_file_name)]
Url = Annotated[str, AfterValidator(_check_url)]
Folder = Annotated[str, AfterValidator(_check_folder)]
Pattern = Annotated[str, AfterValidator(_check_pattern)]
Printables = Annotated[tuple[Printable, ...], Field(strict=False)]


class File(Section):
    """A file of data/raw/, whatever source it comes from."""

    name: FileName
    bytes: Bytes
    sha256: Digest


class Package(Section):
    """A distribution file on the Python package index, read as a ZIP archive.

    Attributes:
        members: where each file is inside it, by its role.
    """

    project: FileName
    file: FileName
    bytes: Bytes
    sha256: Digest
    members: dict[str, Printable]


class Source(Section):
    """A place that has the files: exactly one of the four kinds.

    Attributes:
        url: of a folder that holds a file, or the same gzip-ed, by the name that it has here.
        folder: likewise, of this machine.
        paths: by role the file, or the folder of images, that the dataset was added from.
        package: of the package index.
    """

    url: Url | None = None
    folder: Folder | None = None
    paths: dict[str, Folder] | None = None
    package: Package | None = None

    @model_validator(mode="after")
    def _exactly_one_kind(self) -> "Source":
        kinds = (self.url, self.folder, self.paths, self.package)
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("one of url, folder, paths and package")
        return self

    @property
    def place(self) -> Path:
        """The folder, as the file system has it."""
        return _expanded(self.folder or "")

    def path(self, role: str) -> Path:
        """Return one of the paths, as the file system has it."""
        return _expanded((self.paths or {})[role])


def _expanded(path: str) -> Path:
    return Path(os.path.expanduser(path))  # noqa: PTH111 # never raises


class Items(Section):
    """How many there are; of train before a validation split is taken from them."""

    train: Count
    test: Count


class Test(Section):
    """Which items are the test split: those of a folder, those of a column, or a fraction.

    Attributes:
        folder: of a folder of images, the one below it that holds them.
        column: of a table, which holds `value` in their rows.
        fraction: so many, at random, in each class alike.
        seed: of that choice.
        by: what no split may divide: what its group finds in the paths of images, or what a column
            of a table holds.
    """

    # Which pytest is not to collect.
    __test__: ClassVar[bool] = False

    folder: Printable | None = None
    column: Printable | None = None
    value: Printable | None = None
    fraction: Annotated[float, Field(gt=0, lt=1)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    by: Printable | None = None

    @model_validator(mode="after")
    def _exactly_one_way(self) -> "Test":
        ways = (self.folder, self.column, self.fraction)
        if sum(way is not None for way in ways) != 1:
            raise ValueError("one of folder, column and fraction")
        if (self.column is None) != (self.value is None):
            raise ValueError("a column and the value that it has there, or neither")
        return self


def _check_that_any(sources: tuple[Source, ...]) -> tuple[Source, ...]:
    if sources:
        return sources
    raise ValueError("at least one entry")


class Dataset(Section):
    """What every dataset has; each format adds its own.

    Attributes:
        ROLES: the roles of its files that have to be there; those that may be.
        target: what is to be told of an item.
        items: how many there are.
        duplicates: whether an item of the test split may be in the train split, too.
        sources: where the files are, to be tried in this order.
    """

    ROLES: ClassVar[tuple[tuple[str, ...], tuple[str, ...]]]

    target: Target
    items: Items
    files: dict[str, File]
    duplicates: bool = False
    # Not by min_length, which counts a source with a mistake as none.
    sources: Annotated[tuple[Source, ...], Field(strict=False), AfterValidator(_check_that_any)]

    @property
    def kind(self) -> Kind:
        """What is told of an item."""
        return KINDS[self.target.kind]

    @property
    def column_names(self) -> tuple[str, ...] | None:
        """The names of what a model is given; None where that is an image."""
        return None

    @model_validator(mode="after")
    def _roles(self) -> "Dataset":
        needed, possible = self.ROLES
        if not set(needed) <= set(self.files) <= {*needed, *possible}:
            also = f", and possibly {', '.join(possible)}" if possible else ""
            raise ValueError(f"files with the roles {', '.join(needed)}{also}")
        names = [file.name.lower() for file in self.files.values()]
        if doubled := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"files whose names differ in more than capitals, unlike {doubled!r}")
        for source in self.sources:
            by_role = source.package.members if source.package else source.paths
            if by_role is not None and set(by_role) != set(self.files):
                raise ValueError(f"a source of {', '.join(self.files)}, and no other role")
        if self.target.outputs > self.items.train:
            raise ValueError(f"at least {self.target.outputs} train items, as there are classes")
        return self


Side = Annotated[int, Field(ge=1, le=2**14)]
Shape = Annotated[tuple[Side, ...], Field(strict=False, min_length=2, max_length=3)]


class Idx(Dataset):
    """Images and labels in the format of MNIST, train and test apart."""

    ROLES = ("train_images", "train_labels", "test_images", "test_labels"), ()

    format: Literal["idx"]
    shape: Shape


class Npz(Dataset):
    """Arrays of a file of NumPy's.

    Attributes:
        shape: of an item: of an image, or the number of columns.
        arrays: by role the name of an array: train_inputs and train_targets, and those of the test
            split if that is no fraction.
    """

    ROLES = ("arrays",), ()

    format: Literal["npz"]
    shape: Annotated[tuple[Side, ...], Field(strict=False, min_length=1, max_length=3)]
    arrays: dict[Literal["train_inputs", "train_targets", "test_inputs", "test_targets"], Printable]
    test: Test | None = None

    @property
    def column_names(self) -> tuple[str, ...] | None:
        """The numbers of the columns; None where an item is an image."""
        if len(self.shape) > 1:
            return None
        return tuple(map(str, range(self.shape[0])))

    @model_validator(mode="after")
    def _parts(self) -> "Npz":
        parts = {"train_inputs", "train_targets"} | (
            {"test_inputs", "test_targets"} if self.test is None else set()
        )
        if set(self.arrays) != parts:
            raise ValueError("arrays of both parts, or of train and a test fraction")
        if self.test is not None and (self.test.fraction is None or self.test.by is not None):
            raise ValueError("a test fraction alone")
        return self


class Images(Dataset):
    """Folders of PNG and JPEG files, one a class, in one archive.

    Attributes:
        shape: rows, columns and, where they are in colour, channels.
        resize: whether images of other sizes are made to fit.
        recolour: whether those of other channels are.
        test: which of them are the test split.
    """

    ROLES = ("images",), ()

    format: Literal["images"]
    shape: Shape
    resize: bool = False
    recolour: bool = False
    test: Test

    @model_validator(mode="after")
    def _sound(self) -> "Images":
        if len(self.shape) == 3 and self.shape[2] != 3:
            raise ValueError("a shape of rows and columns, or of rows, columns and 3")
        if self.test.column is not None:
            raise ValueError("a test folder or a test fraction")
        if not isinstance(self.target, classes.Target) or self.target.names is None:
            raise ValueError("classes with their names, as the folders have them")
        if self.test.by is not None:
            _check_pattern(self.test.by)
        return self


class Table(Dataset):
    """Rows of a CSV or a Parquet file.

    Attributes:
        columns: numeric and boolean ones, in the order that a model is given them.
        categories: by column its values, each of which becomes a column of 0 and 1 after those.
        separator: of a CSV file.
        test: which rows are the test split; none where it has a file of its own.
    """

    ROLES = ("table",), ("test_table",)

    format: Literal["table"]
    columns: Printables
    categories: dict[Printable, Printables] = Field(default_factory=dict)
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    test: Test | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of what a model is given: columns, and each value of the categories."""
        values = (f"{name}={each}" for name, own in self.categories.items() for each in own)
        return (*self.columns, *values)

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of what a model is given of a row."""
        return (len(self.column_names),)

    @model_validator(mode="after")
    def _sound(self) -> "Table":
        used = [*self.columns, *self.categories]
        if not used or len(set(used)) < len(used):
            raise ValueError("columns or categories, each named once")
        if not self.target.columns:
            raise ValueError("a target with its column")
        if {*self.target.columns} & {*used}:
            raise ValueError("columns without those of the target")
        if self.test is not None and self.test.folder is not None:
            raise ValueError("a test column or a test fraction")
        if (self.test is None) != ("test_table" in self.files):
            raise ValueError("a test column, a test fraction, or a file test_table")
        return self


Entry = Idx | Npz | Images | Table

FORMATS: Mapping[str, type[Entry]] = MappingProxyType(
    {"idx": Idx, "npz": Npz, "images": Images, "table": Table}
)


def interface(dataset: Entry) -> Interface:
    """Return what a model takes and tells apart, as far as one can know without the data."""
    columns = dataset.column_names or ()
    return Interface(
        dataset.shape,
        dataset.target.outputs,
        (0.0,) * len(columns),
        (1.0,) * len(columns),
        kind=dataset.target.kind,
    )


def names(folder: Path = DATASETS) -> list[str]:
    """Return the names of the datasets that there are."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def path_of(name: str, folder: Path = DATASETS) -> Path:
    """Return the file of a dataset."""
    return folder / f"{name}.yaml"


def is_name(name: str) -> bool:
    """Whether a dataset, and so its file, may be called so."""
    try:
        TypeAdapter(Name).validate_python(name)
    except ValueError:
        return False
    return True


def load(name: str, folder: Path = DATASETS) -> Entry:
    """Return the dataset that params.yaml names; mistakes in others do not matter.

    Raises:
        UserError: its file has a mistake, or there is none.
    """
    if name not in (known := names(folder)):
        raise UserError(mistake(PARAMS, "dataset", name, ", ".join(known)))
    path = path_of(name, folder)
    dataset = parse(read_yaml(path), path)
    for number, source in enumerate(dataset.sources):
        check_that_it_stays(source, path, f"sources.{number}")
    return dataset


def parse(document: Any, path: Path) -> Entry:
    """Return the dataset of a document.

    Raises:
        UserError: a line for each mistake.
    """
    kind = document.get("format") if isinstance(document, dict) else None
    if not isinstance(kind, str) or kind not in FORMATS:
        raise UserError(mistake(path, "format", kind, ", ".join(FORMATS)))
    return validate(FORMATS[kind], document, path)


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
    check_that_it_stays(source, variable, "")
    return [source]


def check_that_it_stays(source: Source, document: Path, key: str) -> None:
    """Check that a source is nothing that the pipeline empties, and holds nothing such.

    Raises:
        UserError: it is one.
    """
    given = {"folder": source.folder} if source.folder else dict(source.paths or {})
    for name, path in given.items():
        found = Path(os.path.realpath(_expanded(path)))
        for output in (RAW, PREPARED, RESULTS):
            if found.is_relative_to(os.path.realpath(output)):
                allowed = f"what is outside of {output}/, which the pipeline writes anew"
                own = name if source.folder else f"paths.{name}"
                raise UserError(mistake(document, f"{key}.{own}".lstrip("."), path, allowed))
