"""The IDX format of MNIST: a magic number, the sizes in big-endian order, then unsigned bytes.

Source: http://yann.lecun.com/exdb/mnist/ (file formats for the MNIST database).
"""

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from optledger.core.errors import UserError
from optledger.core.formats import read as read_bytes
from optledger.datasets.items import Items
from optledger.datasets.registry import Idx

_UNSIGNED_BYTE = 0x08


def read(dataset: Idx, folder: Path) -> Items:
    """Read the four files of a dataset from a folder.

    Raises:
        UserError: a file is not a valid IDX file, or the files do not fit each other or the entry.
    """
    parts = []
    for part in ("train", "test"):
        images_path, labels_path = (
            folder / dataset.files[f"{part}_{what}"].name for what in ("images", "labels")
        )
        images = read_idx(images_path, 1 + len(dataset.shape))
        if images.shape[1:] != dataset.shape:
            raise UserError(
                f"{images_path}: found images of shape {images.shape[1:]}; "
                f"allowed: {dataset.shape}, as the dataset's entry says"
            )
        labels = read_idx(labels_path, 1)
        if len(images) != len(labels):
            raise UserError(
                f"{labels_path}: found {len(labels)} labels; "
                f"allowed: {len(images)}, one for each of {images_path.name}"
            )
        place = "item {}".format
        parts.append((images, dataset.kind.read(labels_path, labels, dataset.target, place)))
    (train, _), (test, _) = parts
    return Items(
        inputs=np.concatenate([images for images, _ in parts]),
        targets=np.concatenate([labels for _, labels in parts]),
        is_test=np.arange(len(train) + len(test)) >= len(train),
        groups=None,
        place=lambda index: f"test item {index - len(train)}",
    )


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes.

    Args:
        path: an uncompressed IDX file.
        dimensions: 3 for images (images, rows, columns), 4 for images with channels, 1 for labels.

    Raises:
        UserError: the file is missing, incomplete, not an IDX file, or has other dimensions.
    """
    try:
        content = read_bytes(path)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    magic = bytes([0, 0, _UNSIGNED_BYTE, dimensions])
    header_bytes = 4 + 4 * dimensions
    if content[:4] != magic or len(content) < header_bytes:
        raise UserError(f"{path}: magic number: found {content[:4].hex()}; allowed: {magic.hex()}")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", dimensions, offset=4))
    found, expected = len(content) - header_bytes, math.prod(shape)
    if found != expected:
        raise UserError(f"{path}: found {found} bytes of data; allowed: {expected}, for {shape}")
    try:
        return np.frombuffer(content, np.uint8, offset=header_bytes).reshape(shape)
    except ValueError:
        # NumPy limits the other sizes even where one size is 0.
        raise UserError(f"{path}: found the sizes {shape}; allowed: those of an array") from None


def write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    """Write `array`, of any shape, as an IDX file of unsigned bytes."""
    header = bytes([0, 0, _UNSIGNED_BYTE, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(header + array.tobytes())
