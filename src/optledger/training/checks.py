"""Whether Keras can build and use what params.yaml asks for, tried on a few numbers."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from optledger.errors import UserError
from optledger.params import Model, Params, Variant
from optledger.paths import PARAMS
from optledger.training.components import (
    ComponentError,
    build_loss,
    build_optimizer,
    build_schedule,
)

_EXAMPLES, _CLASSES = 4, 3


def mistakes(params: Params, train_split: int) -> list[str]:
    """Return a line for each mistake in the model, the optimizers, losses and schedules.

    Args:
        params: what to check.
        train_split: the number of its examples.
    """
    lines = dict.fromkeys(_model_mistakes(params.model))
    for name, variant in params.variants.items():
        for key, problem in _variant_mistakes(variant, train_split):
            default = getattr(variant, key) == getattr(params.training, key, None)
            section = "training" if default else f"variants.{name}"
            lines[f"{PARAMS}: {section}.{key}: {problem}"] = None
    return list(lines)


def check_trainable(name: str, variant: Variant, model: Model, train_split: int) -> None:
    """Check what one variant needs.

    Raises:
        UserError: a line for each mistake.
    """
    lines = list(_model_mistakes(model))
    lines += [
        f"{PARAMS}: variants.{name}.{key}: {problem}"
        for key, problem in _variant_mistakes(variant, train_split)
    ]
    if lines:
        raise UserError("\n".join(lines))


def _model_mistakes(model: Model) -> Iterator[str]:
    units = keras.ops.ones((_EXAMPLES, 4))
    try:
        fits = keras.activations.get(model.activation)(units).shape == units.shape
    except (TypeError, ValueError):
        fits = False
    if not fits:
        yield (
            f"{PARAMS}: model.activation: found {model.activation!r}; allowed: a Keras activation "
            "of each unit, by its name, as relu, tanh, sigmoid, gelu, elu, silu, linear"
        )


def _variant_mistakes(variant: Variant, train_split: int) -> Iterator[tuple[str, str]]:
    loss = optimizer = None
    try:
        optimizer = build_optimizer(variant.optimizer)
    except ComponentError as error:
        yield "optimizer", str(error)
    try:
        loss = build_loss(variant.loss)
    except ComponentError as error:
        yield "loss", str(error)
    try:
        build_schedule(variant.schedule, variant.epochs * variant.steps(train_split))
    except ComponentError as error:
        yield "schedule", str(error)
    weights = keras.Variable(np.ones((_EXAMPLES, _CLASSES), np.float32))
    if loss is not None and (problem := _problem(lambda: _losses(loss, weights))):
        yield "loss", f"found {variant.loss.name}; allowed: a loss of each example: {problem}"
    if optimizer is not None:
        step = lambda: optimizer.apply([keras.ops.ones_like(weights)], [weights])  # noqa: E731 # called once, below
        if problem := _problem(step):
            yield "optimizer", f"found {variant.optimizer.name}; allowed: one that steps: {problem}"


def _losses(loss: Callable[[Any, Any], Any], weights: Any) -> None:
    one_hot = np.eye(_CLASSES, dtype=np.float32)[[0, 1, 2, 0]]
    with tf.GradientTape() as tape:
        losses = loss(one_hot, weights.value)
    if tuple(losses.shape) != (_EXAMPLES,):
        raise ValueError(f"its shape is {tuple(losses.shape)}")
    if tape.gradient(losses, weights.value) is None:
        raise ValueError("it has no gradient")


def _problem(attempt: Callable[[], None]) -> str | None:
    """Try something of Keras's; return in one line why it cannot be done."""
    try:
        attempt()
    except Exception as error:
        return " ".join(str(error).split())[:200]
    return None
