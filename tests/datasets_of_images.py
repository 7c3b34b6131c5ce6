"""Images as files."""

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

PIXELS: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)


def png(pixels: NDArray[Any]) -> bytes:
    """Return pixels as a PNG file."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()
