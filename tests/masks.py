"""Dropout masks as NumPy computes them, for what has to agree with them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def mixed(words: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Mix the bits of each word as MurmurHash3 ends: in NumPy, whose integers wrap around."""
    words = (words ^ (words >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    words = (words ^ (words >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    return words ^ (words >> np.uint32(16))


def mask(key: NDArray[np.uint32], layer: int, shape: tuple[int, ...], rate: float) -> Any:
    """Return which units the `layer`th layer of a step keeps, computed in NumPy."""
    positions = np.arange(np.prod(shape), dtype=np.uint32)
    layer_key = np.uint32(layer * 0x85EBCA77 % 2**32)
    with np.errstate(over="ignore"):
        first = mixed(positions * np.uint32(0x9E3779B1) + key[0] + layer_key)
        hashes = mixed(first ^ key[1])
    return (hashes >= rate * 2**32).reshape(shape)
