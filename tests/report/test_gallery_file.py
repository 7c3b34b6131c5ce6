from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optledger.core.errors import UserError
from optledger.core.formats import write_npz
from optledger.report.gallery import read_gallery

NAMES = ["a", "b"]

SOUND: dict[str, Any] = {
    **{"found": np.array([2]), "models": np.array([3]), "indices": np.array([4, 7])},
    **{"images": np.zeros((2, 8, 8), np.uint8), "labels": np.array([0, 1], np.uint8)},
    "votes": np.array([[1, 2], [3, 0]]),
}


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("indices", np.array([41])),
        ("images", np.zeros((2, 0, 8), np.uint8)),
        ("labels", np.array([0, 2], np.uint8)),
        ("votes", np.zeros((2, 0), np.int64)),
        ("found", np.array([1, 2])),
        ("models", np.array([], np.int64)),
    ],
)
def test_arrays_that_do_not_belong_together_are_one_line(
    tmp_path: Path, name: str, array: Any
) -> None:
    """Each is sound by itself; the line has their shapes."""
    path = tmp_path / "gallery.npz"
    write_npz(path, SOUND)
    assert [image.votes for image in read_gallery(path, NAMES).images] == [2, 3]
    write_npz(path, SOUND | {name: array})
    with pytest.raises(UserError, match=r"gallery.npz: found .* allowed: one of each for each"):
        read_gallery(path, NAMES)
