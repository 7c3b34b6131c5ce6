import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from optledger.core import formats
from optledger.core.errors import UserError
from optledger.core.formats import (
    Expected,
    digest,
    file_digest,
    new_directory,
    read_json,
    read_npz,
    replacing,
    rounded,
    write_csv,
    write_json,
    write_npz,
)


def test_npz_has_no_date_and_no_compressor_in_it(tmp_path: Path) -> None:
    """Every entry is dated 1980 and stored as it is, so that the bytes depend on the arrays."""
    write_npz(tmp_path / "a.npz", {"x": np.arange(3), "y": np.ones((2, 2))})
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}


def test_npz_bytes_are_settled(tmp_path: Path) -> None:
    """The same bytes from every supported Python: hashes in existing lock files are of them."""
    write_npz(tmp_path / "a.npz", {"x": np.arange(4, dtype=np.uint8).reshape(2, 2)})
    header = b"\x93NUMPY\x01\x00\x76\x00{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }"
    array = header.ljust(127) + b"\n" + bytes(range(4))
    content = (tmp_path / "a.npz").read_bytes()
    local = b"PK\x03\x04\x14" + bytes(7) + b"\x21\x00" + zlib.crc32(array).to_bytes(4, "little")
    sizes = 2 * len(array).to_bytes(4, "little")
    assert content.startswith(local + sizes + b"\x05\x00\x00\x00x.npy" + array + b"PK\x01\x02")


