from pathlib import Path

import numpy as np
import pytest

from optledger.core.errors import UserError
from optledger.datasets.formats.idx import read_idx, write_idx


def test_read_idx_follows_the_format(tmp_path: Path) -> None:
    """Zero, zero, type, dimensions; big-endian sizes; rows first."""
    header = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3])
    (tmp_path / "images").write_bytes(header + bytes(range(6)))
    images = read_idx(tmp_path / "images", dimensions=3)
    np.testing.assert_array_equal(images, [[[0, 1, 2]], [[3, 4, 5]]])
    assert images.dtype == np.uint8


def test_write_idx_is_what_read_idx_reads(tmp_path: Path) -> None:
    """A written array comes back."""
    array = np.arange(24, dtype=np.uint8).reshape(4, 3, 2)
    write_idx(tmp_path / "a", array)
    np.testing.assert_array_equal(read_idx(tmp_path / "a", dimensions=3), array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<html>not here</html>", "magic number: found 3c68746d; allowed: 00000801"),
        (b"", "magic number"),
        (bytes([0, 0, 8, 1, 0, 0]), "magic number"),
        (bytes([0, 0, 8, 3, 0, 0, 0, 1, 7]), "magic number: found 00000803"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 3, 7]), "found 1 bytes of data; allowed: 3"),
        (bytes([0, 0, 8, 1, 0, 0, 0, 1, 7, 7]), "found 2 bytes of data; allowed: 1"),
    ],
)
def test_what_is_not_such_a_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """Another type, another number of dimensions, a cut or a padded file."""
    (tmp_path / "labels").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_idx(tmp_path / "labels", dimensions=1)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([2**20, 2**22, 2**22], f"found 0 bytes of data; allowed: {2**64}, for"),
        ([0, 2**32 - 1, 2**32 - 1], "found the sizes .* allowed: those of an array"),
    ],
)
def test_sizes_that_no_array_has_are_refused(
    tmp_path: Path, sizes: list[int], message: str
) -> None:
    """Their product counts as it is, not as what 64 bits keep of it."""
    head = bytes([0, 0, 8, 3]) + np.array(sizes, ">u4").tobytes()
    (tmp_path / "images").write_bytes(head)
    with pytest.raises(UserError, match=message):
        read_idx(tmp_path / "images", dimensions=3)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    """There is no traceback for a file that is not there."""
    with pytest.raises(UserError, match=r"No such file or directory$"):
        read_idx(tmp_path / "labels", dimensions=1)
