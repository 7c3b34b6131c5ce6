"""Whether Keras can build and use what params.yaml asks for, tried on a few numbers."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from optledger.documents import shown
from optledger.errors import UserError
from optledger.params import Params, Variant, place
from optledger.paths import PARAMS
from optledger.training import dropout
from optledger.training.components import (
    ComponentError,
    build_loss,
    build_model,
    build_optimizer,
    build_schedule,
    one_line,
)

_EXAMPLES = 4
# MNIST's; that of other data is known once they are here.
_IMAGE_SHAPE = (28, 28)


def mistakes(params: Params, examples: Mapping[str, int], classes: int) -> list[str]:
    """Return a line for each mistake in the models, the optimizers, losses and schedules.

    Args:
        params: what to check.
        examples: by variant, how many it trains on.
        classes: of the dataset.
    """
    lines = dict.fromkeys(
        f"{PARAMS}: {place(params, name, key)}: {problem}"
        for name, variant in params.variants.items()
        for key, problem in _variant_mistakes(variant, examples[name], _IMAGE_SHAPE, classes)
    )
    return list(lines)


def check_trainable(
    name: str, variant: Variant, examples: int, image_shape: tuple[int, ...], classes: int
) -> None:
    """Check what one variant needs, now that the data are at hand.

    Raises:
        UserError: a line for each mistake.
    """
    lines = [
        f"{PARAMS}: variants.{name}.{key}: {problem}"
        for key, problem in _variant_mistakes(variant, examples, image_shape, classes)
    ]
    if lines:
        raise UserError("\n".join(lines))


def _variant_mistakes(
    variant: Variant, examples: int, image_shape: tuple[int, ...], classes: int
) -> Iterator[tuple[str, str]]:
    loss = model = optimizer = None
    try:
        model = build_model(variant.model, image_shape, classes)
    except ComponentError as error:
        yield "model", str(error)
    try:
        optimizer = build_optimizer(variant.optimizer)
    except ComponentError as error:
        yield "optimizer", str(error)
    try:
        loss = build_loss(variant.loss)
    except ComponentError as error:
        yield "loss", str(error)
    try:
        build_schedule(variant.schedule, variant.epochs * variant.steps(examples))
    except ComponentError as error:
        yield "schedule", str(error)
    weights = keras.Variable(np.ones((_EXAMPLES, classes), np.float32))
    if model is not None and (problem := _problem(lambda: _logits(model, image_shape, classes))):
        yield "model", f"found {shown(variant.model.arguments)}; allowed: what works: {problem}"
    if loss is not None and (problem := _problem(lambda: _losses(loss, weights))):
        yield "loss", f"found {variant.loss.name}; allowed: a loss of each example: {problem}"
    if optimizer is not None:
        step = lambda: optimizer.apply([keras.ops.ones_like(weights)], [weights])  # noqa: E731 # called once, below
        if problem := _problem(step):
            yield "optimizer", f"found {variant.optimizer.name}; allowed: one that steps: {problem}"


def _logits(model: Any, image_shape: tuple[int, ...], classes: int) -> None:
    with dropout.keyed(tf.constant(dropout.step_keys(seed=0, epoch=1, steps=1)[0])):
        logits = model(tf.zeros((_EXAMPLES, *image_shape), tf.uint8), training=True)
    if tuple(logits.shape) != (_EXAMPLES, classes):
        raise ValueError(f"the shape of its logits is {tuple(logits.shape)}")


def _losses(loss: Callable[[Any, Any], Any], weights: Any) -> None:
    one_hot = np.eye(weights.shape[1], dtype=np.float32)[[0, 1, 1, 0]]
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
        return one_line(error)
    return None
