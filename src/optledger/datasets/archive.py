"""A folder of images as one file: a tar archive with the same bytes wherever it is made."""

import io
import os
import tarfile
from pathlib import Path
from typing import IO, NamedTuple

from tqdm import tqdm

from optledger.core.errors import printable

SUFFIXES = (".png", ".jpg", ".jpeg")


class Listed(NamedTuple):
    """What a folder has.

    Attributes:
        images: paths of PNG and JPEG files from the folder, sorted.
        others: those of other files, and of folders whose names begin with a dot or a link.
    """

    images: list[str]
    others: list[str]


def images_below(folder: Path) -> Listed:
    """Return the files of a folder and of the folders below it.

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
    return Listed(sorted(images), sorted(others))


def _raise(error: OSError) -> None:
    raise error


def write_archive(folder: Path, file: IO[bytes]) -> None:
    """Write the images below a folder, in order, with nothing of who has them and since when.

    Raises:
        OSError: one cannot be read.
    """
    names = images_below(folder).images
    with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        for name in tqdm(names, unit=" files", unit_scale=True, leave=False, disable=None):
            content = (folder / name).read_bytes()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
