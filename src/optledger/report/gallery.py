"""The gallery: the test images that most models get wrong, as the page shows them."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from optledger.core.errors import UserError
from optledger.core.formats import Expected, check_arrays, read_npz

_ARRAYS: Expected = {
    **dict.fromkeys(("found", "models", "indices"), (np.int64, 1)),
    **{"labels": (np.unsignedinteger, 1), "votes": (np.int64, 2)},
}
_COLOURS = 3


class Mistaken(NamedTuple):
    """A test image, and what the models make of it.

    Attributes:
        place: its index in the test split.
        label: its true class.
        predicted: the wrong class that most models predict.
        votes: how many do.
        wrong: how many predict any wrong class.
        picture: a PNG, as a data URL.
    """

    place: int
    label: str
    predicted: str
    votes: int
    wrong: int
    picture: str


class Gallery(NamedTuple):
    """The images, and what they are of.

    Attributes:
        images: those most often wrong first.
        found: how many images more than half of the models get wrong, also those not shown.
        models: of how many; those that diverged predict nothing and are none of them.
    """

    images: list[Mistaken]
    found: int
    models: int


def read_gallery(path: Path, names: Sequence[str]) -> Gallery:
    """Read what `evaluate` wrote, gallery.npz.

    Args:
        path: of the file.
        names: of the classes.

    Raises:
        UserError: the file is not sound, or its arrays do not belong together.
    """
    arrays = read_npz(path, _ARRAYS)
    dimensions = 4 if "images" in arrays and arrays["images"].ndim == 4 else 3
    check_arrays(path, arrays, {"images": (np.uint8, dimensions)})
    if not _belong_together(arrays, len(names)):
        found = ", ".join(f"{name} of shape {each.shape}" for name, each in arrays.items())
        allowed = "one of each for each image, of its classes; dvc checkout brings it back"
        raise UserError(f"{path}: found {found}; allowed: {allowed}")
    models = arrays["models"].item()
    images = []
    for index, image, label, votes in zip(
        *(arrays[name] for name in ("indices", "images", "labels", "votes")), strict=True
    ):
        others = np.where(np.arange(len(votes)) == label, 0, votes)
        images.append(
            Mistaken(
                int(index),
                names[int(label)],
                names[int(others.argmax())],
                int(others.max()),
                models - int(votes[label]),
                _png(image),
            )
        )
    return Gallery(images, arrays["found"].item(), models)


def _belong_together(arrays: dict[str, NDArray[Any]], named: int) -> bool:
    images, classes = arrays["votes"].shape
    return (
        classes <= named
        and all(len(arrays[name]) == images for name in ("indices", "images", "labels"))
        and all(arrays[name].size == 1 for name in ("found", "models"))
        and bool((arrays["labels"] < classes).all())
        and (0 not in arrays["images"].shape or not images)
    )


def _png(image: NDArray[np.uint8]) -> str:
    content = io.BytesIO()
    if image.ndim == 3 and image.shape[2] != _COLOURS:
        image = image[..., 0]
    # Uncompressed: what a compressor makes of it depends on its version.
    Image.fromarray(image).save(content, "png", compress_level=0)
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
