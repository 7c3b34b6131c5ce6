import numpy as np
import pytest

from optledger.datasets.subset import stratified_subset

LABELS = np.repeat(np.arange(3), [600, 300, 100]).astype(np.uint8)


@pytest.mark.parametrize("examples", [1, 7, 10, 100, 333, 999, 1000])
def test_a_class_has_its_share(examples: int) -> None:
    """To within one example, and the indices are distinct and ascending."""
    chosen = stratified_subset(LABELS, examples, seed=0)
    assert len(chosen) == examples
    assert (np.diff(chosen) > 0).all()
    found = np.bincount(LABELS[chosen], minlength=3)
    assert (np.abs(found - np.array([0.6, 0.3, 0.1]) * examples) <= 1).all()


def test_a_smaller_part_is_in_a_larger_one() -> None:
    """So that a learning curve adds examples, and does not exchange them."""
    small, large = (set(stratified_subset(LABELS, examples, seed=3)) for examples in (100, 200))
    assert small < large


def test_the_seed_chooses() -> None:
    """One seed, one part; another seed, another; all of them is all of them."""
    first, again, other = (stratified_subset(LABELS, 100, seed).tolist() for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert stratified_subset(LABELS, 1000, seed=0).tolist() == list(range(1000))
