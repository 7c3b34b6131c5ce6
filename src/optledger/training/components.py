"""Keras's optimizers and losses by name, with their arguments."""

import inspect
from collections.abc import Callable
from typing import Any

import keras

from optledger.documents import shown
from optledger.params import Component

# Given by this project, not by params.yaml; an average of the weights would be put in place only
# after the last validation, whose figures then are of other weights.
_NOT_ARGUMENTS = {
    *("self", "args", "kwargs", "name", "learning_rate", "reduction", "dtype", "from_logits"),
    *("use_ema", "ema_momentum", "ema_overwrite_frequency"),
}

# Wrappers of other optimizers.
_NOT_OPTIMIZERS = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer"}

# Losses of something else than one-hot classes, or without a value for a single example.
_NOT_LOSSES = {
    *("Loss", "CTC", "Circle", "Dice", "Tversky"),
    *("CategoricalGeneralizedCrossEntropy", "SparseCategoricalCrossentropy"),
}

PerExampleLoss = Callable[[Any, Any], Any]


class ComponentError(ValueError):
    """What is wrong with a component: what was found, and what is allowed."""


def build_optimizer(component: Component, learning_rate: float) -> Any:
    """Build a Keras optimizer with a positive learning rate.

    Raises:
        ComponentError: there is no such optimizer, or it does not take these arguments.
    """
    classes = _classes(keras.optimizers, keras.optimizers.Optimizer, _NOT_OPTIMIZERS)
    return _build(classes, component, learning_rate=learning_rate)


def build_loss(component: Component) -> PerExampleLoss:
    """Build a Keras loss of one-hot labels and logits, both of shape (examples, classes).

    A loss that can take logits gets them, which is the numerically stable way; any other gets
    their softmax. The result has shape (examples,).

    Raises:
        ComponentError: there is no such loss, or it does not take these arguments.
    """
    classes = _classes(keras.losses, keras.losses.Loss, _NOT_LOSSES)
    found = classes.get(component.name)
    if found is not None and "from_logits" in inspect.signature(found).parameters:
        loss = _build(classes, component, reduction=None, from_logits=True)
        return lambda one_hot, logits: loss(one_hot, logits)
    loss = _build(classes, component, reduction=None)
    return lambda one_hot, logits: loss(one_hot, keras.ops.softmax(logits))


def _classes(module: Any, base: type, excluded: set[str]) -> dict[str, type]:
    return {
        name: found
        for name, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, base) and name not in excluded
    }


def _build(classes: dict[str, type], component: Component, **given: Any) -> Any:
    if component.name not in classes:
        raise ComponentError(f"found {shown(component.name)}; allowed: {', '.join(classes)}")
    found = classes[component.name]
    allowed = sorted({*inspect.signature(found).parameters} - _NOT_ARGUMENTS)
    for argument in component.arguments:
        if argument not in allowed:
            raise ComponentError(f"found argument {argument}; allowed: {', '.join(allowed)}")
    try:
        return found(**component.arguments, **given)
    except (TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ComponentError(
            f"found {shown(component.arguments)}; allowed: what {component.name} accepts: {reason}"
        ) from None
