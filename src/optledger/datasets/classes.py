"""Classes that no example of a split has, in words."""

from collections.abc import Mapping, Sequence

_SO = {
    "train": "no variant can learn to predict it",
    "validation": "nothing is chosen by it",
    "test": (
        "precision, recall and f1 are averages over the classes that a test example has or a model "
        "predicts"
    ),
}


def notes(examples_per_class: Mapping[str, Sequence[int]], names: Sequence[str]) -> list[str]:
    """Return a sentence for each split that lacks examples of some class.

    Args:
        examples_per_class: by the name of the split; one without any has no say.
        names: of the classes.
    """
    lacking = {
        split: [name for name, count in zip(names, counts, strict=True) if count == 0]
        for split, counts in examples_per_class.items()
        if any(counts)
    }
    return [
        f"No {split} example is of class {' or '.join(labels)} (of {len(names)}): {_SO[split]}."
        for split, labels in lacking.items()
        if labels
    ]
