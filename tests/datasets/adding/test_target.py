import numpy as np
import pytest
from numpy.typing import NDArray

from optledger.core.errors import UserError
from optledger.datasets.adding.target import target_of


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.array(["a", "b"] * 3), "classes"),
        (np.array([True, False] * 3), "classes"),
        (np.repeat([0, 1, 2], 3), "classes"),
        (np.repeat([3, 7], 3).astype(float), "classes"),
        (np.array([0.5, 1.5, 2.0]), "number"),
        (np.array([[0, 1, 1], [1, 1, 0]]), "labels"),
    ],
    ids=["texts", "booleans", "whole numbers", "whole floats", "fractions", "columns"],
)
def test_the_kind_that_values_are_of(values: NDArray[np.generic], kind: str) -> None:
    """Where they can be of one alone."""
    assert target_of("x", values, None).kind == kind


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (
            np.arange(100) * 3,
            "x: 100 different whole numbers may be classes or not; add --kind classes or",
        ),
        (
            np.eye(3),
            "x: one 1 in each row, which may be a class or a label; add --kind",
        ),
    ],
    ids=["whole numbers", "one-hot"],
)
def test_what_could_be_of_several_kinds_is_refused(values: NDArray[np.generic], line: str) -> None:
    """With the option that says which."""
    with pytest.raises(UserError, match=line):
        target_of("x", values, None)
    assert target_of("x", np.arange(100) * 3, "number").kind == "number"
    assert target_of("x", np.arange(100) * 3, "classes").kind == "classes"
    assert target_of("x", np.eye(3), "labels").kind == "labels"
    with pytest.raises(UserError, match="--kind: found 'sort'; allowed: classes, labels, number"):
        target_of("x", values, "sort")
