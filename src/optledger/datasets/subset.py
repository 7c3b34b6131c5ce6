"""Parts of a split, each as much of every class as the whole."""

import numpy as np
from numpy.typing import NDArray


def stratified_subset(labels: NDArray[np.uint8], examples: int, seed: int) -> NDArray[np.intp]:
    """Choose examples at random, always alike for one seed.

    A class has its share of them, to within one example where classes are of like size; a smaller
    subset of the same seed is part of a larger one.

    Args:
        labels: shape (all examples,).
        examples: how many to choose.
        seed: of the choice.

    Returns:
        Their indices in ascending order, shape (examples,).
    """
    shuffled = np.random.default_rng([seed, 0]).permutation(len(labels))
    # Each class is spread evenly over [0, 1), so that a part from 0 has the share of each.
    place = np.empty(len(labels))
    for label in np.unique(labels):
        members = np.flatnonzero(labels[shuffled] == label)
        place[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.sort(shuffled[np.argsort(place, kind="stable")[:examples]])
