"""Checks that Keras can build and use the components in params.yaml, tried on a few numbers."""

import traceback
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from optledger.core.documents import did_you_mean, shown
from optledger.core.errors import UserError, printable
from optledger.core.params import Params, Range, Variant, key_in_params
from optledger.core.paths import PARAMS
from optledger.datasets.examples import Examples
from optledger.datasets.interface import Interface
from optledger.datasets.kinds import KINDS as TARGETS
from optledger.datasets.sampling import training_examples
from optledger.training import dropout, models
from optledger.training.components import (
    ComponentError,
    build_loss,
    build_model,
    build_optimizer,
    build_schedule,
    one_line,
    run_compiled,
)
from optledger.training.kinds import KINDS, Kind
from optledger.trials.specify import specify
from optledger.trials.trial import Component, Specification, Trial

_EXAMPLES = 4
# Enough for faults that need some steps to show: an average out of its range, a negative root.
_STEPS = 32
# Arguments that are a number of training steps.
_STEP_COUNTS = ("warmup_steps", "gradient_accumulation_steps")


def mistakes(params: Params, examples: Mapping[str, int], interface: Interface) -> list[str]:
    """Return a line for each mistake in the models, optimizers, losses and schedules.

    Args:
        params: the parameters to check.
        examples: by variant, how many examples it trains on.
        interface: the dataset's interface.
    """
    lines = dict.fromkeys(
        printable(f"{PARAMS}: {key_in_params(params, name, key)}: {problem}")
        for name, variant in params.variants.items()
        for key, problem in _specification_mistakes(
            specify(variant, interface), _lowest_rate(variant), examples[name]
        )
    )
    return list(lines)


def check_trainable(trial: Trial, train: Examples) -> None:
    """Check the components of one trial against the data that it trains on.

    Args:
        trial: the trial to check.
        train: the whole train split.

    Raises:
        UserError: a component is wrong; the message has a line for each mistake.
    """
    strata = KINDS[trial.specification.interface.kind].strata(train.targets)
    examples = len(training_examples(strata, trial.specification, seed=0))
    lines = [
        printable(f"{PARAMS}: variants.{trial.name}.{key}: {problem}")
        for key, problem in _specification_mistakes(
            trial.specification, trial.learning_rate, examples
        )
    ]
    if lines:
        raise UserError("\n".join(lines))


def _specification_mistakes(
    variant: Specification, rate: float, examples: int
) -> Iterator[tuple[str, str]]:
    loss = model = None
    outputs, name = variant.interface.outputs, variant.interface.kind
    kind, fitting = KINDS[name], TARGETS[name].LOSSES
    steps = variant.epochs * variant.steps(examples)
    if hidden := models.hidden(variant.model.name):
        yield "model", f"{hidden} has the name of one of optledger's models; rename it"
    try:
        model = build_model(variant.model, variant.interface)
    except ComponentError as error:
        yield "model", _failed_in_file(error, variant.model) or _told(error)
    try:
        build_optimizer(variant.optimizer)
    except ComponentError as error:
        yield "optimizer", _told(error)
    else:
        problem = _too_long(variant.optimizer, steps) or _step_problem(
            variant.optimizer, min(max(rate, 1e-6), 1e-3)
        )
        if problem:
            yield "optimizer", problem
    try:
        loss = build_loss(variant.loss, kind)
    except ComponentError as error:
        yield "loss", _told(error)
    try:
        build_schedule(variant.schedule, steps)
    except ComponentError as error:
        yield "schedule", _told(error)
    else:
        if variant.schedule is not None and (problem := _too_long(variant.schedule, steps)):
            yield "schedule", problem
    if model is not None:
        if problem := _problem(lambda: _logits(model, variant.interface)):
            yield "model", f"fails with {shown(variant.model.arguments)}: {problem}"
        elif (ending := _activation_twice(model, kind)) is not None:
            yield "model", f"{variant.model.name} ends in a {ending}; remove it to return logits"
    if loss is not None:
        weights = variant.loss.arguments.get("alpha")
        if fitting and variant.loss.name not in fitting:
            allowed = f"{', '.join(fitting)}, as the dataset's target is {name}"
            yield "loss", f"found {variant.loss.name}; allowed: {allowed}"
        elif isinstance(weights, list) and len(weights) != outputs:
            yield "loss", f"found alpha: {shown(weights)}; allowed: {outputs}, one a class"
        elif problem := _problem(lambda: _losses(loss, kind, outputs)):
            found = shown(variant.loss.arguments or variant.loss.name)
            yield "loss", f"{found} does not work as a loss of each example: {problem}"


def _told(error: ComponentError) -> str:
    """Return an error as one line; for a wrong name, with the nearest allowed one."""
    told = error.told(shown)
    known = error.allowed.split(", ")
    # Where words say what is allowed, and not names, none of them is near.
    are_names = error.argument is None and all(map(str.isidentifier, known))
    return told + (did_you_mean(str(error.found), known) if are_names else "")


