"""The examples of the cases: scikit-learn's bundled data, divided and standardized."""

from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import train_test_split

from optledger.cases.problem import with_bias
from optledger.cases.rules import Array


@dataclass(frozen=True)
class Data:
    """Train and test examples with standardized features.

    Each feature has mean 0 and standard deviation 1 over the train examples.

    Attributes:
        train_features: shape (train, d + 1); the last column is ones.
        train_targets: shape (train,); divided by their standard deviation, or classes 0 and 1.
        test_features: shape (test, d + 1); standardized with the train examples' means and
            deviations. The last column is ones.
        test_targets: shape (test,); in their own unit, or classes 0 and 1.
        target_deviation: the factor that converts a train target into its own unit.
    """

    train_features: Array
    train_targets: Array
    test_features: Array
    test_targets: Array
    target_deviation: float = 1.0


def diabetes(test_fraction: float, seed: int) -> Data:
    """Return the data of 442 diabetes patients.

    The features are age, sex, body mass index, blood pressure and six blood serum measurements. The
    target measures the progress of the disease within a year, from 25 to 346. Source: Efron et al.
    2004, Least angle regression, Annals of Statistics 32.
    """
    features, targets = load_diabetes(return_X_y=True, scaled=False)
    train, test = train_test_split(
        np.arange(len(targets)), test_size=test_fraction, random_state=seed
    )
    train_features, test_features = _standardize(features[train], features[test])
    # The targets are not centred. Otherwise the bias would start at its optimum, and its gradients
    # would be mere rounding errors. Adam and RMSprop would blow these up to full steps, which
    # differ between processors.
    deviation = float(targets[train].std())
    train_targets = targets[train] / deviation
    return Data(train_features, train_targets, test_features, targets[test], deviation)


def breast_cancer(test_fraction: float, seed: int) -> Data:
    """Return the data of 569 tumours, described by 30 measures of their cell nuclei.

    Class 1 is malignant, and class 0 is benign. Scikit-learn has them the other way round, but this
    way precision and recall are those of malignant tumours. Source: Street, Wolberg and Mangasarian
    1993, UCI Machine Learning Repository.
    """
    features, benign = load_breast_cancer(return_X_y=True)
    malignant = (1 - benign).astype(np.float64)
    train, test = train_test_split(
        np.arange(len(malignant)), test_size=test_fraction, random_state=seed, stratify=malignant
    )
    train_features, test_features = _standardize(features[train], features[test])
    return Data(train_features, malignant[train], test_features, malignant[test])


def _standardize(train: Array, test: Array) -> tuple[Array, Array]:
    """Standardize both by the train examples' means and deviations, and append a column of ones."""
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    return with_bias((train - mean) / deviation), with_bias((test - mean) / deviation)
