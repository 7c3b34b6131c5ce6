import numpy as np
import pytest

from optledger.core.errors import UserError
from optledger.core.params import Split
from optledger.datasets.examples import Examples
from optledger.datasets.split import split_train_validation, validation_examples


def examples(per_class: list[int]) -> Examples:
    """Return images whose single pixel is their index."""
    labels = np.repeat(np.arange(len(per_class)), per_class).astype(np.uint8)
    return Examples(np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1), labels)


def divided(original: Examples, split: Split) -> tuple[Examples, Examples]:
    """Divide examples by their class."""
    return split_train_validation(original, split, original.targets)


def test_each_class_is_divided_in_proportion() -> None:
    """A stratified split keeps the classes' shares."""
    train, validation = divided(examples([60, 30, 10]), Split(validation_fraction=0.1, seed=0))
    assert np.bincount(validation.targets).tolist() == [6, 3, 1]
    assert np.bincount(train.targets).tolist() == [54, 27, 9]


def test_nothing_is_lost_or_doubled_and_labels_stay_with_their_images() -> None:
    """Both splits together are the original, in its order within each."""
    original = examples([60, 30, 10])
    train, validation = divided(original, Split(validation_fraction=0.3, seed=1))
    both = np.concatenate([train.inputs, validation.inputs]).ravel()
    assert sorted(both) == list(range(100))
    assert (np.diff(train.inputs.ravel().astype(int)) > 0).all()
    for split in (train, validation):
        np.testing.assert_array_equal(split.targets, original.targets[split.inputs.ravel()])


def test_the_seed_decides() -> None:
    """One seed, one split; another seed, another."""
    first, again, other = (
        divided(examples([60, 40]), Split(validation_fraction=0.2, seed=seed))[1]
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first.inputs, again.inputs)
    assert (first.inputs != other.inputs).any()


def test_no_fraction_no_validation_split() -> None:
    """With a fraction of 0 every example is for training."""
    train, validation = divided(examples([3, 3]), Split(validation_fraction=0.0, seed=0))
    assert (len(train.targets), len(validation.targets)) == (6, 0)
    assert validation.inputs.shape == (0, 1, 1)


def test_a_class_too_small_for_both_splits_is_the_user_s_mistake() -> None:
    """The message names the key and what is allowed."""
    with pytest.raises(UserError, match=r"^params.yaml: split.validation_fraction: 0.1 does not"):
        divided(examples([19, 1]), Split(validation_fraction=0.1, seed=0))


@pytest.mark.parametrize("fraction", [0.1, 1 / 3, 0.25])
def test_validation_examples_is_what_a_split_takes(fraction: float) -> None:
    """`optledger check` can tell the size of the train split before there is one."""
    _, validation = divided(examples([50, 51]), Split(validation_fraction=fraction, seed=0))
    assert len(validation.targets) == validation_examples(101, fraction)
