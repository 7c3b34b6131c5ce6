"""What a trained model says of examples, by a compiled forward pass."""

from functools import lru_cache
from typing import Any

import numpy as np
import tensorflow as tf

from optledger.datasets.examples import Examples
from optledger.datasets.interface import Interface, label_type, no_class
from optledger.training.components import build_model
from optledger.training.weights import set_weights
from optledger.trials.trial import Component, Predictions, Weights


def predict(
    model: Component, interface: Interface, weights: Weights, examples: Examples
) -> Predictions:
    """Predict by the compiled forward pass, whose bytes do not depend on the batch."""
    built, forward = _forward(model, interface)
    set_weights(built, weights)
    predicted, losses = forward(tf.constant(examples.inputs), tf.constant(examples.targets))
    found = losses.numpy()
    return Predictions(predicted.numpy(), np.where(np.isinf(found), np.float32(np.nan), found))


@lru_cache(maxsize=1)
def _forward(model: Component, interface: Interface) -> tuple[Any, Any]:
    built = build_model(model, interface)
    none = no_class(interface.classes)

    def forward(inputs: Any, labels: Any) -> tuple[Any, Any]:
        logits = built(inputs, training=False)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(labels, tf.int32), logits)
        finite = tf.reduce_all(tf.math.is_finite(logits), axis=1)
        predicted = tf.where(finite, tf.argmax(logits, axis=1), none)
        return tf.cast(predicted, label_type(interface.classes)), tf.where(finite, losses, np.nan)

    return built, tf.function(forward, jit_compile=True, autograph=False)
