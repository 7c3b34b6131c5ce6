"""The examples of the train split that a variant trains on: parts of it, and repetitions."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Members = dict[int, NDArray[np.intp]]
"""By label, indices of examples; from an index on, they are as good as any others."""


class Selection(Protocol):
    """What a variant trains on; `optledger.core.params` explains it."""

    @property
    def class_fractions(self) -> Mapping[int, float]:
        """By label, how much of a class is kept; all of it where nothing is said."""
        ...

    @property
    def training_fraction(self) -> float:
        """How much of what is kept is trained on."""
        ...

    @property
    def resample(self) -> Literal["oversample", "undersample"] | None:
        """Whether all classes are brought to one size."""
        ...


def training_examples(
    labels: NDArray[np.integer[Any]], chosen: Selection, seed: int
) -> NDArray[np.intp]:
    """Choose examples at random, always alike for one seed.

    How many there are of a class depends on the labels, not on the seed. A smaller
    `training_fraction` of the same seed is part of a larger one.

    Args:
        labels: of the train split, shape (all examples,).
        chosen: `class_fractions`, then `training_fraction`, then `resample` are applied.
        seed: of the choice.

    Returns:
        Their indices in ascending order, some of them repeated where oversampled.
    """
    shuffled = np.random.default_rng([seed, 0]).permutation(len(labels))
    members = {int(label): shuffled[labels[shuffled] == label] for label in np.unique(labels)}
    kept = {
        label: _first(indices, chosen.class_fractions.get(label, 1.0))
        for label, indices in members.items()
    }
    part = _stratified_part(kept, chosen.training_fraction)
    return np.sort(np.concatenate(list(_resampled(part, chosen.resample).values())))


def _first(indices: NDArray[np.intp], fraction: float) -> NDArray[np.intp]:
    return indices[: max(1, round(fraction * len(indices)))]


def _stratified_part(members: Members, fraction: float) -> Members:
    """Keep of each class its share, to within one example where classes are of like size."""
    total = sum(map(len, members.values()))
    # Each class is spread evenly over [0, 1), so that a part from 0 has the share of each.
    places = [(np.arange(len(indices)) + 0.5) / len(indices) for indices in members.values()]
    owners = np.repeat(list(members), [len(indices) for indices in members.values()])
    kept = owners[np.argsort(np.concatenate(places), kind="stable")[: round(fraction * total)]]
    return {label: indices[: np.sum(kept == label)] for label, indices in members.items()}


def _resampled(members: Members, resample: str | None) -> Members:
    """Give every class that has examples as many as the largest, or as the smallest of them."""
    sizes = [len(indices) for indices in members.values() if len(indices)]
    match resample:
        case "oversample":
            size = max(sizes)
        case "undersample":
            size = min(sizes)
        case _:
            return members
    # numpy.resize repeats from the start.
    return {label: np.resize(indices, size) for label, indices in members.items() if len(indices)}
