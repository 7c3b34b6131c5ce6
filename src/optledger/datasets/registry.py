"""The datasets that params.yaml can name: `datasets/NAME.yaml` as typed objects.

Values that become paths are checked here, when an entry is read. A file's name is a plain name. A
folder's path leads to the same folder from every copy of the checkout.
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

# Limits, because every file and a number for each example have to fit into memory.
Bytes = Annotated[int, Field(ge=1, le=2**36)]
Count = Annotated[int, Field(ge=1, le=2**27)]


def _check_file_name(name: str) -> str:
    """Refuse a name that could be invalid in some file system or in a URL."""
    if re.fullmatch("[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}", name):
        return name
    raise ValueError(
        "a plain file name: up to 200 letters, digits, _ . + -, the first a letter, a digit or _"
    )


def _check_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 # raises a ValueError for an invalid port
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
    # A relative path would lead elsewhere in a copy of the checkout, as dvc exp run --temp makes.
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
    """A file of data/raw/, the same from every source."""

    name: FileName
    bytes: Bytes
    sha256: Digest


class Package(Section):
    """A distribution file on the Python package index, read as a ZIP archive.

    Attributes:
        project: the name of the project on the index.
        file: the name of the distribution file.
        bytes: its size.
        sha256: its digest.
        members: by role, the path of each file inside the archive.
    """

    project: FileName
    file: FileName
    bytes: Bytes
    sha256: Digest
    members: dict[str, Printable]


class Source(Section):
    """A place that has the files, of exactly one of four kinds.

    Attributes:
        url: the URL of a folder that has each file gzip-ed, as NAME.gz.
        folder: a folder of this machine that has each file as NAME, or gzip-ed as NAME.gz.
        paths: by role, the file or the folder of images that the dataset was added from.
        package: a distribution file of the package index.
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
        """The path of `folder`, with ~ expanded."""
        return _expanded(self.folder or "")

    def path(self, role: str) -> Path:
        """Return the path of a role in `paths`, with ~ expanded."""
        return _expanded((self.paths or {})[role])


def _expanded(path: str) -> Path:
    return Path(os.path.expanduser(path))  # noqa: PTH111 # never raises


class Items(Section):
    """The numbers of train and test items, before a validation split is taken from train."""

    train: Count
    test: Count


class Test(Section):
    """How the test split is chosen: by a folder, by a column, or as a random fraction.

    Attributes:
        folder: for images, the folder inside that of the dataset that holds the test split.
        column: for a table, the column that marks the rows of the test split.
        value: the value of `column` in these rows.
        fraction: the share of the items to draw at random, the same share of each class.
        seed: the seed of the random draw.
        by: the groups that no split may divide. For images, a pattern whose group matches in their
            paths; for a table, the name of a column.
    """

    # Keeps pytest from collecting this class.
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
    """What the entries of all formats have in common; each format adds its own keys.

    Attributes:
        ROLES: the roles of files that are required, and the roles that are optional.
        target: the target that a model predicts.
        items: the numbers of train and test items.
        files: by role, the files of data/raw/ with their pinned content.
        duplicates: whether test items may also be train items.
        sources: the places that have the files, tried in this order.
    """

    ROLES: ClassVar[tuple[tuple[str, ...], tuple[str, ...]]]

    target: Target
    items: Items
    files: dict[str, File]
    duplicates: bool = False
    # Not by min_length, which does not count a source that has a mistake.
    sources: Annotated[tuple[Source, ...], Field(strict=False), AfterValidator(_check_that_any)]

    @property
    def kind(self) -> Kind:
        """The kind of target."""
        return KINDS[self.target.kind]

    @property
    def column_names(self) -> tuple[str, ...] | None:
        """The names of a model's inputs; None where these are images."""
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
    """Images and labels in the format of MNIST, with separate files for train and test."""

    ROLES = ("train_images", "train_labels", "test_images", "test_labels"), ()

    format: Literal["idx"]
    shape: Shape