def _failed_in_file(error: ComponentError, model: Component) -> str | None:
    """Return the error of a user's model with its line; None if it is not one of the file's own."""
    cause, file = error.__context__, models.files().get(model.name)
    if isinstance(cause, models.ModelError):
        return str(cause)
    if cause is None or file is None or file.parent != models.OWN:
        return None
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(cause.__traceback__)
        if Path(frame.filename) == file.resolve()
    ]
    if not lines:
        return None
    given = f" with {shown(model.arguments)}" if model.arguments else ""
    return f"{file}, line {lines[-1]}, fails{given}: {type(cause).__name__}: {one_line(cause)}"


def _activation_twice(model: Any, kind: Kind) -> str | None:
    """Return the activation that a model ends in although losses apply one; None if there is none.

    Such a model trains, but badly.
    """
    last = model
    while isinstance(last, keras.Model):
        last = last.outputs[0]._keras_history.operation
    activation = getattr(last, "activation", last)
    name = str(getattr(activation, "__name__", type(activation).__name__)).lower()
    outputs = tf.zeros((1, 2))
    is_applied = kind.activated(outputs) is not outputs
    return name if is_applied and name in ("sigmoid", "softmax") else None


def _too_long(component: Component, steps: int) -> str | None:
    """Return the mistake if an argument has more steps than a whole training; None otherwise."""
    for name in _STEP_COUNTS:
        count = component.arguments.get(name, 0)
        if isinstance(count, int | float) and count > steps:
            return f"found {name}: {shown(count)}; allowed: at most {steps}, as a training has"
    return None


def _lowest_rate(variant: Variant) -> float:
    rates = variant.learning_rate
    if isinstance(rates, Range):
        return rates.low
    return min(rates) if isinstance(rates, tuple) else rates


@lru_cache
def _step_problem(component: Component, rate: float) -> str | None:
    """Take compiled steps with an optimizer; return its problem if they fail or do not help.

    The caller picks a rate at which steps are neither too large nor lost to rounding.
    """
    if problem := _problem(lambda: _descend(build_optimizer(component), rate)):
        given = f" with {shown(component.arguments)}" if component.arguments else ""
        return f"{component.name} fails{given}: {problem}"
    return None


def _descend(optimizer: Any, rate: float) -> None:
    """Take steps to minimize ½ Σ c w², over a kernel and a bias.

    The first row of the kernel has c = 0: no gradient, like a pixel that is black in every image.

    Raises:
        ValueError: the steps do not lower the sum, or lead to weights that are not finite.
    """
    kernel = np.geomspace(1, 1e-4, 12, dtype=np.float32).reshape(4, 3)
    kernel[:, 1] *= -1
    curvatures = [np.tile(np.arange(4, dtype=np.float32)[:, None], 3), np.ones(3, np.float32)]
    weights = [keras.Variable(kernel), keras.Variable(kernel[1])]
    optimizer.build(weights)
    optimizer.learning_rate = rate
    steps = max(_STEPS, optimizer.gradient_accumulation_steps or 0)

    def step(number: Any) -> tuple[Any]:
        gradients = [c * each.value for c, each in zip(curvatures, weights, strict=True)]
        optimizer.apply(gradients, weights)
        return (number + 1,)

    def height() -> float:
        return sum(
            float(np.sum(c * each.numpy().astype(np.float64) ** 2))
            for c, each in zip(curvatures, weights, strict=True)
        )

    start = height()
    run_compiled(lambda: tf.while_loop(lambda number: number < steps, step, (tf.constant(0),)))
    if not all(np.isfinite(each.numpy()).all() for each in weights):
        raise ValueError(
            f"{steps} steps at learning rate {rate:g} lead to weights that are not finite"
        )
    if not height() < start:
        raise ValueError(f"{steps} steps at learning rate {rate:g} do not lead down a parabola")


def _logits(model: Any, interface: Interface) -> None:
    given = tf.zeros((_EXAMPLES, *interface.shape), model.inputs[0].dtype)
    with dropout.keyed(tf.constant(dropout.step_keys(seed=0, epoch=1, steps=1)[0])):
        logits = model(given, training=True)
    if tuple(logits.shape) != (_EXAMPLES, interface.outputs):
        raise ValueError(f"the shape of its logits is {tuple(logits.shape)}")


def _losses(loss: Callable[[Any, Any], Any], kind: Kind, outputs: int) -> None:
    # More examples than outputs, so that a loss along the wrong axis has a wrong shape.
    examples = outputs + 1
    encoded = kind.some(examples, outputs)
    size = examples * outputs
    logits = tf.constant(4 * np.sin(np.arange(size, dtype=np.float32)).reshape(examples, outputs))
    with tf.GradientTape() as tape:
        tape.watch(logits)
        losses = loss(encoded, logits)
    if tuple(losses.shape) != (examples,):
        raise ValueError(f"the shape for {examples} examples is {tuple(losses.shape)}")
    gradient = tape.gradient(losses, logits)
    if gradient is None or not np.any(gradient):
        raise ValueError("it has no gradient")
    if not np.isfinite(losses).all() or not np.isfinite(gradient).all():
        raise ValueError("it or its gradient is not finite")


def _problem(attempt: Callable[[], None]) -> str | None:
    """Try something with Keras; return its error in one line, or None if it works."""
    try:
        attempt()
    except (Exception, SystemExit) as error:
        return one_line(error)
    return None
