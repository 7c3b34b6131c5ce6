"""Items divided in two: at random, each class alike, and no group torn apart."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optledger.core.errors import UserError
from optledger.core.params import Split
from optledger.core.paths import PARAMS
from optledger.datasets.examples import Examples


def validation_examples(examples: int, validation_fraction: float) -> int:
    """Return how many of `examples` the validation split takes, where there are no groups."""
    return math.ceil(examples * validation_fraction)


def split_train_validation(
    examples: Examples,
    split: Split,
    strata: NDArray[Any],
    groups: NDArray[Any] | None = None,
) -> tuple[Examples, Examples]:
    """Divide `examples`, each stratum alike, at random but always alike for one seed.

    Args:
        examples: of the train part.
        split: how large the validation split is, and its seed.
        strata: of each example what both splits have the same share of: its class, if it has one.
        groups: of each example what no split may divide; None where each stands alone.

    Returns:
        The train and the validation split, each in the order of the original; the latter has no
        examples where `split.validation_fraction` is 0.

    Raises:
        UserError: a class has too few examples for a stratified split of that size.
    """
    if split.validation_fraction == 0:
        return examples, examples.take(np.arange(0))
    key = f"{PARAMS}: split.validation_fraction"
    chosen = part(strata, groups, split.validation_fraction, split.seed, key)
    is_validation = np.zeros(len(strata), np.bool_)
    is_validation[chosen] = True
    return examples.take(~is_validation), examples.take(is_validation)


def part(
    strata: NDArray[Any], groups: NDArray[Any] | None, fraction: float, seed: int, key: str
) -> NDArray[np.intp]:
    """Return the indices, ascending, of a fraction of some items.

    Args:
        strata: the class of each, or what else the part has the same share of.
        groups: of each item what it stays together with; None where it stands alone. With groups,
            the part is about as large as asked for.
        fraction: how much of them, rounded up.
        seed: of the choice.
        key: which setting the fraction is, for messages.

    Raises:
        UserError: a class, or a group, has too few items for it.
    """
    # Which takes a second to import, and counting examples needs none of it.
    from sklearn.model_selection import StratifiedGroupKFold, train_test_split

    order = np.arange(len(strata))
    try:
        if groups is None:
            count = math.ceil(len(order) * fraction)
            _, chosen = train_test_split(order, test_size=count, random_state=seed, stratify=strata)
        else:
            folds = StratifiedGroupKFold(
                max(2, round(1 / fraction)), shuffle=True, random_state=seed
            )
            _, chosen = next(folds.split(order, strata, groups))
    except ValueError as error:
        raise UserError(
            f"{key}: found {fraction}; "
            f"allowed: a fraction that leaves each class in both splits ({error})"
        ) from None
    return np.sort(chosen)
