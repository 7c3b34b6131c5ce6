"""Models, and Keras's optimizers, losses and schedules, by name and with their arguments."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from optledger.documents import shown
from optledger.params import Component
from optledger.training import textbook_optimizers
from optledger.training.models import MODELS

# Given by this project, not by params.yaml; an average of the weights would be put in place only
# after the last validation, whose figures then are of other weights.
_NOT_ARGUMENTS = {
    *("images", "classes"),
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


def build_model(component: Component, image_shape: tuple[int, ...], classes: int) -> Any:
    """Build a Keras model of uint8 images, shape (images, rows, columns).

    Its first step scales the pixels to [0, 1]; it returns logits, shape (images, classes).

    Raises:
        ComponentError: there is no such model, it does not take these arguments, or what it
            returns or keeps is not what a model may.
    """
    pixels = keras.Input(image_shape, dtype="uint8", name="pixels")
    images = keras.layers.Rescaling(1 / 255, name="scaling")(pixels)
    logits = _build(MODELS, component, images=images, classes=classes)
    if tuple(logits.shape) != (None, classes):
        raise ComponentError(
            f"found {component.name}; allowed: a model that returns logits of shape "
            f"(images, {classes}), not {tuple(logits.shape)}"
        )
    model = keras.Model(pixels, logits)
    if len(model.variables) > len(model.weights):
        raise ComponentError(
            f"found {component.name}; allowed: a model without a random state of its own, which a "
            "trial would leave to the next; for dropout, optledger.training.dropout.Dropout"
        )
    return model


def build_optimizer(component: Component) -> Any:
    """Build an optimizer of Keras or the textbook, whose learning rate is for the caller to set.

    Raises:
        ComponentError: there is no such optimizer, or it does not take these arguments.
    """
    base = keras.optimizers.Optimizer
    classes = _classes(keras.optimizers, base, _NOT_OPTIMIZERS)
    classes |= _classes(textbook_optimizers, base, set())
    return _build(classes, component, learning_rate=1.0)


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


def build_schedule(component: Component | None, steps: int) -> NDArray[np.float32]:
    """Compute the shape of a Keras learning-rate schedule: its rates divided by their largest.

    What Keras asks for and the component does not give has a default here: the initial rate is 1,
    and the decay takes all the steps that a warm-up leaves.

    Args:
        component: the schedule, or None for a constant rate.
        steps: of the whole training.

    Returns:
        Factors of the learning rate, its peak, for each step; shape (steps,).

    Raises:
        ComponentError: there is no such schedule, it does not work with these arguments, or some
            rate is not finite, or below 0, or all of them are 0.
    """
    if component is None:
        return np.ones(steps, np.float32)
    module = keras.optimizers.schedules
    classes = _classes(module, module.LearningRateSchedule, {"LearningRateSchedule"})
    # Keras computes with whatever type an argument has.
    floats = {name: _as_floats(value) for name, value in component.arguments.items()}
    given: dict[str, Any] = {"initial_learning_rate": 1.0, "decay_steps": float(steps), **floats}
    if "decay_steps" not in floats and isinstance(floats.get("warmup_steps"), float):
        given["decay_steps"] = max(1.0, steps - given["warmup_steps"])
    if component.name in classes:
        taken = inspect.signature(classes[component.name]).parameters
        given = {name: value for name, value in given.items() if name in taken}
    schedule = _build(classes, component, **given)

    def rates() -> Any:
        # Compiled, for the same bytes on every processor; a step at a time, as schedules take it.
        return tf.map_fn(lambda step: tf.cast(schedule(step), tf.float32), tf.range(float(steps)))

    try:
        values: NDArray[np.float32] = tf.function(
            rates, jit_compile=True, autograph=False
        )().numpy()
    except Exception as error:
        raise ComponentError(_refused(component, error)) from None
    if not np.isfinite(values).all() or values.min() < 0 or values.max() == 0:
        raise ComponentError(
            f"found {shown(component.arguments)}; allowed: what keeps the rates of "
            f"{component.name} finite, at least 0, and not all 0, for {steps} steps"
        )
    shape: NDArray[np.float32] = values / values.max()
    return shape


def _classes(module: Any, base: type, excluded: set[str]) -> dict[str, type]:
    return {
        name: found
        for name, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, base) and name not in excluded
    }


def _build(known: Mapping[str, Callable[..., Any]], component: Component, /, **given: Any) -> Any:
    if component.name not in known:
        raise ComponentError(f"found {shown(component.name)}; allowed: {', '.join(known)}")
    found = known[component.name]
    allowed = sorted({*inspect.signature(found).parameters} - _NOT_ARGUMENTS)
    for argument in component.arguments:
        if argument not in allowed:
            raise ComponentError(f"found argument {argument}; allowed: {', '.join(allowed)}")
    try:
        return found(**{**component.arguments, **given})
    except (TypeError, ValueError) as error:
        raise ComponentError(_refused(component, error)) from None


def one_line(error: Exception) -> str:
    """Return what an error says, without line breaks and the colours that Keras gives it."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split())[:200]


def _refused(component: Component, error: Exception) -> str:
    reason = one_line(error)
    return f"found {shown(component.arguments)}; allowed: what {component.name} accepts: {reason}"


def _as_floats(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_floats(item) for item in value]
    return float(value) if type(value) is int else value
