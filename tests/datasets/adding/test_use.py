import pytest

from optledger.core.errors import UserError
from optledger.datasets.adding.use import use
from optledger.datasets.kinds import classes, labels, number

PARAMS = """\
# dataset: none
dataset: mnist # an entry
training:
  epochs: 10
  loss: CategoricalCrossentropy # of Keras
convergence: {monitor: validation_accuracy, patience: 3}
comparison:
  metric: accuracy # decides
  targets: [0.97]
# The end.
"""

DIGITS = classes.Target(classes=10)


def test_only_the_dataset_changes_where_the_kind_is_the_same() -> None:
    """Comments stay."""
    text, lines = use(PARAMS, "own", DIGITS)
    assert text == PARAMS.replace("dataset: mnist", "dataset: own")
    assert lines == ["params.yaml: dataset: own"]
    again, lines = use(text, "own", DIGITS)
    assert (again, lines) == (text, ["params.yaml: dataset: own, as before"])


def test_what_another_kind_needs_changes_with_it() -> None:
    """And is told, a line each."""
    text, lines = use(PARAMS, "own", number.Target(deviation=77.03))
    expected = PARAMS
    for before, after in (
        ("dataset: mnist", "dataset: own"),
        ("loss: CategoricalCrossentropy", "loss: MeanSquaredError"),
        ("metric: accuracy", "metric: rmse"),
        ("targets: [0.97]\n", "targets: []\n  margins: {rmse: 0.77, mae: 0.77}\n"),
        ("monitor: validation_accuracy", "monitor: validation_loss"),
    ):
        expected = expected.replace(before, after)
    assert text == expected
    assert len(lines) == 6
    again, lines = use(text, "other", number.Target(deviation=2.0))
    assert "margins: {rmse: 0.02, mae: 0.02}" in again
    assert len(lines) == 3
    back, _ = use(text, "mnist", DIGITS)
    assert "margins: {}" in back
    assert "loss: CategoricalCrossentropy" in back
    assert "metric: accuracy" in back
    several, _ = use(back, "own", labels.Target(labels=("a", "b")))
    watched = several.replace("monitor: validation_loss", "monitor: train_subset_accuracy")
    assert "monitor: validation_loss" in use(watched, "mnist", DIGITS)[0]
    assert "loss: BinaryCrossentropy" in several
    assert "metric: subset_accuracy # decides" in several


def test_margins_that_are_in_no_unit_stay() -> None:
    """A person may have chosen them; those in the unit of a target go with it."""
    text = PARAMS.replace("targets: [0.97]", "margins:\n    accuracy: 0.001 # ours")
    numbers, _ = use(text, "own", number.Target(deviation=77.03))
    assert "    accuracy: 0.001 # ours\n    rmse: 0.77\n    mae: 0.77\n" in numbers
    back, _ = use(numbers, "mnist", DIGITS)
    assert "margins: {accuracy: 0.001}" in back
    assert use(numbers, "own", number.Target(deviation=77.03))[0] == numbers


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("loss: CategoricalCrossentropy", "loss: &loss CategoricalCrossentropy"),
        ("dataset: mnist", "dataset: >-\n  mnist"),
    ],
    ids=["an anchor", "a block"],
)
def test_unusual_forms_are_changed_or_refused_in_a_line(before: str, after: str) -> None:
    """An anchor that others refer to cannot be changed by itself."""
    text = PARAMS.replace(before, after)
    if "&" in text:
        text += "other: *loss\n"
        with pytest.raises(UserError, match=r"training\.loss: cannot be changed"):
            use(text, "own", number.Target(deviation=1.0))
        return
    changed, _ = use(text, "own", number.Target(deviation=1.0))
    assert "\ndataset: own\n" in changed
    assert "metric: rmse" in changed


def test_a_file_without_the_sections_is_one_line() -> None:
    """There is nothing to change."""
    with pytest.raises(UserError, match=r"training\.loss: cannot be changed by"):
        use("dataset: mnist\n", "own", number.Target(deviation=1.0))
