"""preprocess: check the raw files and divide them into train, validation and test splits."""

import numpy as np

from optledger import stages
from optledger.core import params
from optledger.core.errors import UserError
from optledger.core.formats import new_files, write_json
from optledger.core.paths import PREPARED, RAW
from optledger.datasets import classes, registry
from optledger.datasets.examples import Examples
from optledger.datasets.idx import read_idx
from optledger.datasets.prepared import write_split
from optledger.datasets.split import split_train_validation


def main() -> None:
    """Run the stage."""
    settings = params.load()
    dataset = registry.load(settings.dataset)
    names = {role: file.name for role, file in dataset.files.by_role().items()}
    development = _read(names["train_images"], names["train_labels"], dataset.classes)
    test = _read(names["test_images"], names["test_labels"], dataset.classes)
    if test.images.shape[1:] != development.images.shape[1:]:
        raise UserError(
            f"{RAW / names['test_images']}: found images of shape {test.images.shape[1:]}; "
            f"allowed: {development.images.shape[1:]}, as in {names['train_images']}"
        )
    train, validation = split_train_validation(development, settings.split)
    splits = {"train": train, "validation": validation, "test": test}
    with new_files(PREPARED) as directory:
        for name, examples in splits.items():
            write_split(name, examples, directory)
        # Of the test split nothing, as training reads this.
        seen = {"train": train, "validation": validation}
        summary = {
            "classes": dataset.classes,
            "dataset": settings.dataset,
            "examples": {name: len(examples.labels) for name, examples in seen.items()},
            "examples_per_class": {
                name: _per_class(examples, dataset.classes) for name, examples in seen.items()
            },
            "image_shape": list(train.images.shape[1:]),
        }
        write_json(directory / "summary.json", summary)
    for note in classes.notes(
        {name: _per_class(examples, dataset.classes) for name, examples in splits.items()}
    ):
        print(note)


def _per_class(examples: Examples, classes: int) -> list[int]:
    counts: list[int] = np.bincount(examples.labels, minlength=classes).tolist()
    return counts


def _read(images_name: str, labels_name: str, classes: int) -> Examples:
    images = read_idx(RAW / images_name, dimensions=3)
    labels = read_idx(RAW / labels_name, dimensions=1)
    if len(images) != len(labels):
        raise UserError(
            f"{RAW / labels_name}: found {len(labels)} labels; "
            f"allowed: {len(images)}, one for each of {images_name}"
        )
    if labels.size and labels.max() >= classes:
        raise UserError(
            f"{RAW / labels_name}: found label {labels.max()}; allowed: 0 to {classes - 1}"
        )
    return Examples(images, labels)


if __name__ == "__main__":
    stages.run(main)
