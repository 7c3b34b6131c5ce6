"""Classes that no image of a split has, in words."""

from collections.abc import Mapping, Sequence

_SO = {
    "train": "no variant can learn to predict it",
    "validation": "nothing is chosen by it",
    "test": (
        "precision, recall and f1 are averages over the classes that a test image has or a model "
        "predicts"
    ),
}


def notes(examples_per_class: Mapping[str, Sequence[int]]) -> list[str]:
    """Return a sentence for each split that lacks images of some class.

    Args:
        examples_per_class: by the name of the split; one without any image has no say.
    """
    lacking = {
        split: [str(label) for label, count in enumerate(counts) if count == 0]
        for split, counts in examples_per_class.items()
        if any(counts)
    }
    return [
        f"No {split} image is of class {' or '.join(labels)} (of {len(examples_per_class[split])}):"
        f" {_SO[split]}."
        for split, labels in lacking.items()
        if labels
    ]
