"""Random division of items in two, with the same share of each class and whole groups."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optledger.core.errors import UserError
from optledger.core.params import Split
from optledger.core.paths import PARAMS
from optledger.datasets.examples import Examples


def validation_examples(examples: int, validation_fraction: float) -> int:
    """Return the size of the validation split of so many `examples`, without groups."""
    return math.ceil(examples * validation_fraction)


def split_train_validation(
    examples: Examples,
    split: Split,
    strata: NDArray[Any],
    groups: NDArray[Any] | None = None,
) -> tuple[Examples, Examples]:
    """Divide `examples` at random, with the same share of each stratum.

    The same seed gives the same split.

    Args:
        examples: the examples of the train part.
        split: the size of the validation split, and its seed.
        strata: the stratum of each example: its class, if it has one.
        groups: the group of each example, which no split may divide; None without groups.

    Returns:
        The train and the validation split, each in the original order. The validation split is
        empty if `split.validation_fraction` is 0.

    Raises:
        UserError: there are too few examples of a class, or too few groups, for such a split.
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
    """Draw a fraction of some items at random, and return their indices in ascending order.

    Args:
        strata: the stratum of each item; the part has about the same share of each.
        groups: the group of each item, which stays together; None without groups. With groups, size
            and shares are only approximate, and the part may lack a class.
        fraction: the share of the items, rounded up to a whole number of them.
        seed: the seed of the draw.
        key: the setting that holds the fraction, for messages.

    Raises:
        UserError: there are too few items of a class, or too few groups, for such a part.
    """
    # Imported here, because it takes a second and counting examples does not need it.
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
            f"{key}: {fraction} does not leave each class in both splits ({error}); choose another"
        ) from None
    return np.sort(chosen)
