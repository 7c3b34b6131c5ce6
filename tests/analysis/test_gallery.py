import numpy as np

from optledger.analysis.gallery import hardest, votes

LABELS = np.array([0, 1, 2, 0], np.uint8)
PREDICTED = np.array([[0, 2, 1, 1], [0, 2, 0, 1], [0, 1, 0, 255], [1, 1, 0, 1]], np.uint8)


def test_images_that_more_than_half_of_the_models_get_wrong() -> None:
    """Those most often wrong first, ties by place; half is not more than half."""
    assert hardest(LABELS, PREDICTED).tolist() == [2, 3]


def test_votes_are_counted_by_class() -> None:
    """A model that predicts nothing votes for no class."""
    assert votes(PREDICTED, 3).tolist() == [[3, 1, 0], [0, 2, 2], [3, 1, 0], [0, 3, 0]]
