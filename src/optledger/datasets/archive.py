"""A folder of images as one tar archive, with the same bytes wherever it is made."""

import io
import os
import tarfile
from pathlib import Path
from typing import IO, NamedTuple

from tqdm import tqdm

from optledger.core.errors import printable

SUFFIXES = (".png", ".jpg", ".jpeg")


class FolderContent(NamedTuple):
    """The content of a folder.

    Attributes:
        images: the paths of PNG and JPEG files, relative to the folder, sorted.
        others: the paths of all other files and of skipped folders, sorted. Folders are skipped if
            they are links, or if their names begin with a dot or `__MACOSX`.
    """

    images: list[str]
    others: list[str]


def images_below(folder: Path) -> FolderContent:
    """Return the files in a folder and in the folders below it.

    Raises:
        OSError: a folder cannot be read.
    """
    images: list[str] = []
    others: list[str] = []
    for place, below, files in os.walk(folder, onerror=_raise):
        own = Path(place).relative_to(folder)
        for name in list(below):
            if name.startswith((".", "__MACOSX")) or (Path(place) / name).is_symlink():
                below.remove(name)
                others.append(f"{(own / name).as_posix()}/")
        for name in files:
            is_image = name.lower().endswith(SUFFIXES) and not name.startswith(".")
            is_image = is_image and printable(name) == name
            (images if is_image else others).append((own / name).as_posix())
    return FolderContent(sorted(images), sorted(others))


def _raise(error: OSError) -> None:
    raise error


def write_archive(folder: Path, file: IO[bytes]) -> None:
    """Write the images below a folder as a tar archive, sorted, without owners and times.

    Raises:
        OSError: an image cannot be read.
    """
    names = images_below(folder).images
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for name in tqdm(names, unit=" files", unit_scale=True, leave=False, disable=None):
            content = (folder / name).read_bytes()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
