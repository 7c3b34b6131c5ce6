import numpy as np
import pytest
from sklearn.datasets import load_diabetes

from optledger.cases.bundled import breast_cancer, diabetes


@pytest.mark.parametrize(
    ("load", "train", "test", "features"),
    [(diabetes, 353, 89, 10), (breast_cancer, 455, 114, 30)],
)
def test_the_train_examples_are_standardized(
    load: object, train: int, test: int, features: int
) -> None:
    """Mean 0 and standard deviation 1 of each feature of theirs, and ones for the bias."""
    assert callable(load)
    data = load(0.2, seed=0)
    assert data.train_features.shape == (train, features + 1)
    assert data.test_features.shape == (test, features + 1)
    np.testing.assert_allclose(data.train_features[:, :-1].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(data.train_features[:, :-1].std(axis=0), 1)
    assert (data.train_features[:, -1] == 1).all()
    assert (data.test_features[:, -1] == 1).all()
    # With the train examples' statistics, and so not exactly.
    assert np.abs(data.test_features[:, :-1].mean(axis=0)).max() > 0.01


def test_every_patient_is_in_one_part() -> None:
    """The targets of both, in their own unit, are those that scikit-learn has."""
    data = diabetes(0.2, seed=0)
    train = data.train_targets * data.target_deviation
    _, targets = load_diabetes(return_X_y=True, scaled=False)
    np.testing.assert_allclose(
        np.sort(np.concatenate([train, data.test_targets])), np.sort(targets)
    )
    assert data.train_targets.std() == pytest.approx(1)


def test_tumours_are_divided_by_class() -> None:
    """212 of 569 are malignant, which is class 1, and as many of both parts."""
    data = breast_cancer(0.2, seed=0)
    assert data.train_targets.sum() + data.test_targets.sum() == 212
    assert data.train_targets.mean() == pytest.approx(212 / 569, abs=0.005)
    assert data.test_targets.mean() == pytest.approx(212 / 569, abs=0.005)


def test_the_division_is_the_seed_s() -> None:
    """The same for the same seed, another for another."""
    one, again, other = (diabetes(0.2, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.train_features, again.train_features)
    assert not np.array_equal(one.train_targets, other.train_targets)
