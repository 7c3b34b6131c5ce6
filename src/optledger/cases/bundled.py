"""The examples of the cases: scikit-learn's bundled data, divided and standardized."""

from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import train_test_split

from optledger.cases.problem import with_bias
from optledger.cases.rules import Array


@dataclass(frozen=True)
class Data:
    """Train and test examples, standardized: mean 0 and standard deviation 1 on the former.

    Attributes:
        train_features: shape (train, d + 1), the last column ones.
        train_targets: shape (train,); in standard deviations, or classes 0 and 1.
        test_features: shape (test, d + 1), with the train examples' means and deviations.
        test_targets: shape (test,), in their own unit, or classes.
        target_deviation: what a train target is multiplied with to have it in its own unit.
    """

    train_features: Array
    train_targets: Array
    test_features: Array
    test_targets: Array
    target_deviation: float = 1.0


def diabetes(test_fraction: float, seed: int) -> Data:
    """442 patients: age, sex, body mass index, blood pressure and six blood serum measurements.

    The target is a measure of the disease's progress within a year, from 25 to 346. Source: Efron
    et al. 2004, Least angle regression, Annals of Statistics 32.
    """
    features, targets = load_diabetes(return_X_y=True, scaled=False)
    train, test = train_test_split(
        np.arange(len(targets)), test_size=test_fraction, random_state=seed
    )
    train_features, test_features = _standardize(features[train], features[test])
    # Not centred: a bias whose optimum is where it starts has only rounding errors as gradients,
    # which Adam and RMSprop blow up to steps that differ between processors.
    deviation = float(targets[train].std())
    train_targets = targets[train] / deviation
    return Data(train_features, train_targets, test_features, targets[test], deviation)


def breast_cancer(test_fraction: float, seed: int) -> Data:
    """569 tumours, described by 30 measures of cell nuclei; class 1 is malignant, 0 benign.

    Scikit-learn has the classes the other way round; here precision and recall are of what is
    looked for. Source: Street, Wolberg and Mangasarian 1993, UCI Machine Learning Repository.
    """
    features, benign = load_breast_cancer(return_X_y=True)
    malignant = (1 - benign).astype(np.float64)
    train, test = train_test_split(
        np.arange(len(malignant)), test_size=test_fraction, random_state=seed, stratify=malignant
    )
    train_features, test_features = _standardize(features[train], features[test])
    return Data(train_features, malignant[train], test_features, malignant[test])


def _standardize(train: Array, test: Array) -> tuple[Array, Array]:
    """Standardize both with the train examples' means and deviations, and append the ones."""
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    return with_bias((train - mean) / deviation), with_bias((test - mean) / deviation)
