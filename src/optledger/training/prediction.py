"""Predictions of trained models, by a compiled forward pass."""

from functools import lru_cache
from typing import Any

import numpy as np
import tensorflow as tf

from optledger.datasets.examples import Examples
from optledger.datasets.interface import Interface
from optledger.training.components import build_model
from optledger.training.kinds import KINDS
from optledger.training.weights import set_weights
from optledger.trials.trial import Component, Predictions, Weights


def predict(
    model: Component, interface: Interface, weights: Weights, examples: Examples
) -> Predictions:
    """Return a trained model's predictions for some examples, and its losses.

    The compiled forward pass gives the same bytes in any batch. Losses that are not finite are NaN.
    """
    built, forward = _forward(model, interface)
    set_weights(built, weights)
    predicted, losses = forward(tf.constant(examples.inputs), tf.constant(examples.targets))
    found = losses.numpy()
    return Predictions(predicted.numpy(), np.where(np.isinf(found), np.float32(np.nan), found))


@lru_cache(maxsize=1)
def _forward(model: Component, interface: Interface) -> tuple[Any, Any]:
    built = build_model(model, interface)
    kind = KINDS[interface.kind]

    def forward(inputs: Any, targets: Any) -> tuple[Any, Any]:
        outputs = built(inputs, training=False)
        losses = kind.losses(targets, outputs, interface)
        finite = tf.reduce_all(tf.math.is_finite(outputs), axis=1)
        predicted = kind.predicted(outputs, finite, interface)
        return predicted, tf.where(finite, losses, np.nan)

    return built, tf.function(forward, jit_compile=True, autograph=False)
