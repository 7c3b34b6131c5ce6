"""Folders of PNG and JPEG files, one folder for each class, kept as one archive."""

import io
import re
import tarfile
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tqdm import tqdm

from optledger.core.documents import shown
from optledger.core.errors import UserError, first_line
from optledger.core.places import error_at_places
from optledger.datasets.items import Items, check_memory
from optledger.datasets.registry import Images

_COLOURS = 3

# Modes of Pillow: those with one channel, and those that convert to RGB without a choice.
_GREY, _COLOUR = {"1", "L"}, {"P", "RGB", "CMYK", "YCbCr"}
_TRANSPARENT = {"LA", "PA", "RGBA", "La", "RGBa"}


class ImageError(Exception):
    """A problem with an image, worded in the plural for a message about several images."""


class ArchiveFile(NamedTuple):
    """A file of an archive: its path and its content."""

    path: str
    content: bytes


def read(dataset: Images, folder: Path) -> Items:
    """Read the images of a dataset from the archive in a folder.

    Raises:
        UserError: the file is not a tar archive, or its images are not as the entry says.
    """
    path = folder / dataset.files["images"].name
    total = dataset.items.train + dataset.items.test
    check_memory(path, total, int(np.prod(dataset.shape)))
    names = set(dataset.target.names or ())
    inputs = np.zeros((total, *dataset.shape), np.uint8)
    places: list[Place] = []
    problems = Problems()
    fit = Fit(dataset.shape, dataset.resize, dataset.recolour)
    files = tqdm(members(path), total=total, unit=" images", leave=False, disable=None)
    for count, file in enumerate(files):
        if count == total:
            raise UserError(f"{path}: has more than the {total:,} images of its entry; add it anew")
        place = place_of(file.path, dataset.test.folder)
        if place is None or place.name not in names:
            problems.add("images in no folder of a class", file.path)
            continue
        places.append(place)
        try:
            inputs[len(places) - 1] = fitted_pixels(decoded(file.content), fit)
        except ImageError as error:
            problems.add(str(error), file.path)
    problems.raise_any(path)
    classes = np.array([each.name for each in places])
    return Items(
        inputs=inputs[: len(places)],
        targets=dataset.kind.read(path, classes, dataset.target, str),
        is_test=np.array([each.is_test for each in places]) if dataset.test.folder else None,
        groups=groups_of([each.path for each in places], dataset.test.by, path),
        place=lambda index: places[index].path,
    )


class Place(NamedTuple):
    """The place of an image.

    Attributes:
        path: its path, relative to the folder of the dataset.
        name: the name of its class.
        is_test: whether it is in the test folder.
    """

    path: str
    name: str
    is_test: bool


def place_of(path: str, test_folder: str | None) -> Place | None:
    """Return the place of an image, or None if no folder names its class.

    Args:
        path: the path of the image, relative to the folder of the dataset.
        test_folder: the folder of the test split, if there is one. The folders of the classes are
            then inside it and inside the folders beside it.
    """
    folders = path.split("/")[:-1]
    is_test = bool(folders) and folders[0] == test_folder
    own = folders[1:] if test_folder is not None else folders
    return Place(path, own[0], is_test) if own else None


def groups_of(paths: Iterable[str], pattern: str | None, where: object) -> NDArray[Any] | None:
    """Return the group of each image, or None without a pattern.

    The group is the text that the pattern's first group matches in the image's path.

    Raises:
        UserError: the pattern does not match some path.
    """
    if pattern is None:
        return None
    every = list(paths)
    matches = [re.search(pattern, path) for path in every]
    if without := [path for path, match in zip(every, matches, strict=True) if match is None]:
        remedy = "choose an expression that matches every path"
        raise error_at_places(where, f"paths that {shown(pattern)} does not match", without, remedy)
    return np.array([match.group(1) or "" for match in matches if match])


def members(path: Path) -> Iterator[ArchiveFile]:
    """Yield the files of an archive, in its order.

    Raises:
        UserError: the file is not a valid tar archive.
    """
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                content = archive.extractfile(member)
                if content is not None:
                    yield ArchiveFile(member.name, content.read())
    except (tarfile.TarError, EOFError) as error:
        cause = first_line(error)
        raise UserError(f"{path}: cannot be read as an uncompressed tar file: {cause}") from None


def decoded(content: bytes) -> Image.Image:
    """Return an image, upright, with one channel or three.

    Raises:
        ImageError: the image cannot be read, or it is animated, transparent or of 16 bits a
            channel. Converting such an image would need a choice.
    """
    if not content:
        raise ImageError("empty files")
    try:
        with warnings.catch_warnings():
            # Ignore odd tags and palettes, but refuse an image that would take gigabytes.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content), formats=("PNG", "JPEG"))
            if getattr(image, "n_frames", 1) > 1:
                raise ImageError("animated images")
            image.load()
            upright = ImageOps.exif_transpose(image)
    except MemoryError:
        raise
    except ImageError:
        raise
    except Exception:
        # Pillow raises errors of many types for bytes that it cannot read.
        raise ImageError("files that cannot be read as PNG or JPEG") from None
    return _without_choice(upright)


def _without_choice(image: Image.Image) -> Image.Image:
    if "transparency" in image.info or image.mode in _TRANSPARENT:
        full = image.convert("RGBA")
        if full.getchannel("A").getextrema() != (255, 255):
            raise ImageError("transparent images")
        return full.convert("L" if image.mode in {"LA", "La"} else "RGB")
    if image.mode in _GREY:
        return image.convert("L")
    if image.mode in _COLOUR:
        return image.convert("RGB")
    raise ImageError("images of 16 bits a channel")


def channels(image: Image.Image) -> int:
    """Return the number of channels of a decoded image, 1 or 3."""
    return len(image.getbands())


class Fit(NamedTuple):
    """The shape that images must have, and which differences from it may be corrected.

    Attributes:
        shape: (rows, columns), or (rows, columns, 3) in colour.
        resize: whether images of other sizes are resized.
        recolour: whether images with other channels are converted.
    """

    shape: tuple[int, ...]
    resize: bool
    recolour: bool


def fitted_pixels(image: Image.Image, fit: Fit) -> NDArray[np.uint8]:
    """Return the pixels of an image in the shape of `fit`.

    Raises:
        ImageError: the image has another shape, and `fit` does not allow a correction.
    """
    rows, columns, *more = fit.shape
    wanted = _COLOURS if more else 1
    if channels(image) != wanted:
        if not fit.recolour:
            raise ImageError("images with other channels than the rest")
        image = image.convert("RGB" if more else "L")
    if image.size != (columns, rows):
        if not fit.resize:
            raise ImageError(f"images that are not {rows}x{columns}")
        image = image.resize((columns, rows), Image.Resampling.BILINEAR)
    return np.asarray(image)


class Problems:
    """The problems found in files, with their places."""

    def __init__(self) -> None:
        """Begin without problems."""
        self._by_kind: dict[str, list[str]] = {}

    def add(self, kind: str, place: str) -> None:
        """Record a problem and its place."""
        self._by_kind.setdefault(kind, []).append(place)

    def raise_any(self, where: object) -> None:
        """Raise an error if there are problems.

        Raises:
            UserError: there are. It has a line for each kind, with the count and the first places.
        """
        if self._by_kind:
            raise UserError(
                "\n".join(
                    str(error_at_places(where, kind, places, "mend them, or move them away"))
                    for kind, places in self._by_kind.items()
                )
            )