@pytest.mark.parametrize("read", [read_json, read_npz, file_digest])
def test_what_is_no_regular_file_is_one_line(
    read: Callable[[Path], object], tmp_path: Path
) -> None:
    """A pipe that nobody writes to would be waited for."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match=r"pipe: is no regular file"):
        read(tmp_path / "pipe")


def test_npz_round_trip(tmp_path: Path) -> None:
    """What is written is read, in its order."""
    write_npz(tmp_path / "a.npz", {"y": np.arange(3, dtype=np.uint8), "x": np.ones(2, np.float32)})
    arrays = read_npz(tmp_path / "a.npz")
    assert list(arrays) == ["y", "x"]
    assert arrays["x"].dtype == np.float32
    np.testing.assert_array_equal(arrays["y"], [0, 1, 2])


ARRAYS: Expected = {"classes": (np.uint8, 2), "losses": (np.float32, 2)}


def damaged(content: bytes) -> list[bytes]:
    """Return what a file may have come to be: empty, cut, another one, with other bytes."""
    middle = len(content) // 2
    flipped = bytes([content[middle] ^ 1])
    return [
        b"",
        content[:-1],
        content[:middle],
        content[1:],
        b"\0" * len(content),
        b"<<<<<<< HEAD\n" + content[13:],
        content[:middle] + flipped + content[middle + 1 :],
        content.replace(b"NUMPY", b"NUMPX"),
        content.replace(b"(2, 3)", b"(9, 3)"),
        content.replace(b"'|u1'", b"'|O8'"),
    ]


@pytest.mark.parametrize("place", range(10))
def test_arrays_that_are_not_sound_are_one_line(tmp_path: Path, place: int) -> None:
    """It names the file, and what brings it back."""
    path = tmp_path / "a.npz"
    write_npz(path, {"classes": np.ones((2, 3), np.uint8), "losses": np.ones((2, 3), np.float32)})
    path.write_bytes(damaged(path.read_bytes())[place])
    with pytest.raises(UserError) as caught:
        read_npz(path, ARRAYS)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{path}: cannot be read as arrays: ")
    assert line.endswith("; dvc checkout or dvc repro brings it back")


@pytest.mark.parametrize(
    ("losses", "found"),
    [
        ({}, "has no array losses; dvc checkout or dvc repro"),
        (
            {"losses": np.ones((2, 3))},
            "losses: found float64 of shape (2, 3); allowed: float32 of 2",
        ),
        (
            {"losses": np.ones(3, np.float32)},
            "losses: found float32 of shape (3,); allowed: float32",
        ),
    ],
)
def test_arrays_of_another_kind_are_one_line(
    tmp_path: Path, losses: dict[str, NDArray[np.generic]], found: str
) -> None:
    """It names the array, what it is and what it has to be."""
    write_npz(tmp_path / "a.npz", {"classes": np.ones((2, 3), np.uint8), **losses})
    with pytest.raises(UserError) as caught:
        read_npz(tmp_path / "a.npz", ARRAYS)
    assert str(caught.value).startswith(f"{tmp_path / 'a.npz'}: {found}")


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"<<<<<<< HEAD\n", b"[" * 100_000])
def test_what_is_no_json_is_one_line(tmp_path: Path, content: bytes) -> None:
    """It names the file."""
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_json(tmp_path / "a.json")
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{tmp_path / 'a.json'}: cannot be read as JSON: ")


def test_an_error_of_the_system_names_the_file(tmp_path: Path) -> None:
    """Also where the system itself does not, as of a full disk; and nothing is left."""
    with pytest.raises(OSError, match="full") as caught, replacing(tmp_path / "a"):
        raise OSError(errno.ENOSPC, "full")
    assert caught.value.filename == str(tmp_path / "a")
    with pytest.raises(OSError, match="full") as caught, new_directory(tmp_path / "b"):
        raise OSError(errno.ENOSPC, "full")
    assert caught.value.filename == str(tmp_path / "b")
    assert list(tmp_path.iterdir()) == []


def test_json_is_sorted_and_refuses_nan(tmp_path: Path) -> None:
    """Keys are sorted; a NaN is refused and leaves the old file as it was."""
    path = tmp_path / "a.json"
    write_json(path, {"b": 1, "a": None})
    assert list(json.loads(path.read_text())) == ["a", "b"]
    before = path.read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"a": float("nan")})
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_csv_has_six_significant_digits_and_empty_missing_values(tmp_path: Path) -> None:
    """Floats are rounded, missing values are empty, lines end with a line feed."""
    table = pd.DataFrame({"a": [1 / 3, float("nan")], "b": pd.array([1, None], dtype="Int64")})
    write_csv(tmp_path / "a.csv", table)
    assert (tmp_path / "a.csv").read_bytes() == b"a,b\n0.333333,1\n,\n"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1 / 3, 0.333333), (1234567.0, 1234570.0), (float("nan"), None), (float("inf"), None)],
)
def test_rounded(value: float, expected: float | None) -> None:
    """Six significant digits are kept; what JSON cannot hold becomes None."""
    assert rounded(value) == expected


def test_digest_knows_no_key_order_and_no_integer_floats() -> None:
    """DVC sees no change in `1` against `1.0` or in the order of keys, and neither do run keys."""
    assert digest({"a": 1, "b": [2.0]}) == digest({"b": [2], "a": 1.0})
    assert digest({"a": 1}) != digest({"a": 1.5})
    assert digest({"a": True}) != digest({"a": 1})


def test_digest_is_settled() -> None:
    """A digest is of compact sorted JSON: run keys in existing stores were made with it."""
    text = b'{"learning_rate":0.001,"name":"Adam","seeds":[0,1]}'
    value = {"name": "Adam", "learning_rate": 0.001, "seeds": (0, 1)}
    assert digest(value) == hashlib.sha256(text).hexdigest()


def test_new_directory_replaces_only_on_success(tmp_path: Path) -> None:
    """A failing block leaves the old folder, and nothing else."""
    target = tmp_path / "out"
    with new_directory(target) as directory:
        (directory / "a").write_text("old")
    with pytest.raises(FileNotFoundError), new_directory(target) as directory:
        (directory / "no such folder/a").write_text("new")
    assert (target / "a").read_text() == "old"
    with new_directory(target) as directory:
        (directory / "b").write_text("new")
    assert [path.name for path in target.iterdir()] == ["b"]
    assert list(tmp_path.iterdir()) == [target]


WRITER = """
import os, signal, sys
from pathlib import Path
from optledger.core import formats

with getattr(formats, sys.argv[1])(Path(sys.argv[2])) as temporary:
    (temporary / "file" if temporary.is_dir() else temporary).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("how", ["replacing", "new_files", "new_directory"])
def test_what_a_killed_process_left_is_removed_by_the_next(how: str, tmp_path: Path) -> None:
    """Not what another one is writing, nor what is of somebody else."""
    path = tmp_path / "output"
    for name in (".output.writing-notes", ".output-1-a", ".other.writing-1-a"):
        (tmp_path / name).mkdir()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", WRITER, how, str(path)]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    left = set(tmp_path.glob(".output.writing-*-*"))
    assert len(left) == 1
    with getattr(formats, how)(path) as first:
        (first / "a" if first.is_dir() else first).write_text("first")
        with getattr(formats, how)(path) as second:
            (second / "a" if second.is_dir() else second).write_text("second")
    assert not left & set(tmp_path.iterdir())
    written = path / "a" if path.is_dir() else path
    assert written.read_text() == "first"
    assert {each.name for each in tmp_path.iterdir()} == {
        *("output", ".output.writing-notes", ".output-1-a", ".other.writing-1-a")
    }
