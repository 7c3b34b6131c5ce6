import pytest

from optledger.datasets.kinds.classes import notes


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ({"train": [0, 3, 2]}, "No train example is of class 0 (of 3): no variant can learn"),
        (
            {"train": [1, 3], "validation": [0, 3]},
            "No validation example is of class 0 (of 2): not",
        ),
        ({"test": [0, 3, 0]}, "No test example is of class 0 or 2 (of 3): precision, recall and"),
    ],
)
def test_a_split_that_lacks_a_class_is_told_of(counts: dict[str, list[int]], sentence: str) -> None:
    """By the class, and by what follows from it."""
    (note,) = notes(counts, [str(each) for each in range(len(next(iter(counts.values()))))])
    assert note.startswith(sentence)


def test_nothing_is_said_of_a_split_without_examples_or_with_all_classes() -> None:
    """There may be no validation split."""
    assert notes({"train": [1, 2], "validation": [0, 0], "test": [3, 1]}, ["a", "b"]) == []
