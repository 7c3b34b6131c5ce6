"""What MLflow loads a published model by: code and arrays, no pickle.

A model's folder holds this package as its code, and names this module, whose `_load_pyfunc` MLflow
calls with the folder of the arrays.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from optledger.core.formats import read_json, read_npz
from optledger.training import runtime
from optledger.trials.trial import Component

MODEL, WEIGHTS = "model.json", "weights.npz"

_BATCH = 256

_DECIMALS = 6


class Predictor:
    """A classifier of raw pixels."""

    def __init__(self, folder: Path) -> None:
        """Build the model from code and give it the weights in `folder`."""
        if "tensorflow" not in sys.modules:
            runtime.import_tensorflow()
        from optledger.training.components import build_model
        from optledger.training.weights import set_weights

        built = read_json(folder / MODEL)
        self._image_shape = tuple(built["image_shape"])
        arguments = dict(built["model"])
        component = Component(arguments.pop("name"), arguments)
        self._model = build_model(component, self._image_shape, built["classes"])
        set_weights(self._model, read_npz(folder / WEIGHTS))
        # As `evaluate` has it: the compiled forward pass, whose bytes do not depend on the batch.
        self._model.compile(jit_compile=True)

    def predict(
        self, model_input: NDArray[np.uint8], params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Classify images.

        Args:
            model_input: raw pixels from 0 to 255, shape (images, rows, columns).
            params: none; MLflow passes it.

        Returns:
            A row per image: `class`, the most probable one, and `probabilities`, of each class.

        Raises:
            ValueError: no pixel is above 1, as of pixels that were scaled and then cut to integers.
        """
        if len(model_input) and model_input.max() <= 1:
            raise ValueError("no pixel is above 1: the model scales pixels itself, send 0 to 255")
        starts = range(0, len(model_input), _BATCH)
        logits = [self._logits(model_input[start : start + _BATCH]) for start in starts]
        return _table(np.concatenate(logits or [np.zeros((0, 1))]))

    def _logits(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the logits of a batch, filled up to the one size that is compiled."""
        batch = np.zeros((_BATCH, *self._image_shape), np.uint8)
        batch[: len(images)] = images
        return np.asarray(self._model.predict_on_batch(batch)[: len(images)], np.float64)


def _table(logits: NDArray[np.float64]) -> pd.DataFrame:
    scores = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = (scores / scores.sum(axis=1, keepdims=True)).round(_DECIMALS)
    return pd.DataFrame(
        {"class": logits.argmax(axis=1), "probabilities": list(probabilities.tolist())}
    )


def _load_pyfunc(path: str) -> Predictor:
    """Load the model, as MLflow asks for it."""
    return Predictor(Path(path))
