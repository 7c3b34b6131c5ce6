"""What MLflow loads a published model by: code and arrays, no pickle.

A model's folder holds this package as its code, and names this module, whose `_load_pyfunc` MLflow
calls with the folder of the arrays.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from numpy.typing import ArrayLike, NDArray

from optledger.core.formats import read_json, read_npz
from optledger.training import runtime
from optledger.trials.trial import Component

MODEL, WEIGHTS = "model.json", "weights.npz"

_BATCH = 256

_DECIMALS = 6

_ALLOWED = "whole numbers from 0 to 255, as the model scales pixels itself"


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
        self, model_input: ArrayLike | pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Classify images.

        Args:
            model_input: raw pixels, whole numbers from 0 to 255 of any type, shape (images, rows,
                columns); or a table with one column, whose rows are images as lists.
            params: none; MLflow passes it.

        Returns:
            A row per image: `class`, the most probable one, and `probabilities`, of each class.

        Raises:
            MlflowException: these are no raw pixels, as where they were scaled to fractions.
        """
        images = _pixels(model_input, self._image_shape)
        starts = range(0, len(images), _BATCH)
        logits = [self._logits(images[start : start + _BATCH]) for start in starts]
        return _table(np.concatenate(logits or [np.zeros((0, 1))]))

    def _logits(self, images: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return the logits of a batch, filled up to the one size that is compiled."""
        batch = np.zeros((_BATCH, *self._image_shape), np.uint8)
        batch[: len(images)] = images
        return np.asarray(self._model.predict_on_batch(batch)[: len(images)], np.float64)


def _pixels(given: ArrayLike | pd.DataFrame, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return images of any type of number as bytes, each of whose values is the one given."""
    if isinstance(given, pd.DataFrame):
        if len(given.columns) != 1:
            raise _refusal(f"a table with {len(given.columns)} columns", "one, of images")
        images = np.array(given.iloc[:, 0].tolist())
        # Rows may be flat there, as MLflow has them.
        values = (
            images.reshape(-1, *shape) if images.size == len(given) * np.prod(shape) else images
        )
    else:
        values = np.asarray(given)
    if values.shape[1:] != shape:
        allowed = ", ".join(map(str, ("images", *shape)))
        raise _refusal(f"shape {values.shape}", f"({allowed})")
    if values.dtype.kind not in "uif":
        raise _refusal(f"values of type {values.dtype}", _ALLOWED)
    wrong = values[~((values >= 0) & (values <= 255) & (values == np.floor(values)))]
    if wrong.size:
        raise _refusal(f"the pixel {wrong[0]:g}", _ALLOWED)
    return values.astype(np.uint8)


def _refusal(found: str, allowed: str) -> MlflowException:
    # With a status by which a server says that the mistake is its client's.
    return MlflowException(f"found {found}; allowed: {allowed}", INVALID_PARAMETER_VALUE)


def _table(logits: NDArray[np.float64]) -> pd.DataFrame:
    scores = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = (scores / scores.sum(axis=1, keepdims=True)).round(_DECIMALS)
    return pd.DataFrame(
        {"class": logits.argmax(axis=1), "probabilities": list(probabilities.tolist())}
    )


def _load_pyfunc(path: str) -> Predictor:
    """Load the model, as MLflow asks for it."""
    return Predictor(Path(path))
