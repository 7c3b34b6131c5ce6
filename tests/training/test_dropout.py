from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from masks import mask
from optledger.training.dropout import Dropout, keyed, step_keys


def dropped(
    rate: float, key: NDArray[np.uint32], shape: tuple[int, ...], layers: int = 1
) -> NDArray[np.float32]:
    """Return what the last of so many layers makes of ones, compiled."""

    def call() -> Any:
        with keyed(tf.constant(key)):
            return [Dropout(rate)(tf.ones(shape), training=True) for _ in range(layers)][-1]

    return tf.function(call, jit_compile=True, autograph=False)().numpy()


@pytest.mark.parametrize(("rate", "layer"), [(0.5, 1), (0.5, 2), (0.2, 1), (0.999, 3)])
def test_a_mask_is_the_hash_of_key_layer_and_position(rate: float, layer: int) -> None:
    """As NumPy computes it; what is kept is scaled by 1 / (1 - rate)."""
    key = step_keys(seed=3, epoch=2, steps=5)[4]
    kept = mask(key, layer, (32, 16), rate)
    expected = np.where(kept, np.float32(1 / (1 - rate)), 0)
    np.testing.assert_allclose(dropped(rate, key, (32, 16), layer), expected, rtol=1e-6)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_masks_look_random(rate: float) -> None:
    """The share is the rate; steps, layers, examples and units have nothing to do with each other.

    Each mean and correlation is within five standard deviations of what independent draws have.
    """
    keys = [*step_keys(0, 1, 8), *step_keys(0, 2, 8), *step_keys(1, 1, 8)]
    kept = np.array(
        [mask(key, layer, (32, 128), rate) for key in keys for layer in (1, 2)], np.float64
    )
    flat = kept.reshape(len(kept), -1)
    assert abs(flat.mean() - (1 - rate)) < 5 * np.sqrt(rate * (1 - rate) / flat.size)
    assert np.abs(flat.mean(axis=1) - (1 - rate)).max() < 5 * np.sqrt(rate * (1 - rate) / 4096)
    between_steps = np.corrcoef(flat)[np.triu_indices(len(flat), 1)]
    assert np.abs(between_steps).max() < 5 / np.sqrt(4096)
    between_units = np.corrcoef(kept.reshape(-1, 128).T)[np.triu_indices(128, 1)]
    assert np.abs(between_units).max() < 5 / np.sqrt(32 * len(kept))
    shifted = [np.corrcoef(a[:-1], a[1:])[0, 1] for a in flat]
    assert np.abs(shifted).max() < 5 / np.sqrt(4096)


def test_nothing_is_dropped_but_in_training() -> None:
    """Nor with a rate of 0, for which no key is needed."""
    ones = tf.ones((4, 4))
    assert Dropout(0.5)(ones).numpy().tolist() == ones.numpy().tolist()
    assert Dropout(0.0)(ones, training=True).numpy().tolist() == ones.numpy().tolist()


def test_training_without_a_key_is_refused() -> None:
    """Rather than drop the same units in every step."""
    with pytest.raises(RuntimeError, match="needs the key of the step"):
        Dropout(0.5)(tf.ones((4, 4)), training=True)


def test_every_step_has_a_key_of_its_own() -> None:
    """Of its seed and epoch, too."""
    keys = [
        tuple(key)
        for seed in (0, 1)
        for epoch in (1, 2)
        for key in step_keys(seed, epoch, 2000).tolist()
    ]
    assert len(set(keys)) == len(keys)
    assert step_keys(0, 1, 5).tolist() == step_keys(0, 1, 5).tolist()
