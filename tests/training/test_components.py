import keras
import pytest

from optledger.errors import UserError
from optledger.params import Component, Params
from optledger.training.components import build_loss, build_optimizer, mistakes

PARAMS = {
    "dataset": "mnist",
    "split": {"validation_fraction": 0.1, "seed": 0},
    "model": {"hidden_units": [16], "activation": "relu"},
    "training": {"epochs": 1, "batch_size": 32, "loss": "CategoricalCrossentropy"},
    "seeds": {"first": 0, "count": 1},
    "comparison": {"metric": "accuracy"},
}


def with_variants(variants: dict[str, object], **sections: object) -> Params:
    """Return parameters with these variants, and with other sections replaced."""
    return Params.model_validate(PARAMS | sections | {"variants": variants})


def test_an_optimizer_is_built_with_its_arguments() -> None:
    """A component is a Keras class name and arguments of its constructor."""
    optimizer = build_optimizer(Component(name="SGD", momentum=0.9, nesterov=True), 0.1, "key")
    assert isinstance(optimizer, keras.optimizers.SGD)
    assert (optimizer.momentum, optimizer.nesterov) == (0.9, True)
    assert float(optimizer.learning_rate) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("component", "message"),
    [
        (Component(name="Adamm"), "^params.yaml: key: found 'Adamm'; allowed: Adadelta, .*Adam, "),
        (Component(name="adam"), "^params.yaml: key: found 'adam'; allowed: "),
        (
            Component(name="SGD", beta_1=0.9),
            "^params.yaml: key.beta_1: found 'beta_1'; allowed: .*momentum, nesterov",
        ),
        (Component(name="SGD", learning_rate=0.9), "^params.yaml: key.learning_rate: "),
        (Component(name="SGD", momentum=3), "^params.yaml: key: found {'momentum': 3}; .*between"),
        (Component(name="LossScaleOptimizer"), "^params.yaml: key: found 'LossScaleOptimizer'"),
    ],
)
def test_a_mistake_in_an_optimizer_is_one_line(component: Component, message: str) -> None:
    """The message names the key, and the optimizers or the arguments there are."""
    with pytest.raises(UserError, match=message) as caught:
        build_optimizer(component, 0.1, "key")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("component", "message"),
    [
        (Component(name="cross_entropy"), "allowed: BinaryCrossentropy, "),
        (Component(name="SparseCategoricalCrossentropy"), "allowed: BinaryCrossentropy, "),
        (Component(name="CategoricalCrossentropy", gamma=2), "allowed: axis, label_smoothing$"),
        (Component(name="CategoricalCrossentropy", from_logits=True), "allowed: axis, "),
    ],
)
def test_a_mistake_in_a_loss_is_one_line(component: Component, message: str) -> None:
    """The message names the losses or the arguments there are."""
    with pytest.raises(UserError, match=message) as caught:
        build_loss(component, "key")
    assert "\n" not in str(caught.value)


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
    assert [line.split(": ")[1] for line in mistakes(params)] == [
        "model.activation",
        "variants.a.optimizer",
        "training.loss",
        "variants.c.loss",
    ]


def test_every_keras_optimizer_passes() -> None:
    """A new optimizer is an entry in params.yaml, not code."""
    names = [
        *("SGD", "RMSprop", "Adam", "AdamW", "Adadelta", "Adagrad", "Adamax", "Adafactor"),
        *("Nadam", "Ftrl", "Lion", "Muon"),
    ]
    variants = {name: {"optimizer": name, "learning_rate": 0.001} for name in names}
    assert mistakes(with_variants(variants)) == []
