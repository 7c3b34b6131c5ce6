"""All items of a dataset as its format reads them, the train and the test part together."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
from numpy.typing import NDArray

from optledger.core.errors import UserError
from optledger.core.places import error_at_places
from optledger.datasets.examples import Examples
from optledger.datasets.kinds import Kind
from optledger.datasets.registry import Entry, Idx, Test
from optledger.datasets.split import part

# How many times the size of the items must be free in memory. Each item is there twice while they
# are divided.
_COPIES = 3


class Items(NamedTuple):
    """The items that a format reads.

    Attributes:
        inputs: the inputs, as in `Examples`.
        targets: the targets, as in `Examples`.
        is_test: which items belong to the test split; None where a fraction is to be drawn.
        groups: the group of each item, which no split may divide; None where there are no groups.
        place: a function that returns where an item is in the files, for messages.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    is_test: NDArray[np.bool_] | None
    groups: NDArray[Any] | None
    place: Callable[[int], str]

    @property
    def examples(self) -> Examples:
        """The inputs and targets of the items."""
        return Examples(self.inputs, self.targets)


class Parts(NamedTuple):
    """The train and the test part of a dataset; `groups` belong to the train part."""

    train: Examples
    test: Examples
    groups: NDArray[Any] | None


def test_mask(items: Items, kind: Kind, test: Test | None) -> NDArray[np.bool_]:
    """Return which items are the test split.

    A fraction is drawn at random, with the same share of each class if there are classes.

    Raises:
        UserError: there are too few items of a class, or too few groups, for the fraction; or the
            data have a test split that divides a group.
    """
    if items.is_test is not None:
        if items.groups is not None:
            _check_whole(items.groups, items.is_test)
        return items.is_test
    assert test is not None
    assert test.fraction is not None
    chosen = part(
        kind.strata(items.targets), items.groups, test.fraction, test.seed, "the test fraction"
    )
    mask = np.zeros(len(items.targets), np.bool_)
    mask[chosen] = True
    return mask


def _check_whole(groups: NDArray[Any], is_test: NDArray[np.bool_]) -> None:
    divided = sorted({*groups[is_test]} & {*groups[~is_test]})
    if divided:
        remedy = "keep each in one of them, or leave out --by"
        raise error_at_places("--by", "groups in train and in test split", divided, remedy)


def divide(name: str, dataset: Entry, items: Items) -> Parts:
    """Divide the items of a dataset into train and test, and check them against its entry.

    Raises:
        UserError: a part has another number of items than the entry says, or test items are also
            train items although the entry does not allow it.
    """
    mask = test_mask(items, dataset.kind, None if isinstance(dataset, Idx) else dataset.test)
    found = {"train": int(np.sum(~mask)), "test": int(np.sum(mask))}
    pinned = dataset.items.model_dump()
    for split, count in found.items():
        if count != pinned[split]:
            raise UserError(
                f"{name}: found {count:,} {split} items; allowed: {pinned[split]:,}, as its entry "
                f"says"
            )
    if not dataset.duplicates and (twice := list(duplicates(items, mask))):
        remedy = "remove them, or set duplicates: true in its entry (--duplicates)"
        raise error_at_places(name, "test items that the train items hold, too", twice, remedy)
    groups = None if items.groups is None else items.groups[~mask]
    return Parts(items.examples.take(~mask), items.examples.take(mask), groups)


def duplicates(items: Items, mask: NDArray[np.bool_]) -> Iterator[str]:
    """Yield the places of test items whose inputs equal those of a train item."""
    train = {items.inputs[index].tobytes() for index in np.flatnonzero(~mask)}
    for index in np.flatnonzero(mask):
        if items.inputs[index].tobytes() in train:
            yield items.place(int(index))


def check_memory(where: Path | str, count: int, bytes_each: int) -> None:
    """Check that so many items fit into memory while they are divided.

    Raises:
        UserError: they do not fit.
    """
    needed, free = _COPIES * count * bytes_each, psutil.virtual_memory().available
    if needed > free:
        raise UserError(
            f"{where}: {count:,} items take about {needed / 2**30:.1f} GiB, and only "
            f"{free / 2**30:.1f} GiB are free; use fewer items, or a machine with more memory"
        )
