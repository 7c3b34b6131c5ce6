"""JSON, CSV and NPZ files that repeat byte for byte, and digests of them.

Reading a damaged file raises an error of one line. `optledger.core.tables` reads CSV, which takes a
schema.

Files record no time, host or compressor's version. No file is ever seen half-written: it is written
beside its place and moved there when complete.
"""

import glob
import hashlib
import io
import json
import math
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optledger.core.errors import UserError

_REMEDY = "dvc checkout or dvc repro brings it back"

Expected = Mapping[str, tuple[type[np.generic], int]]

SIGNIFICANT_DIGITS = 6
"""How many digits tables and metrics keep of a number.

That is far finer than the noise of any metric here. It is coarse enough to hide the last bits, in
which one processor's `exp` and `log` differ from another's.
"""


def rounded(value: float) -> float | None:
    """Return `value` with `SIGNIFICANT_DIGITS`; None for NaN and infinities, which JSON lacks."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if math.isfinite(value) else None


@contextmanager
def open_regular(path: Path) -> Iterator[io.BufferedReader]:
    """Open a regular file for reading.

    Other kinds are refused: a pipe may never get a writer, and some devices never end.

    Raises:
        UserError: the path is no regular file.
    """
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise UserError(f"{path}: is no regular file; put one in its place")
        yield file


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def read(path: Path) -> bytes:
    """Read a regular file."""
    with open_regular(path) as file:
        return file.read()


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON with sorted keys.

    Raises:
        ValueError: `value` holds a NaN or an infinity.
    """
    text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    _write(path, (text + "\n").encode())


def read_json(path: Path) -> Any:
    """Read a file that `write_json` wrote.

    Raises:
        UserError: the file is no JSON.
    """
    try:
        return json.loads(read(path))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as JSON: {error}; {_REMEDY}") from None


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write `table` without its index: floats with `SIGNIFICANT_DIGITS`, missing values empty."""
    text = table.to_csv(index=False, float_format=f"%.{SIGNIFICANT_DIGITS}g", lineterminator="\n")
    _write(path, text.encode())


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8."""
    _write(path, text.encode())


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write `arrays` in the order given: uncompressed, dated 1980, never pickled."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        pack_npz(file, arrays)


def pack_npz(file: IO[bytes], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write `arrays` to an open file, as `write_npz` does."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
            # Not numpy.savez, whose ZIP headers differ between releases of Python 3.11.
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getbuffer())


def read_npz(path: Path, expected: Expected = MappingProxyType({})) -> dict[str, NDArray[Any]]:
    """Read a file that `write_npz` wrote.

    Args:
        path: the file.
        expected: by the name of each required array, its kind of number and number of dimensions.

    Raises:
        UserError: the file is damaged, or a required array is missing or of another kind.
    """
    with open_regular(path) as file:
        try:
            arrays = unpack_npz(file)
        except MemoryError:
            raise
        except Exception as error:
            # zipfile and NumPy raise errors of many types for damaged files.
            cause = " ".join(str(error).split()) or type(error).__name__
            raise UserError(f"{path}: cannot be read as arrays: {cause}; {_REMEDY}") from None
    check_arrays(path, arrays, expected)
    return arrays


def check_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], expected: Expected) -> None:
    """Check that the required arrays are there and of their kind, as `read_npz` describes.

    Raises:
        UserError: a required array is missing or of another kind.
    """
    for name, (kind, dimensions) in expected.items():
        there = arrays.get(name)
        if there is None:
            raise UserError(f"{path}: has no array {name}; {_REMEDY}")
        if not np.issubdtype(there.dtype, kind) or there.ndim != dimensions:
            found = f"{there.dtype} of shape {there.shape}"
            allowed = f"{kind.__name__} of {dimensions} dimensions; {_REMEDY}"
            raise UserError(f"{path}: {name}: found {found}; allowed: {allowed}")


def unpack_npz(file: IO[bytes]) -> dict[str, NDArray[Any]]:
    """Read arrays that `pack_npz` wrote.

    Raises:
        Exception: the file is damaged; zipfile and NumPy raise errors of many types.
    """
    with zipfile.ZipFile(file) as archive:
        return {
            member.removesuffix(".npy"): _array(archive, member) for member in archive.namelist()
        }


def _array(archive: zipfile.ZipFile, member: str) -> NDArray[Any]:
    with archive.open(member) as content:
        array: NDArray[Any] = np.lib.format.read_array(content, allow_pickle=False)
        return array


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path; the file written there replaces `path` if the block succeeds."""
    with _beside(path) as folder:
        temporary = folder / path.name
        yield temporary
        temporary.replace(path)


@contextmanager
def new_files(folder: Path) -> Iterator[Path]:
    """Yield an empty folder whose files are moved to `folder` if the block succeeds.

    They replace files of the same names and leave others alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _beside(folder) as temporary:
        yield temporary
        for file in temporary.iterdir():
            file.replace(folder / file.name)


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Yield an empty folder that replaces `path` if the block succeeds.

    Everything in `path` is deleted, so `path` has to be a DVC output as a whole.
    """
    with _beside(path) as folder:
        complete = folder / path.name
        complete.mkdir()
        yield complete
        if path.exists():
            shutil.rmtree(path)
        complete.replace(path)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Yield an empty temporary folder on the disk of `path`, and remove it afterwards.

    A process that is killed leaves its folder behind. Git ignores it because of the leading dot,
    and the next process that writes to `path` removes it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".{path.name}.writing-"
    for folder in path.parent.glob(f"{glob.escape(prefix)}*-*"):
        process = folder.name.removeprefix(prefix).partition("-")[0]
        if process.isdecimal() and not _is_running(int(process)):
            shutil.rmtree(folder, ignore_errors=True)
    beside = tempfile.TemporaryDirectory(dir=path.parent, prefix=f"{prefix}{os.getpid()}-")
    with _with_path(path), beside as temporary:
        yield Path(temporary)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        # The process runs, but belongs to another user.
        return True
    return True


@contextmanager
def _with_path(path: Path) -> Iterator[None]:
    """Add `path` to an error of the system that names no file, such as a full disk."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Return the digest of a file's content in hexadecimal: SHA-256, or another one."""
    with open_regular(path) as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def tree_digest(files: Mapping[str, str]) -> str:
    """Return the MD5 of a folder as DVC computes it, given the MD5 of each file by its path."""
    listed = [{"md5": files[path], "relpath": path} for path in sorted(files)]
    digest = hashlib.md5(json.dumps(listed).encode(), usedforsecurity=False)
    return f"{digest.hexdigest()}.dir"


def canonical_json(value: Any) -> str:
    """Return the one JSON text that equal values share; `1` and `1.0` are the same number."""
    return json.dumps(_plain_numbers(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """Return the SHA-256 of `value` as canonical JSON, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def _plain_numbers(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain_numbers(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain_numbers(item) for item in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def markdown(table: pd.DataFrame, style: str = "pipe") -> str:
    """Return a table as text, its cells unchanged: a variant may be called 1e3.

    Args:
        table: a table of texts.
        style: a table format of tabulate.
    """
    return str(table.to_markdown(index=False, disable_numparse=True, tablefmt=style))
