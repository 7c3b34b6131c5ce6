import keras
import pytest

from optledger.params import Component
from optledger.training.components import ComponentError, build_loss, build_optimizer


def test_an_optimizer_is_built_with_its_arguments() -> None:
    """A component is a Keras class name and arguments of its constructor."""
    optimizer = build_optimizer(Component(name="SGD", momentum=0.9, nesterov=True), 0.1)
    assert isinstance(optimizer, keras.optimizers.SGD)
    assert (optimizer.momentum, optimizer.nesterov) == (0.9, True)
    assert float(optimizer.learning_rate) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("component", "message"),
    [
        (Component(name="Adamm"), "^found 'Adamm'; allowed: Adadelta, .*Adam, "),
        (Component(name="adam"), "^found 'adam'; allowed: "),
        (Component(name="SGD", beta_1=0.9), "^found argument beta_1; allowed: .*momentum, nest"),
        (Component(name="SGD", learning_rate=0.9), "^found argument learning_rate; allowed: "),
        (Component(name="SGD", use_ema=True), "^found argument use_ema; allowed: "),
        (Component(name="SGD", momentum=3), "^found {'momentum': 3}; allowed: .*between"),
        (Component(name="LossScaleOptimizer"), "^found 'LossScaleOptimizer'; allowed: "),
    ],
)
def test_a_mistake_in_an_optimizer_is_one_line(component: Component, message: str) -> None:
    """The message has the optimizers or the arguments that there are."""
    with pytest.raises(ComponentError, match=message) as caught:
        build_optimizer(component, 0.1)
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
    """The message has the losses or the arguments that there are."""
    with pytest.raises(ComponentError, match=message) as caught:
        build_loss(component)
    assert "\n" not in str(caught.value)
