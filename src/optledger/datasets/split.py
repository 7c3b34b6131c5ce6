"""The raw training images divided into a train and a validation split."""

import math

import numpy as np

from optledger.core.errors import UserError
from optledger.core.params import Split
from optledger.core.paths import PARAMS
from optledger.datasets.examples import Examples


def validation_examples(examples: int, validation_fraction: float) -> int:
    """Return how many of `examples` the validation split takes."""
    return math.ceil(examples * validation_fraction)


def split_train_validation(examples: Examples, split: Split) -> tuple[Examples, Examples]:
    """Divide `examples` by class, at random but always alike for one seed.

    Returns:
        The train and the validation split, each in the order of the original; the latter has no
        examples where `split.validation_fraction` is 0.

    Raises:
        UserError: a class has too few examples for a stratified split of that size.
    """
    # Which takes a second to import, and counting examples needs none of it.
    from sklearn.model_selection import train_test_split

    order = np.arange(len(examples.labels))
    count = validation_examples(len(order), split.validation_fraction)
    if count == 0:
        return examples, examples.take(order[:0])
    try:
        train, validation = train_test_split(
            order, test_size=count, random_state=split.seed, stratify=examples.labels
        )
    except ValueError as error:
        raise UserError(
            f"{PARAMS}: split.validation_fraction: found {split.validation_fraction}; "
            f"allowed: a fraction that leaves each class in both splits ({error})"
        ) from None
    return examples.take(np.sort(train)), examples.take(np.sort(validation))
