from pathlib import Path
from typing import Any

import numpy as np
import pytest

from optledger.core.errors import UserError
from optledger.core.formats import write_npz
from optledger.datasets.kinds import classes, labels, number
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
    found = read_gallery(path, NAMES, classes)
    assert [item[1:4] for item in found.items] == [
        ("a", "b", "2 of 3 wrong"),
        ("b", "a", "3 of 3 wrong"),
    ]
    write_npz(path, SOUND | {name: array})
    with pytest.raises(UserError, match=r"gallery.npz: found .* allowed: one of each for each"):
        read_gallery(path, NAMES, classes)


def test_labels_are_those_that_more_than_half_predict(tmp_path: Path) -> None:
    """Of rows of a table there is no picture."""
    path = tmp_path / "gallery.npz"
    targets, votes = np.array([[1, 0], [1, 1]], np.uint8), np.array([[0, 3], [1, 1]])
    rows = {"images": np.zeros((2, 1, 1), np.uint8), "labels": targets, "votes": votes}
    write_npz(path, SOUND | rows)
    first, second = read_gallery(path, NAMES, labels).items
    assert first[1:] == ("a", "b", "", "")
    assert second[1:] == ("a, b", "none", "", "")


def test_of_a_number_what_is_predicted(tmp_path: Path) -> None:
    """Beside the true one."""
    path = tmp_path / "gallery.npz"
    rows = {"labels": np.array([1.5, 200.0]), "votes": np.array([[7.25], [-3.0]])}
    write_npz(path, SOUND | rows)
    first, second = read_gallery(path, ["price"], number).items
    assert first[1:4] == ("1.5", "7.25", "")
    assert second[1:4] == ("200", "-3", "")
