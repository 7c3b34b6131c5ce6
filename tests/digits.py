"""Scikit-learn's bundled digits as a dataset of this project: 1,500 train and 297 test images."""

from pathlib import Path

import numpy as np

from optledger.core.formats import file_digest
from optledger.datasets.examples import Examples
from optledger.datasets.formats.idx import write_idx
from optledger.datasets.interface import Interface

INTERFACE = Interface((8, 8), 10)

FILES = {
    "train_images": "train-images",
    "train_labels": "train-labels",
    "test_images": "test-images",
    "test_labels": "test-labels",
}


def load() -> tuple[Examples, Examples]:
    """Return the train and the test images: 8 by 8, bytes to 240."""
    # Which takes a second, and workers and programs want no more than what the digits look like.
    from sklearn.datasets import load_digits

    bundled = load_digits()
    images = (bundled.images * 15).astype(np.uint8)
    labels = bundled.target.astype(np.uint8)
    return Examples(images[:1500], labels[:1500]), Examples(images[1500:], labels[1500:])


def write(folder: Path, test_images: int = 297) -> None:
    """Write the four IDX files into a folder, with so many of the test images."""
    train, test = load()
    test = test.take(np.arange(test_images))
    arrays = (train.inputs, train.targets, test.inputs, test.targets)
    for name, array in zip(FILES.values(), arrays, strict=True):
        write_idx(folder / name, array)


def registry_entry(folder: Path, test_images: int = 297) -> str:
    """Return the entry of the four files in a folder."""
    lines = [
        "format: idx",
        "shape: [8, 8]",
        "target: {kind: classes, classes: 10}",
        f"items: {{train: 1500, test: {test_images}}}",
        "files:",
    ]
    for role, name in FILES.items():
        path = folder / name
        lines += [
            f"  {role}:",
            f"    name: {name}",
            f"    bytes: {path.stat().st_size}",
            f"    sha256: {file_digest(path)}",
        ]
    return "\n".join([*lines, "sources:", f"  - folder: {folder}", ""])
