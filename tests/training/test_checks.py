import inspect

import keras
import pytest

from optledger.errors import UserError
from optledger.params import Params
from optledger.training.checks import check_trainable, mistakes
from optledger.training.components import _NOT_LOSSES, _NOT_OPTIMIZERS

PARAMS = {
    "dataset": "mnist",
    "split": {"validation_fraction": 0.1, "seed": 0},
    "model": {"hidden_units": [16], "activation": "relu"},
    "training": {"epochs": 1, "batch_size": 32, "loss": "CategoricalCrossentropy"},
    "search": {"strategy": "grid", "trials": 3, "seed": 1000},
    "seeds": {"first": 0, "count": 1},
    "comparison": {"metric": "accuracy"},
}

EXAMPLES = 320


def with_variants(variants: dict[str, object], **sections: object) -> Params:
    """Return parameters with these variants, and with other sections replaced."""
    return Params.model_validate(PARAMS | sections | {"variants": variants})


def test_all_mistakes_are_found_at_once_and_each_where_it_was_made() -> None:
    """A default's mistake is reported once, as a default's."""
    params = with_variants(
        {
            "a": {"optimizer": "Adamm", "learning_rate": 0.1},
            "b": {"optimizer": "SGD", "learning_rate": 0.1},
            "c": {"optimizer": "SGD", "learning_rate": 0.1, "loss": "none"},
        },
        model={"hidden_units": [16], "activation": "rellu"},
        training={"epochs": 1, "batch_size": 32, "loss": "Crossentropy"},
    )
    assert [line.split(": ")[1] for line in mistakes(params, EXAMPLES)] == [
        "model.activation",
        "variants.a.optimizer",
        "training.loss",
        "variants.c.loss",
    ]


def test_a_single_variant_is_checked_alike() -> None:
    """What `train` finds for its own variant is what `optledger check` finds."""
    params = with_variants({"a": {"optimizer": "Adamm", "learning_rate": 0.1}})
    with pytest.raises(UserError) as caught:
        check_trainable("a", params.variants["a"], params.model, EXAMPLES)
    assert str(caught.value).splitlines() == mistakes(params, EXAMPLES)


@pytest.mark.parametrize("activation", ["rellu", "threshold", "glu", "get"])
def test_an_activation_must_be_one_of_each_unit(activation: str) -> None:
    """Neither what does not exist, nor what needs arguments or changes the number of units."""
    params = with_variants(
        {"a": {"optimizer": "SGD", "learning_rate": 0.1}},
        model={"hidden_units": [16], "activation": activation},
    )
    (line,) = mistakes(params, EXAMPLES)
    assert line.startswith(f"params.yaml: model.activation: found '{activation}'; allowed: ")


def _names(module: object, base: type, excluded: set[str]) -> list[str]:
    classes = inspect.getmembers(module, inspect.isclass)
    return [name for name, found in classes if issubclass(found, base) and name not in excluded]


def test_every_optimizer_and_loss_of_the_list_passes() -> None:
    """What the messages allow is allowed: a new optimizer is an entry in params.yaml, not code."""
    optimizers = _names(keras.optimizers, keras.optimizers.Optimizer, _NOT_OPTIMIZERS)
    losses = _names(keras.losses, keras.losses.Loss, _NOT_LOSSES)
    assert {"SGD", "RMSprop", "Adam", "AdamW", "Nadam", "Lion", "Muon"} <= set(optimizers)
    assert {"CategoricalCrossentropy", "CategoricalFocalCrossentropy"} <= set(losses)
    variants = {name: {"optimizer": name, "learning_rate": 0.001} for name in optimizers}
    variants |= {
        name: {"optimizer": "SGD", "learning_rate": 0.001, "loss": name} for name in losses
    }
    assert mistakes(with_variants(variants), EXAMPLES) == []
