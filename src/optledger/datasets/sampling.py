"""The examples of the train split that a variant trains on: parts of it, and repetitions."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from optledger.core.documents import mistake
from optledger.core.params import Params, Training, place
from optledger.core.paths import PARAMS

Members = dict[int, NDArray[np.intp]]
"""By label, indices of examples; from an index on, they are as good as any others."""


def training_examples(labels: NDArray[np.uint8], training: Training, seed: int) -> NDArray[np.intp]:
    """Choose examples at random, always alike for one seed.

    How many there are of a class depends on the labels, not on the seed. A smaller
    `training_fraction` of the same seed is part of a larger one.

    Args:
        labels: of the train split, shape (all examples,).
        training: `class_fractions`, then `training_fraction`, then `resample` are applied.
        seed: of the choice.

    Returns:
        Their indices in ascending order, some of them repeated where oversampled.
    """
    shuffled = np.random.default_rng([seed, 0]).permutation(len(labels))
    members = {int(label): shuffled[labels[shuffled] == label] for label in np.unique(labels)}
    kept = {
        label: _first(indices, training.class_fractions.get(label, 1.0))
        for label, indices in members.items()
    }
    part = _stratified_part(kept, training.training_fraction)
    return np.sort(np.concatenate(list(_resampled(part, training.resample).values())))


def example_mistakes(
    params: Params, variant: str, examples_per_class: Sequence[int]
) -> Iterator[str]:
    """Yield a line for each value that leaves a variant without what it needs to train on.

    That is an example of every class that the train split has, and as many as are in a batch.

    Args:
        params: all of them.
        variant: the name of one.
        examples_per_class: of the train split.
    """
    settings = params.variants[variant]
    classes = len(examples_per_class)

    def wrong(key: str, found: object, allowed: str) -> str:
        return mistake(PARAMS, place(params, variant, key), found, allowed)

    if any(label >= classes for label in settings.class_fractions):
        allowed = f"fractions of the classes 0 to {classes - 1}"
        yield wrong("class_fractions", dict(settings.class_fractions), allowed)
    if isinstance(settings.class_weights, tuple) and len(settings.class_weights) != classes:
        allowed = f"balanced, or {classes} weights, one for each class"
        yield wrong("class_weights", list(settings.class_weights), allowed)
    labels = np.repeat(np.arange(classes, dtype=np.uint8), examples_per_class)
    chosen = training_examples(labels, settings, seed=0)
    lost = set(labels.tolist()) - set(labels[chosen].tolist())
    if lost:
        without = ", ".join(map(str, sorted(lost)))
        allowed = f"a fraction that leaves every class an example, and not none of {without}"
        yield wrong("training_fraction", settings.training_fraction, allowed)
    elif settings.batch_size != "full" and settings.batch_size > len(chosen):
        allowed = f"1 to {len(chosen)}, the examples that {variant} trains on, or full"
        yield wrong("batch_size", settings.batch_size, allowed)


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
