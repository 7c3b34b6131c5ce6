"""Files that repeat byte for byte: JSON, CSV and NPZ, and digests of them.

Nothing here records a time, a host or a compressor's version, and no file is ever seen
half-written: it is written beside its place and moved there when complete.
"""

import hashlib
import io
import json
import math
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

SIGNIFICANT_DIGITS = 6
"""What tables and metrics keep of a number.

Far finer than the noise of any metric here, and coarse enough to hide the last bits in
which one processor's `exp` and `log` differ from another's.
"""


def rounded(value: float) -> float | None:
    """Return `value` at `SIGNIFICANT_DIGITS`, and None for what JSON cannot hold."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") if math.isfinite(value) else None


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON with sorted keys.

    Raises:
        ValueError: `value` holds a NaN or an infinity.
    """
    text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False)
    _write(path, (text + "\n").encode())


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write `table` without its index; floats at `SIGNIFICANT_DIGITS`, a missing value empty."""
    text = table.to_csv(index=False, float_format=f"%.{SIGNIFICANT_DIGITS}g", lineterminator="\n")
    _write(path, text.encode())


def read_csv(file: Path | BinaryIO) -> pd.DataFrame:
    """Read what `write_csv` wrote: only what is empty is missing, and a name is a text."""
    names = dict.fromkeys(("variant", "against", "method"), str)
    return pd.read_csv(file, dtype=names, keep_default_na=False, na_values=[""])


def read_csv_as_text(path: Path) -> pd.DataFrame:
    """Read what `write_csv` wrote as it stands there, every cell a text."""
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8."""
    _write(path, text.encode())


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write `arrays` in the order given: uncompressed, dated 1980, never pickled."""
    with replacing(path) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.ascontiguousarray(array), allow_pickle=False)
            # Not numpy.savez, whose ZIP headers differ between releases of Python 3.11.
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getbuffer())


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read what `write_npz` wrote."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path for a file that takes the place of `path` if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def new_files(folder: Path) -> Iterator[Path]:
    """Yield an empty folder whose files go to `folder` if the block succeeds.

    There they replace those of their names, and leave others alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as temporary:
        yield Path(temporary)
        for file in Path(temporary).iterdir():
            file.replace(folder / file.name)


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `path` if the block succeeds.

    Whatever is in `path` is deleted: it has to be an output of DVC's as a whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Ignored by Git where a kill leaves it behind: .gitignore names the leading dot.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as temporary:
        complete = Path(temporary) / path.name
        complete.mkdir()
        yield complete
        if path.exists():
            shutil.rmtree(path)
        complete.replace(path)


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """SHA-256, or another digest, of a file's content, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def tree_digest(files: Mapping[str, str]) -> str:
    """MD5 of a folder, as DVC has it, from those of its files by their paths."""
    listed = [{"md5": files[path], "relpath": path} for path in sorted(files)]
    digest = hashlib.md5(json.dumps(listed).encode(), usedforsecurity=False)
    return f"{digest.hexdigest()}.dir"


def canonical_json(value: Any) -> str:
    """Return `value` as the one JSON text of what it means; `1` and `1.0` are the same number."""
    return json.dumps(_plain_numbers(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(value: Any) -> str:
    """SHA-256 of `value` as canonical JSON, in hexadecimal."""
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
