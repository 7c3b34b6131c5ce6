import keras
import numpy as np
import pytest

from optledger.core.params import Component
from optledger.training.components import (
    ComponentError,
    build_loss,
    build_optimizer,
    build_schedule,
)
from optledger.training.kinds import KINDS
from optledger.training.textbook_optimizers import TextbookMomentum


def test_an_optimizer_is_built_with_its_arguments() -> None:
    """A component is a Keras class name and arguments of its constructor."""
    optimizer = build_optimizer(Component(name="SGD", momentum=0.9, nesterov=True))
    assert isinstance(optimizer, keras.optimizers.SGD)
    assert (optimizer.momentum, optimizer.nesterov) == (0.9, True)


def test_the_textbook_s_optimizers_stand_beside_keras_s() -> None:
    """By their names and arguments, and in the message that lists what there is."""
    optimizer = build_optimizer(Component(name="TextbookMomentum", beta=0.8))
    assert isinstance(optimizer, TextbookMomentum)
    assert optimizer.beta == 0.8
    with pytest.raises(ComponentError, match=r"Adam, .*SGD, .*TextbookAdam, TextbookMomentum$"):
        build_optimizer(Component(name="Momentum"))


@pytest.mark.parametrize(
    ("component", "message"),
    [
        (Component(name="Adamm"), "^found 'Adamm'; allowed: Adadelta, .*Adam, "),
        (Component(name="adam"), "^found 'adam'; allowed: "),
        (Component(name="SGD", beta_1=0.9), "^found argument beta_1; allowed: .*momentum, nest"),
        (Component(name="SGD", learning_rate=0.9), "^found argument learning_rate; allowed: "),
        (Component(name="SGD", use_ema=True), "^found argument use_ema; allowed: "),
        (
            Component(name="SGD", nesterov=True),
            "^found nesterov: True; allowed: momentum beside it",
        ),
        (Component(name="SGD", nesterov=True, momentum=0), "^found nesterov: True; allowed: mome"),
        (Component(name="SGD", momentum=3), "^found momentum: 3; allowed: .* from 0 to 1"),
        (
            Component(name="TextbookMomentum", momentum=0.9),
            "found argument momentum; allowed: beta$",
        ),
        (Component(name="TextbookMomentum", beta=1), "^found beta: 1; allowed: .*below 1"),
        (Component(name="LossScaleOptimizer"), "^found 'LossScaleOptimizer'; allowed: "),
    ],
)
def test_a_mistake_in_an_optimizer_is_one_line(component: Component, message: str) -> None:
    """The message has the optimizers or the arguments that there are."""
    with pytest.raises(ComponentError, match=message) as caught:
        build_optimizer(component)
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
        build_loss(component, KINDS["classes"])
    assert "\n" not in str(caught.value)


def test_a_schedule_s_largest_factor_is_one() -> None:
    """Whatever units its own rates have: the learning rate is the peak."""
    rates = Component(name="PiecewiseConstantDecay", boundaries=[1], values=[20.0, 40.0])
    assert build_schedule(rates, 4).tolist() == [0.5, 0.5, 1.0, 1.0]
    assert build_schedule(None, 3).tolist() == [1.0, 1.0, 1.0]


def test_a_decay_takes_the_whole_training_unless_told_otherwise() -> None:
    """A half cosine from 1 towards 0 over all the steps."""
    found = build_schedule(Component(name="CosineDecay"), 10)
    expected = (1 + np.cos(np.pi * np.arange(10) / 10)) / 2
    np.testing.assert_allclose(found, expected, atol=1e-6)
    warmed = Component(name="CosineDecay", initial_learning_rate=0, warmup_target=1, warmup_steps=5)
    after = (1 + np.cos(np.pi * np.arange(10) / 10)) / 2
    expected = np.concatenate([np.arange(5) / 5, after])
    np.testing.assert_allclose(build_schedule(warmed, 15), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("component", "message"),
    [
        (Component(name="Cosine"), "^found 'Cosine'; allowed: CosineDecay, CosineDecayRestarts, "),
        (Component(name="CosineDecay", steps=3), "^found argument steps; allowed: alpha, decay_s"),
        (
            Component(name="ExponentialDecay"),
            "what ExponentialDecay accepts: .*decay_rate",
        ),
        (
            Component(name="PiecewiseConstantDecay", boundaries=[3], values=[1.0, -1.0]),
            "allowed: what keeps the rates of PiecewiseConstantDecay finite, at least 0, and not",
        ),
        (
            Component(name="CosineDecay", warmup_target=1),
            "^found warmup_target: 1; allowed: warmup",
        ),
        (
            Component(name="CosineDecay", warmup_steps=5),
            "^found warmup_steps: 5; allowed: warmup_t",
        ),
        (Component(name="CosineDecay", alpha="x"), "found alpha: 'x'; allowed: a number$"),
        (Component(name="PiecewiseConstantDecay", boundaries=[], values=[]), "allowed: what "),
        (
            Component(name="PolynomialDecay", initial_learning_rate=0, end_learning_rate=0),
            "finite, at least 0, and not all 0, for 10 steps",
        ),
    ],
)
def test_a_mistake_in_a_schedule_is_one_line(component: Component, message: str) -> None:
    """The message has the schedules, the arguments, or what is wrong with the rates."""
    with pytest.raises(ComponentError, match=message) as caught:
        build_schedule(component, 10)
    assert "\n" not in str(caught.value)
