import numpy as np
import pytest

from optledger.core.params import Training
from optledger.datasets.sampling import training_examples

LABELS = np.repeat(np.arange(3), [600, 300, 100]).astype(np.uint8)


def training(**update: object) -> Training:
    """Return training defaults with these keys."""
    return Training(epochs=1, batch_size=10, loss="CategoricalCrossentropy", **update)


def counts(seed: int = 0, **update: object) -> list[int]:
    """Return how many examples of each class are trained on, repetitions included."""
    chosen = training_examples(LABELS, training(**update), seed)
    return np.bincount(LABELS[chosen], minlength=3).tolist()


@pytest.mark.parametrize("examples", [1, 7, 10, 100, 333, 999, 1000])
def test_a_class_has_its_share(examples: int) -> None:
    """To within one example, and the indices are distinct and ascending."""
    chosen = training_examples(LABELS, training(training_fraction=examples / 1000), seed=0)
    assert len(chosen) == examples
    assert (np.diff(chosen) > 0).all()
    found = np.bincount(LABELS[chosen], minlength=3)
    assert (np.abs(found - np.array([0.6, 0.3, 0.1]) * examples) <= 1).all()


def test_a_smaller_part_is_in_a_larger_one() -> None:
    """So that a learning curve adds examples, and does not exchange them."""
    small, large = (
        set(training_examples(LABELS, training(training_fraction=fraction), seed=3))
        for fraction in (0.1, 0.2)
    )
    assert small < large


def test_the_seed_chooses() -> None:
    """One seed, one part; another seed, another, of as many of each class; or all of them."""
    part = training(training_fraction=0.123, class_fractions={1: 0.5})
    first, again, other = (training_examples(LABELS, part, seed).tolist() for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert np.bincount(LABELS[first]).tolist() == np.bincount(LABELS[other]).tolist()
    assert training_examples(LABELS, training(), seed=0).tolist() == list(range(1000))


def test_a_fraction_of_a_class_is_kept() -> None:
    """Rounded, at least one example, and nothing of the others is lost."""
    assert counts(class_fractions={0: 0.05, 2: 0.001}) == [30, 300, 1]
    assert counts(class_fractions={1: 0.5}, training_fraction=0.1) == [60, 15, 10]
    # A class that the labels do not have.
    assert counts(class_fractions={7: 0.5}) == [600, 300, 100]


def test_oversampling_repeats_until_classes_are_equal() -> None:
    """Each example of a class as often as any other, but for one time."""
    assert counts(resample="oversample", class_fractions={2: 0.7}) == [600, 600, 600]
    chosen = training_examples(LABELS, training(resample="oversample"), seed=0)
    times = np.bincount(chosen, minlength=1000)
    assert set(times[:600]) == {1}
    assert set(times[600:900]) == {2}
    assert set(times[900:]) == {6}
    part = training(resample="oversample", class_fractions={2: 0.7})
    times = np.bincount(training_examples(LABELS, part, seed=0), minlength=1000)[900:]
    assert sorted(set(times)) == [0, 8, 9]


def test_undersampling_drops_until_classes_are_equal() -> None:
    """No example twice."""
    assert counts(resample="undersample") == [100, 100, 100]
    chosen = training_examples(LABELS, training(resample="undersample"), seed=0)
    assert len(set(chosen)) == 300
