import json
from pathlib import Path

import numpy as np
import pytest

from optledger.core.errors import UserError
from optledger.core.formats import write_json
from optledger.datasets.examples import Examples
from optledger.datasets.prepared import read_split, read_summary, write_split
from stored import summary


def test_a_split_has_a_label_for_each_image(tmp_path: Path) -> None:
    """Else one line says how many there are."""
    write_split("train", Examples(np.zeros((3, 2, 2), np.uint8), np.zeros(2, np.uint8)), tmp_path)
    with pytest.raises(UserError, match=r"train.npz: has 3 images and 2 labels"):
        read_split("train", tmp_path)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"classes": "10"}, "classes: found '10'; allowed: a valid integer"),
        ({"examples": [1]}, "examples: found [1]; allowed: a"),
        ({"seconds": 1}, "seconds: unknown key"),
    ],
)
def test_a_summary_that_is_another_is_one_line(
    tmp_path: Path, change: dict[str, object], line: str
) -> None:
    """It names the key."""
    path = tmp_path / "summary.json"
    write_json(path, summary(classes=10))
    assert read_summary(tmp_path).classes == 10
    path.write_text(json.dumps(summary(classes=10) | change))
    with pytest.raises(UserError) as caught:
        read_summary(tmp_path)
    assert str(caught.value).startswith(f"{path}: {line}")
