"""Four IDX files, the format of MNIST, as new data."""

import re
from pathlib import Path

import numpy as np

from optledger.core.errors import UserError
from optledger.datasets.adding.draft import Draft, Options
from optledger.datasets.formats.idx import read_idx
from optledger.datasets.items import Items
from optledger.datasets.kinds import classes
from optledger.datasets.registry import Idx

_PARTS = {"train": "train", "test": "test|t10k"}


def files_in(folder: Path) -> dict[str, Path]:
    """Return the IDX files of a folder by role, as far as their names tell it.

    A role that fits several files is left out.
    """
    found = {}
    for role in Idx.ROLES[0]:
        part, what = role.split("_")
        pattern = rf"(?:{_PARTS[part]})[-_.]{what}(?:[-_.]idx[13])?(?:[-_.]ubyte)?"
        paths = [path for path in folder.iterdir() if re.fullmatch(pattern, path.name)]
        if len(paths) == 1:
            found[role] = paths[0]
    return found


def draft_of(folder: Path, options: Options) -> Draft:
    """Look at a folder that has an IDX file for each role.

    Raises:
        UserError: a file is not a valid IDX file, or the files do not belong together.
    """
    options.check_used("IDX files")
    paths = files_in(folder)
    images = {part: read_idx(paths[f"{part}_images"], _dimensions(paths)) for part in _PARTS}
    labels = {part: read_idx(paths[f"{part}_labels"], 1) for part in _PARTS}
    for part in _PARTS:
        if len(images[part]) != len(labels[part]) or not len(labels[part]):
            found = f"{len(images[part])} images and {len(labels[part])} labels"
            remedy = "it needs as many of both, and at least one"
            raise UserError(f"{folder}: the {part} part has {found}; {remedy}")
    shape = images["train"].shape[1:]
    if images["test"].shape[1:] != shape:
        found = f"{shape} for training and {images['test'].shape[1:]} for test"
        raise UserError(f"{folder}: images differ in shape: {found}; make them alike")
    values = np.concatenate(list(labels.values()))
    target = classes.inferred(folder, values)
    train = len(labels["train"])

    def place(index: int) -> str:
        return f"test item {index - train}" if index >= train else f"train item {index}"

    items = Items(
        inputs=np.concatenate(list(images.values())),
        targets=classes.read(folder, values, target, place),
        is_test=np.arange(len(values)) >= train,
        groups=None,
        place=place,
    )
    return Draft(
        entry={"format": "idx", "shape": list(shape)},
        target=target,
        items=items,
        test=None,
        files={role: (path.name, path) for role, path in paths.items()},
        found=[("files", "IDX, as MNIST has them"), ("images", "x".join(map(str, shape)))],
    )


def _dimensions(paths: dict[str, Path]) -> int:
    """Return the number of dimensions of the images: 3, or 4 with channels.

    It is read from the head of the train images. An invalid head counts as 3, and reading the file
    refuses it later.
    """
    with paths["train_images"].open("rb") as file:
        head = file.read(4)
    return head[3] if len(head) == 4 and head[3] in (3, 4) else 3
