"""The page's gallery of the test items that most models get wrong."""

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
from optledger.datasets.kinds import Kind

_ARRAYS: Expected = dict.fromkeys(("found", "models", "indices"), (np.int64, 1))
_COLOURS = 3


class Mistaken(NamedTuple):
    """A test item, and how the models get it wrong.

    Attributes:
        place: its index in the test split.
        true: its true class, labels or number, in words.
        predicted: what most models predict instead.
        told: a further remark, such as how many models are wrong; may be empty.
        picture: a PNG as a data URL; empty for a row of a table.
    """

    place: int
    true: str
    predicted: str
    told: str
    picture: str


class Gallery(NamedTuple):
    """The items of the gallery, and the counts behind them.

    Attributes:
        items: the items that are shown, those most often wrong first.
        found: how many items more than half of the models get wrong, shown or not.
        models: how many models there are, without those that diverged and so predict nothing.
    """

    items: list[Mistaken]
    found: int
    models: int


def read_gallery(path: Path, names: Sequence[str], kind: Kind) -> Gallery:
    """Read gallery.npz, which the stage `evaluate` writes.

    Args:
        path: the file.
        names: the names of the classes or labels, or the one name of the number.
        kind: the kind of target.

    Raises:
        UserError: the file is damaged, or its arrays do not belong together.
    """
    arrays = read_npz(path, {**_ARRAYS, "labels": kind.ARRAY_TYPES[0], "votes": (np.number, 2)})
    dimensions = 4 if "images" in arrays and arrays["images"].ndim == 4 else 3
    check_arrays(path, arrays, {"images": (np.uint8, dimensions)})
    if not _belong_together(arrays, len(names), kind):
        found = ", ".join(f"{name} of shape {each.shape}" for name, each in arrays.items())
        allowed = "one of each for each item, of its classes; dvc checkout brings it back"
        raise UserError(f"{path}: found {found}; allowed: {allowed}")
    models = arrays["models"].item()
    items = [
        Mistaken(int(index), *kind.mistake(target, votes, names, models), _picture(image))
        for index, image, target, votes in zip(
            *(arrays[name] for name in ("indices", "images", "labels", "votes")), strict=True
        )
    ]
    return Gallery(items, arrays["found"].item(), models)


def _belong_together(arrays: dict[str, NDArray[Any]], named: int, kind: Kind) -> bool:
    items, outputs = arrays["votes"].shape
    return (
        outputs == named
        and all(len(arrays[name]) == items for name in ("indices", "images", "labels"))
        and all(arrays[name].size == 1 for name in ("found", "models"))
        and kind.problem(arrays["labels"], outputs) is None
        and (0 not in arrays["images"].shape or not items)
    )


def _picture(image: NDArray[np.uint8]) -> str:
    """Return an image as a data URL; empty for the placeholder of a row of a table."""
    if image.shape[:2] == (1, 1):
        return ""
    content = io.BytesIO()
    if image.ndim == 3 and image.shape[2] != _COLOURS:
        image = image[..., 0]
    # Uncompressed, as compressed bytes depend on the compressor's version.
    Image.fromarray(image).save(content, "png", compress_level=0)
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()
