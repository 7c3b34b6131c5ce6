"""The choice of train examples for a variant: parts of the split, and repetitions."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Members = dict[int, NDArray[np.intp]]
"""By label, the indices of its examples, shuffled: any first part of them is a random choice."""


class Selection(Protocol):
    """How a variant chooses its train examples; see `optledger.core.params`."""

    @property
    def class_fractions(self) -> Mapping[int, float]:
        """By label, the share of a class that is kept; a class without an entry is kept whole."""
        ...

    @property
    def training_fraction(self) -> float:
        """The share of the kept examples that is trained on."""
        ...

    @property
    def resample(self) -> Literal["oversample", "undersample"] | None:
        """Whether all classes are brought to the size of the largest or of the smallest."""
        ...


def training_examples(
    labels: NDArray[np.integer[Any]], chosen: Selection, seed: int
) -> NDArray[np.intp]:
    """Choose examples at random; the same seed gives the same choice.

    The size of each class depends on the labels, not on the seed. With the same seed, the choice of
    a smaller `training_fraction` is part of the choice of a larger one.

    Args:
        labels: the labels of the train split, shape (all examples,).
        chosen: the rules: `class_fractions` apply first, then `training_fraction`, then `resample`.
        seed: the seed of the choice.

    Returns:
        The indices of the examples in ascending order, some repeated where oversampled.
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
    """Keep the same share of each class, to within one example if classes are similar in size."""
    total = sum(map(len, members.values()))
    # Each class is spread evenly over [0, 1), so that any part from 0 on has its share of each.
    places = [(np.arange(len(indices)) + 0.5) / len(indices) for indices in members.values()]
    owners = np.repeat(list(members), [len(indices) for indices in members.values()])
    kept = owners[np.argsort(np.concatenate(places), kind="stable")[: round(fraction * total)]]
    return {label: indices[: np.sum(kept == label)] for label, indices in members.items()}


def _resampled(members: Members, resample: str | None) -> Members:
    """Bring all classes that have examples to the size of the largest or of the smallest."""
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