class Npz(Dataset):
    """Arrays of a .npz file of NumPy.

    Attributes:
        shape: the shape of an item: that of an image, or (columns,).
        arrays: by role, the names of the arrays: train_inputs and train_targets, and test_inputs
            and test_targets unless the test split is a fraction.
        test: the test split as a fraction; None where it has its own arrays.
    """

    ROLES = ("arrays",), ()

    format: Literal["npz"]
    shape: Annotated[tuple[Side, ...], Field(strict=False, min_length=1, max_length=3)]
    arrays: dict[Literal["train_inputs", "train_targets", "test_inputs", "test_targets"], Printable]
    test: Test | None = None

    @property
    def column_names(self) -> tuple[str, ...] | None:
        """The numbers of the columns as names; None where an item is an image."""
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
    """Folders of PNG and JPEG files, one folder for each class, in one archive.

    Attributes:
        shape: rows and columns, and 3 channels if the images are in colour.
        resize: whether images of other sizes are resized.
        recolour: whether images with other channels are converted.
        test: how the test split is chosen.
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
    """Rows of a CSV or Parquet file.

    Attributes:
        columns: the numeric and boolean columns, in the order that a model takes them.
        categories: by column, its values. Each value becomes an input of 0 and 1, after the
            numeric columns.
        separator: the character between the cells of a CSV file.
        test: how the test split is chosen; None where it has a file of its own.
    """

    ROLES = ("table",), ("test_table",)

    format: Literal["table"]
    columns: Printables
    categories: dict[Printable, Printables] = Field(default_factory=dict)
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    test: Test | None = None

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of a model's inputs: the columns, then each value of the categories."""
        values = (f"{name}={each}" for name, own in self.categories.items() for each in own)
        return (*self.columns, *values)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of a model's inputs for a row."""
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
    """Return the inputs and outputs of a model, as far as they are known without the data.

    Means are 0 and deviations are 1.
    """
    columns = dataset.column_names or ()
    return Interface(
        dataset.shape,
        dataset.target.outputs,
        (0.0,) * len(columns),
        (1.0,) * len(columns),
        kind=dataset.target.kind,
    )


def names(folder: Path = DATASETS) -> list[str]:
    """Return the names of all datasets in a folder, sorted."""
    return sorted(path.stem for path in folder.glob("*.yaml"))


def path_of(name: str, folder: Path = DATASETS) -> Path:
    """Return the path of a dataset's entry."""
    return folder / f"{name}.yaml"


def is_name(name: str) -> bool:
    """Whether a dataset and its file may have this name."""
    try:
        TypeAdapter(Name).validate_python(name)
    except ValueError:
        return False
    return True


def load(name: str, folder: Path = DATASETS) -> Entry:
    """Return the dataset that params.yaml names; mistakes in other entries do not matter.

    Raises:
        UserError: there is no such dataset, or its entry has a mistake.
    """
    if name not in (known := names(folder)):
        raise UserError(mistake(PARAMS, "dataset", name, ", ".join(known)))
    path = path_of(name, folder)
    dataset = parse(read_yaml(path), path)
    for number, source in enumerate(dataset.sources):
        check_that_it_stays(source, path, f"sources.{number}")
    return dataset


def parse(document: Any, path: Path) -> Entry:
    """Return the dataset that a document describes.

    Raises:
        UserError: the document has mistakes. The error has a line for each.
    """
    kind = document.get("format") if isinstance(document, dict) else None
    if not isinstance(kind, str) or kind not in FORMATS:
        raise UserError(mistake(path, "format", kind, ", ".join(FORMATS)))
    return validate(FORMATS[kind], document, path)


def own_mirror(name: str) -> list[Source]:
    """Return the mirror that the environment names for a dataset, or no source.

    Raises:
        UserError: the variable is neither a valid URL nor a path that starts with / or ~/, or it is
            a folder that the pipeline empties.
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
    """Check that no path of a source is inside a folder that the pipeline empties.

    Args:
        source: the source to check.
        document: the file that names it, for messages.
        key: the key of the source in that file.

    Raises:
        UserError: a path is one of these folders or inside one.
    """
    given = {"folder": source.folder} if source.folder else dict(source.paths or {})
    for name, path in given.items():
        found = Path(os.path.realpath(_expanded(path)))
        for output in (RAW, PREPARED, RESULTS):
            if found.is_relative_to(os.path.realpath(output)):
                allowed = f"what is outside of {output}/, which the pipeline writes anew"
                own = name if source.folder else f"paths.{name}"
                raise UserError(mistake(document, f"{key}.{own}".lstrip("."), path, allowed))
