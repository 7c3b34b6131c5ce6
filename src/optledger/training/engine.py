"""Compiled training: one call of one XLA program runs a whole epoch and its validation.

An engine has one model, one optimizer and one compiled function. It runs trials that differ only
in seed and learning rate, and resets the variables for each of them.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from optledger.datasets.examples import Examples
from optledger.datasets.sampling import training_examples
from optledger.training import dropout
from optledger.training.components import build_loss, build_model, build_optimizer, build_schedule
from optledger.training.kinds import KINDS
from optledger.training.weights import get_weights, initial_weights, set_weights
from optledger.trials.plateau import best_epoch, converged_epoch
from optledger.trials.trial import (
    Divergence,
    Epoch,
    Specification,
    Trial,
    TrialResult,
)


def batch_order(examples: int, seed: int, epoch: int) -> NDArray[np.int32]:
    """Return the order in which an epoch visits the examples; the same for all specifications."""
    return np.random.default_rng([seed, epoch]).permutation(examples).astype(np.int32)


class Engine:
    """A model, an optimizer and their compiled epoch, with the data in memory."""

    def __init__(self, specification: Specification, train: Examples, validation: Examples) -> None:
        """Build the model and the optimizer. Compiling waits for the first epoch.

        Args:
            specification: what all trials of this engine have in common.
            train: the train split, of which the specification chooses examples.
            validation: the examples for the validation after each epoch; may be empty.
        """
        self.specification = specification
        self._architecture = specification.model, specification.interface
        self._model = build_model(*self._architecture)
        self._optimizer = build_optimizer(specification.optimizer)
        self._optimizer.build(self._model.trainable_variables)
        self._kind = KINDS[specification.interface.kind]
        self._loss = build_loss(specification.loss, self._kind)
        self._strata = self._kind.strata(train.targets)
        self._train = self._resident(train)
        self._validation = self._resident(validation)
        chosen = training_examples(self._strata, specification, seed=0)
        self._examples = len(chosen)
        self._class_weights = _class_weights(specification, self._strata[chosen])
        size = self._examples if specification.batch_size == "full" else specification.batch_size
        self._batch_size = size
        steps = specification.steps(self._examples)
        schedule = build_schedule(specification.schedule, specification.epochs * steps)
        self._schedule = schedule.reshape(specification.epochs, steps)
        self._epoch = tf.function(self._run_epoch, jit_compile=True, autograph=False)

    def train(
        self, trial: Trial, on_epoch: Callable[[int, float], None] = lambda epoch, seconds: None
    ) -> TrialResult:
        """Train from the seed's initial weights.

        Args:
            trial: a trial of this engine's specification.
            on_epoch: called after each epoch with its number, from 1, and its seconds.
        """
        self._reset(trial.seed)
        stopping = self.specification.early_stopping
        examples = training_examples(self._strata, self.specification, trial.seed).astype(np.int32)
        history: list[Epoch] = []
        kept, weights = 0, None
        divergence = None
        for epoch, factors in enumerate(self._schedule, start=1):
            order = tf.constant(examples[batch_order(self._examples, trial.seed, epoch)])
            rates = tf.constant(trial.learning_rate, tf.float32) * factors
            keys = tf.constant(dropout.step_keys(trial.seed, epoch, len(factors)))
            started = time.perf_counter()
            bad_step, *metrics = (value.numpy() for value in self._epoch(order, rates, keys))
            on_epoch(epoch, time.perf_counter() - started)
            # Sums of finite losses may be infinite. NaN is no fault: an empty validation gives it.
            if bad_step or any(map(math.isinf, metrics)):
                divergence = Divergence(epoch, int(bad_step) or len(factors))
                break
            history.append(Epoch(*(float(metric) for metric in metrics)))
            if stopping:
                monitored = [each.of(stopping.monitor) for each in history]
                if stopping.restore_best and best_epoch(monitored, stopping) == epoch:
                    kept, weights = epoch, get_weights(self._model)
                if converged_epoch(monitored, stopping) is not None:
                    break
        return TrialResult(
            learning_rate=trial.learning_rate,
            seed=trial.seed,
            weights=weights or get_weights(self._model),
            history=history,
            kept_epoch=kept or len(history),
            divergence=divergence,
        )

    def _reset(self, seed: int) -> None:
        set_weights(self._model, initial_weights(*self._architecture, seed))
        # Build it after setting the weights: ScheduleFreeAdamW's state starts as a copy of them.
        fresh = build_optimizer(self.specification.optimizer)
        fresh.build(self._model.trainable_variables)
        for variable, value in zip(self._optimizer.variables, fresh.variables, strict=True):
            variable.assign(value)

    def _run_epoch(self, order: Any, rates: Any, keys: Any) -> tuple[Any, ...]:
        """Take all steps of an epoch, then validate.

        Args:
            order: int32, shape (examples,): indices into the train split, batch after batch.
            rates: float32, shape (steps,): the learning rate of each step.
            keys: uint32, shape (steps, 2): the key of each step's dropout masks.

        Returns:
            The first step whose loss is not finite, or 0; then the metrics of `Epoch`. The last
            step counts, too, if the weights or validation losses after it are not finite.
        """
        size = self._batch_size
        steps = self._examples // size
        rest = self._examples - steps * size

        def step(state: tuple[Any, ...], batch: int) -> tuple[Any, ...]:
            number, loss, tally, bad_step = state
            indices = tf.slice(order, [number * size], [batch])
            batch_loss, batch_tally = self._step(indices, rates[number], keys[number])
            bad_step = _first_bad(bad_step, number + 1, batch_loss)
            return number + 1, loss + batch_loss, tally + batch_tally, bad_step

        state = (tf.constant(0), tf.constant(0.0), self._kind.nothing(), tf.constant(0))
        state = tf.while_loop(
            lambda number, *_: number < steps, lambda *state: step(state, size), state
        )
        if rest:
            state = step(state, rest)
        _, loss, tally, bad_step = state
        inputs, encoded = self._validation
        validation_loss, validation_tally = self._measured(inputs, encoded, training=False)
        # Damage by the last step shows only in the weights, or in the validation losses.
        for values in (*self._model.trainable_variables, validation_loss):
            bad_step = _first_bad(bad_step, steps + bool(rest), values)
        count = tf.cast(tf.shape(encoded)[0], tf.float32)
        interface = self.specification.interface
        return (
            bad_step,
            loss / self._examples,
            self._kind.score(tally, self._examples, interface),
            tf.reduce_sum(validation_loss) / count,
            self._kind.score(validation_tally, count, interface),
        )

    def _step(self, indices: Any, rate: Any, key: Any) -> tuple[Any, Any]:
        """Take a step on the examples at `indices`; return their summed loss and tally."""
        self._optimizer.learning_rate = rate
        inputs, encoded = (tf.gather(values, indices) for values in self._train)
        with tf.GradientTape() as tape:
            with dropout.keyed(key):
                losses, tally = self._measured(inputs, encoded, training=True)
            objective = tf.reduce_mean(self._weighted(losses, encoded)) + self._penalty()
        variables = self._model.trainable_variables
        self._optimizer.apply(tape.gradient(objective, variables), variables)
        return tf.reduce_sum(losses), tally

    def _weighted(self, losses: Any, encoded: Any) -> Any:
        if self._class_weights is None:
            return losses
        return losses * tf.linalg.matvec(encoded, self._class_weights)

    def _penalty(self) -> Any:
        """Return the L1 and L2 penalties, plus the penalties of the model's own layers.

        Nothing reads the value, so that the compiled step computes only its gradient.
        """
        kernels = [each for each in self._model.trainable_variables if each.name == "kernel"]
        penalties = [tf.constant(0.0), *self._model.losses]
        l1, l2 = self.specification.l1, self.specification.l2
        if l1:
            penalties += [l1 * tf.reduce_sum(tf.abs(each)) for each in kernels]
        if l2:
            penalties += [l2 * tf.reduce_sum(tf.square(each)) for each in kernels]
        return tf.add_n(penalties)

    def _measured(self, inputs: Any, encoded: Any, training: bool) -> tuple[Any, Any]:
        """Return the loss of each example, and the examples' tally for the score."""
        outputs = self._model(inputs, training=training)
        return self._loss(encoded, outputs), self._kind.tally(encoded, outputs)

    def _resident(self, examples: Examples) -> tuple[Any, Any]:
        encoded = self._kind.encoded(examples.targets, self.specification.interface)
        return tf.constant(examples.inputs), tf.constant(encoded)


def _first_bad(bad_step: Any, step: Any, values: Any) -> Any:
    finite = tf.reduce_all(tf.math.is_finite(values))
    is_first = tf.logical_and(tf.equal(bad_step, 0), tf.logical_not(finite))
    return tf.where(is_first, step, bad_step)


def _class_weights(specification: Specification, labels: NDArray[Any]) -> Any:
    """Return the loss weight of each class, shape (classes,), or None if all weights are 1."""
    if specification.class_weights is None:
        return None
    if specification.class_weights == "balanced":
        classes = specification.interface.outputs
        counts = np.bincount(labels, minlength=classes)
        # A class without examples has no losses to weigh.
        return tf.constant(len(labels) / (classes * np.maximum(counts, 1)), tf.float32)
    return tf.constant(specification.class_weights, tf.float32)
