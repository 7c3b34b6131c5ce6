"""The files that `evaluate` leaves of the test split, and of what the models say of it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeInt

from optledger.core.documents import Section, validate
from optledger.core.errors import UserError
from optledger.core.formats import read_json, read_npz
from optledger.core.paths import TEST
from optledger.datasets.interface import no_class


class SplitDigest(Section):
    """results/test/split.json: what is told of the test split, as `evaluate` found it.

    Attributes:
        examples: how many.
        md5: of its file.
        sha256: likewise.
    """

    examples: NonNegativeInt
    md5: str
    sha256: str


def read_split_digest() -> SplitDigest:
    """Read split.json."""
    path = TEST / "split.json"
    return validate(SplitDigest, read_json(path), path)


def read_labels(classes: int) -> NDArray[Any]:
    """Read the true labels of the test split, shape (images,), as `evaluate` found them.

    Raises:
        UserError: the file is not sound, or has a label beyond so many classes.
    """
    path = TEST / "labels.npz"
    labels = read_npz(path, {"labels": (np.unsignedinteger, 1)})["labels"]
    _check_classes(path, labels, classes)
    return labels


def read_predictions(path: Path, images: int, classes: int) -> dict[str, NDArray[Any]]:
    """Read `classes` and `losses` of a variant, shape (seeds, images) each.

    Raises:
        UserError: the file is not sound, of other images or of more classes.
    """
    arrays = read_npz(path, {"classes": (np.unsignedinteger, 2), "losses": (np.float32, 2)})
    shapes = {name: arrays[name].shape for name in ("classes", "losses")}
    if shapes["classes"] != shapes["losses"] or shapes["classes"][1] != images:
        found = " and ".join(f"{name} of shape {shape}" for name, shape in shapes.items())
        allowed = f"both of so many seeds by {images} images"
        raise UserError(f"{path}: found {found}; allowed: {allowed}; dvc checkout brings it back")
    predicted = arrays["classes"]
    _check_classes(path, predicted[predicted != no_class(classes)], classes)
    return arrays


def _check_classes(path: Path, found: NDArray[Any], classes: int) -> None:
    highest = int(found.max(initial=0))
    if highest >= classes:
        allowed = f"0 to {classes - 1}; dvc checkout brings it back"
        raise UserError(f"{path}: found the class {highest}; allowed: {allowed}")
