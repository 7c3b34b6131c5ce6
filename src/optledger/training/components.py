"""Keras's optimizers, losses and activations by name, with their arguments checked."""

import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import keras

from optledger.documents import mistake
from optledger.errors import UserError
from optledger.params import Component, Params
from optledger.paths import PARAMS

# Given to an optimizer or a loss by this project, not by params.yaml.
_RESERVED = {"self", "args", "kwargs", "name", "learning_rate", "reduction", "dtype"}

# Wrappers of another optimizer or loss, and losses of something else than a class.
_NOT_OPTIMIZERS = {"Optimizer", "LossScaleOptimizer"}
_NOT_CLASSIFICATION = {"Loss", "CTC", "Circle", "SparseCategoricalCrossentropy"}

PerExampleLoss = Callable[[Any, Any], Any]


def build_optimizer(component: Component, learning_rate: float, key: str) -> Any:
    """Build a Keras optimizer.

    Args:
        component: the class and its arguments, without the learning rate.
        learning_rate: positive.
        key: where `component` stands in params.yaml, for messages.

    Raises:
        UserError: there is no such optimizer, or it does not take these arguments.
    """
    classes = _classes(keras.optimizers, keras.optimizers.Optimizer, _NOT_OPTIMIZERS)
    return _build(classes, component, key, learning_rate=learning_rate)


def build_loss(component: Component, key: str) -> PerExampleLoss:
    """Build a Keras loss of one-hot labels and logits, both of shape (examples, classes).

    A loss that can take logits gets them, which is the numerically stable way; any other gets
    their softmax. The result has shape (examples,).

    Raises:
        UserError: there is no such loss, or it does not take these arguments.
    """
    classes = _classes(keras.losses, keras.losses.Loss, _NOT_CLASSIFICATION)
    takes_logits = component.name in classes and "from_logits" in _accepted(classes[component.name])
    given = {"from_logits": True} if takes_logits else {}
    loss = _build(classes, component, key, reduction=None, **given)
    if takes_logits:
        return lambda one_hot, logits: loss(one_hot, logits)
    return lambda one_hot, logits: loss(one_hot, keras.ops.softmax(logits))


def mistakes(params: Params) -> list[str]:
    """Return a line for each component of params.yaml that Keras does not have or cannot build."""
    lines = []
    if params.model.activation not in _activations():
        allowed = ", ".join(_activations())
        lines.append(mistake(PARAMS, "model.activation", params.model.activation, allowed))
    for name, variant in params.variants.items():
        for build in (
            partial(
                build_optimizer,
                variant.optimizer,
                variant.learning_rate,
                f"variants.{name}.optimizer",
            ),
            partial(
                build_loss,
                variant.loss,
                "training.loss"
                if variant.loss == params.training.loss
                else f"variants.{name}.loss",
            ),
        ):
            try:
                build()
            except UserError as error:
                lines.append(str(error))
    return list(dict.fromkeys(lines))


def _activations() -> list[str]:
    return [
        name
        for name, _ in inspect.getmembers(keras.activations, inspect.isfunction)
        if name not in {"deserialize", "get", "serialize"}
    ]


def _classes(module: Any, base: type, excluded: set[str]) -> dict[str, type]:
    return {
        name: found
        for name, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, base) and name not in excluded
    }


def _build(classes: dict[str, type], component: Component, key: str, **given: Any) -> Any:
    if component.name not in classes:
        raise UserError(mistake(PARAMS, key, component.name, ", ".join(classes)))
    found = classes[component.name]
    allowed = sorted(_accepted(found) - given.keys())
    for argument in component.arguments:
        if argument not in allowed:
            raise UserError(mistake(PARAMS, f"{key}.{argument}", argument, ", ".join(allowed)))
    try:
        return found(**component.arguments, **given)
    except (TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        arguments = mistake(PARAMS, key, component.arguments, f"what {component.name} accepts")
        raise UserError(f"{arguments} ({reason})") from None


def _accepted(found: type) -> set[str]:
    """The names of a constructor's arguments that params.yaml may give."""
    return {*inspect.signature(found).parameters} - _RESERVED | (
        {"from_logits"} & {*inspect.signature(found).parameters}
    )
