"""Builds models, optimizers, losses and schedules by name, with arguments from params.yaml."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from optledger.datasets.interface import Interface
from optledger.training import models, textbook_optimizers
from optledger.training.arguments import checked
from optledger.training.kinds import Kind
from optledger.trials.trial import Component

_NOT_ARGUMENTS = {
    # Set by this project, not by params.yaml.
    *("inputs", "outputs"),
    *("self", "args", "kwargs", "name", "learning_rate", "reduction", "dtype", "from_logits"),
    # Keras would put the average of the weights in place only after the last validation. The
    # validation metrics would then belong to other weights.
    *("use_ema", "ema_momentum", "ema_overwrite_frequency"),
    # The optimizer divides gradients by this factor, but only Keras's own trainer multiplies the
    # loss by it.
    "loss_scale_factor",
    # It takes layer names. Keras numbers these by how many layers the process has built before.
    "exclude_layers",
}

# Wrappers of other optimizers.
_NOT_OPTIMIZERS = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer"}

# Losses that do not take one-hot classes, or have no value for a single example.
_NOT_LOSSES = {
    *("Loss", "CTC", "Circle", "Dice", "Tversky"),
    *("CategoricalGeneralizedCrossEntropy", "SparseCategoricalCrossentropy"),
}

# Arguments that Keras ignores unless the other one is set, too.
_BESIDE = {
    "nesterov": "momentum",
    "warmup_steps": "warmup_target",
    "warmup_target": "warmup_steps",
}

PerExampleLoss = Callable[[Any, Any], Any]


class ComponentError(ValueError):
    """A component that cannot be built.

    Attributes:
        found: the wrong name or value; None where the component has no such argument.
        allowed: what is allowed in its place.
        argument: the argument that is wrong; None where it is not a single argument.
    """

    def __init__(self, found: object, allowed: str, argument: str | None = None) -> None:
        """Keep the value that was found: the caller decides how to show it to a user."""
        super().__init__(found, allowed, argument)
        self.found, self.allowed, self.argument = found, allowed, argument

    def told(self, shown: Callable[[object], str] = repr) -> str:
        """Return the error as one line, with the value as `shown` formats it."""
        if self.argument is None:
            what = shown(self.found)
        elif self.found is None:
            what = f"argument {self.argument}"
        else:
            what = f"{self.argument}: {shown(self.found)}"
        return f"found {what}; allowed: {self.allowed}"

    def __str__(self) -> str:
        return self.told()


def build_model(component: Component, interface: Interface) -> Any:
    """Build a Keras model that takes unscaled examples and returns logits, or numbers.

    Its first step scales pixels to [0, 1], or columns to a mean of 0 and a deviation of 1. Its
    output has the shape (examples, outputs).

    Raises:
        ComponentError: there is no such model, it does not take these arguments, its output has
            another shape, or it keeps a random state.
    """
    given = keras.Input(interface.shape, dtype="uint8" if interface.takes_images else "float32")
    inputs = _scaled(given, interface)
    outputs = interface.outputs
    build = _model(component)
    arguments = _checked(build, component)
    logits = _build(component, build, **arguments, inputs=inputs, outputs=outputs)
    if not hasattr(logits, "shape"):
        found = type(logits).__name__
        raise ComponentError(component.name, f"a model that returns logits, not {found}")
    if tuple(logits.shape) != (None, outputs):
        raise ComponentError(
            component.name,
            f"a model that returns logits of shape (examples, {outputs}), not "
            f"{tuple(logits.shape)}",
        )
    model = keras.Model(given, logits)
    if len(model.variables) > len(model.weights):
        raise ComponentError(
            component.name,
            "a model without Keras's random layers, whose state would pass from trial to trial; "
            "for dropout, optledger.training.dropout.Dropout",
        )
    return model


def _scaled(given: Any, interface: Interface) -> Any:
    if interface.takes_images:
        return keras.layers.Rescaling(1 / 255)(given)
    # Subtract first: values far from 0 would lose their last digits if they were divided first.
    means, deviations = (
        np.array(each, np.float32) for each in (interface.means, interface.deviations)
    )
    return (given - means) / deviations


def build_optimizer(component: Component) -> Any:
    """Build an optimizer of Keras or of the textbook. The caller sets its learning rate.

    Raises:
        ComponentError: there is no such optimizer, or it does not take these arguments.
    """
    base = keras.optimizers.Optimizer
    classes = _classes(keras.optimizers, base, _NOT_OPTIMIZERS)
    classes |= _classes(textbook_optimizers, base, set())
    found = _named(classes, component)
    return _build(component, found, **_checked(found, component), learning_rate=1.0)


def build_loss(component: Component, kind: Kind) -> PerExampleLoss:
    """Build a function of encoded targets and model outputs that returns each example's loss.

    Targets and outputs have shape (examples, outputs), and the result has shape (examples,).

    A Keras loss that can take logits gets logits, which is numerically stable. Any other loss gets
    activated outputs, such as their softmax, as the kind of target defines them.

    Raises:
        ComponentError: there is no such loss, or it does not take these arguments.
    """
    classes = _classes(keras.losses, keras.losses.Loss, _NOT_LOSSES)
    found = _named(classes, component)
    arguments = _checked(found, component)
    if "from_logits" in inspect.signature(found).parameters:
        loss = _build(component, found, **arguments, reduction=None, from_logits=True)
        return lambda encoded, outputs: loss(encoded, outputs)
    loss = _build(component, found, **arguments, reduction=None)
    return lambda encoded, outputs: loss(encoded, kind.activated(outputs))


def build_schedule(component: Component | None, steps: int) -> NDArray[np.float32]:
    """Compute the shape of a Keras learning-rate schedule: its rates divided by their largest.

    Two arguments that Keras requires have defaults here: the initial rate is 1, and the decay
    takes all steps after the warm-up.

    Args:
        component: the schedule, or None for a constant rate.
        steps: how many steps the whole training has.

    Returns:
        The factor of the peak learning rate at each step; shape (steps,).

    Raises:
        ComponentError: there is no such schedule, it does not work with these arguments, a rate is
            not finite or below 0, or all rates are 0.
    """
    if component is None:
        return np.ones(steps, np.float32)
    module = keras.optimizers.schedules
    classes = _classes(module, module.LearningRateSchedule, {"LearningRateSchedule"})
    found = _named(classes, component)
    arguments = _checked(found, component)
    warmup = arguments.get("warmup_steps", 0.0)
    given = {"initial_learning_rate": 1.0, "decay_steps": max(1.0, steps - warmup), **arguments}
    taken = inspect.signature(found).parameters
    given = {name: value for name, value in given.items() if name in taken}
    schedule = _build(component, found, **given)

    def rates() -> Any:
        # One step at a time: schedules take a scalar.
        return tf.map_fn(lambda step: tf.cast(schedule(step), tf.float32), tf.range(float(steps)))

    try:
        values: NDArray[np.float32] = run_compiled(rates).numpy()
    except Exception as error:
        raise _refused(component, error) from None
    if not np.isfinite(values).all() or values.min() < 0 or values.max() == 0:
        raise ComponentError(
            component.arguments,
            f"what keeps the rates of {component.name} finite, at least 0, and not all 0, "
            f"for {steps} steps",
        )
    shape: NDArray[np.float32] = values / values.max()
    return shape


def run_compiled(function: Callable[[], Any]) -> Any:
    """Call a function once, compiled like a training: with the same bytes on every processor."""
    compiled = tf.function(function, jit_compile=True, autograph=False)
    # TensorFlow would take direct calls for one function that is compiled again and again.
    return compiled.get_concrete_function()()


def _classes(module: Any, base: type, excluded: set[str]) -> dict[str, type]:
    return {
        name: found
        for name, found in inspect.getmembers(module, inspect.isclass)
        if issubclass(found, base) and name not in excluded
    }


def _model(component: Component) -> Callable[..., Any]:
    if component.name not in (known := models.files()):
        raise ComponentError(component.name, ", ".join(known))
    try:
        return models.load(component.name)
    except models.ModelError as error:
        raise ComponentError(component.name, f"a sound file: {error}") from None


def _named(known: Mapping[str, type], component: Component) -> type:
    if component.name not in known:
        raise ComponentError(component.name, ", ".join(known))
    return known[component.name]


def _checked(found: Callable[..., Any], component: Component) -> dict[str, Any]:
    """Return a component's arguments, checked as far as possible before it is built."""
    parameters = inspect.signature(found).parameters
    allowed = sorted({*parameters} - _NOT_ARGUMENTS)
    arguments = {}
    for argument, value in component.arguments.items():
        if argument not in allowed:
            raise ComponentError(None, ", ".join(allowed) or "none", argument)
        try:
            arguments[argument] = checked(
                component.name, parameters[argument], value, of_keras=inspect.isclass(found)
            )
        except ValueError as error:
            raise ComponentError(value, str(error), argument) from None
    for argument, other in _BESIDE.items():
        if arguments.get(argument) and not arguments.get(other) and other in allowed:
            beside = f"{other} beside it, without which it does nothing"
            raise ComponentError(component.arguments[argument], beside, argument)
    return arguments


def _build(component: Component, found: Callable[..., Any], /, **arguments: Any) -> Any:
    try:
        return found(**arguments)
    except (Exception, SystemExit) as error:
        raise _refused(component, error) from None


def one_line(error: BaseException) -> str:
    """Return an error's text on one line of at most 200 characters, without Keras's colours."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).split())[:200]


def _refused(component: Component, error: BaseException) -> ComponentError:
    allowed = f"what {component.name} accepts: {one_line(error)}"
    return ComponentError(component.arguments, allowed)
