import pytest

from digits import INTERFACE
from optledger.core.params import Component, EarlyStopping, Variant
from optledger.trials import trial
from optledger.trials.specify import specify


def variant(**update: object) -> Variant:
    """Return a variant of Adam."""
    return Variant.model_validate(
        {
            "model": {"name": "mlp", "hidden_units": [16]},
            "optimizer": "Adam",
            "learning_rate": 0.1,
            "epochs": 1,
            "batch_size": 32,
            "loss": "MeanSquaredError",
            **update,
        }
    )


@pytest.mark.parametrize(("batch_size", "steps"), [(32, 32), (1000, 1), (1, 1000), ("full", 1)])
def test_steps_of_an_epoch(batch_size: int | str, steps: int) -> None:
    """The last step may be of fewer examples; a full batch is one."""
    assert specify(variant(batch_size=batch_size), INTERFACE).steps(1000) == steps


def test_a_specification_has_all_that_a_variant_has() -> None:
    """But for the learning rate, which is each trial's, and with the number of classes."""
    fields = set(trial.Specification.__dataclass_fields__)
    assert fields - {"interface"} == set(Variant.model_fields) - {"learning_rate"}


def test_a_specification_is_plain_data() -> None:
    """What is the same is equal, and none of it is an object of params.yaml's."""
    stopping = {"patience": 2, "monitor": "train_loss"}
    first, second = (specify(variant(early_stopping=stopping), INTERFACE) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
    assert first.model == trial.Component("mlp", {"hidden_units": [16]})
    assert first.early_stopping == trial.EarlyStopping("train_loss", 2, 0.0, True)
    assert not any(
        isinstance(getattr(first, name), Component | EarlyStopping)
        for name in trial.Specification.__dataclass_fields__
    )
