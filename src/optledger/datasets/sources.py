"""Fetching the files of a dataset from several sources that have the same pinned content.

Every source must deliver the same bytes. A file is accepted by its size and SHA-256, so files from
several sources can be mixed.
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

# The errors of reading a file, an archive or a compressed stream.
_UNREADABLE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)


def fetch(name: str, dataset: Dataset, directory: Path) -> None:
    """Put the verified files of `dataset` into the empty folder `directory`.

    Args:
        name: the name of the dataset, and of its folder in the user's own mirror.
        dataset: the files and the sources, which are tried one after the other.
        directory: where the files go.

    Raises:
        UserError: no source delivers some file, or the user's own mirror is invalid. The error has
            a line for each source that failed.
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
                f"  Set {MIRROR_VARIABLE} to a URL or a folder that has {name}/<file>.gz. If a "
                "colleague has pushed the data, run dvc pull.",
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
    """Yield a function that opens a file of `source` as a byte stream, by its role and `File`."""
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
        # The member is encrypted, or compressed in a way that Python does not know.
        raise SourceError(first_line(error)) from None


def _open_url(url: str, file: File, temporary: Path) -> IO[bytes]:
    """Download `url`, a gzip-ed file that may arrive uncompressed, and open its content."""
    target = temporary / file.name
    # Gzip makes incompressible data a little larger, and its header can hold names.
    download(url, target, file.bytes + file.bytes // 100 + _CHUNK_BYTES)
    return _open_maybe_compressed(target)


def _open_own(path: Path, file: File, temporary: Path) -> IO[bytes]:
    """Open the file that a dataset was added from, or an archive of the folder."""
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
    """Open a file and uncompress it if needed, as only some servers send it compressed."""
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
    """Copy `stream` to `target`, and keep it only if size and SHA-256 are the pinned ones.

    No more than the expected size is ever written.

    Raises:
        SourceError: the size or the SHA-256 is another.
    """
    sha256 = hashlib.sha256()
    size = 0
    # Only to a new file: an existing one belongs to somebody else.
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
