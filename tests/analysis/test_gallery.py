import numpy as np

from optledger.analysis.gallery import hardest

WRONG = np.array([[0, 1, 1, 1], [0, 1, 1, 1], [0, 0, 1, 1], [1, 0, 1, 1]], bool)


def test_items_that_more_than_half_of_the_models_get_wrong() -> None:
    """Those most often wrong first, ties by place; half is not more than half."""
    assert hardest(WRONG).tolist() == [2, 3]
