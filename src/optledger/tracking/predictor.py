"""Loads a published model for MLflow, from code and arrays and without pickle.

A model's folder holds a copy of this package as its code, and names this module. MLflow calls
`_load_pyfunc` with the folder of the arrays.
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
from optledger.datasets.interface import Interface
from optledger.training import runtime
from optledger.trials.trial import Component

MODEL, WEIGHTS = "model.json", "weights.npz"

_BATCH = 256

_ALLOWED = "whole numbers from 0 to 255, as the model scales pixels itself"


class Predictor:
    """A trained model that takes raw pixels, or the raw columns of a table."""

    def __init__(self, folder: Path) -> None:
        """Build the model from code and give it the weights in `folder`."""
        if "tensorflow" not in sys.modules:
            runtime.import_tensorflow()
        from optledger.training.components import build_model
        from optledger.training.kinds import KINDS
        from optledger.training.weights import set_weights

        built = read_json(folder / MODEL)
        found: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in built["interface"].items()
        }
        self._interface = Interface(**found)
        self._columns: list[str] = built["columns"]
        self._names: list[str] | None = built["names"]
        self._kind = KINDS[self._interface.kind]
        arguments = dict(built["model"])
        component = Component(arguments.pop("name"), arguments)
        self._model = build_model(component, self._interface)
        set_weights(self._model, read_npz(folder / WEIGHTS))
        # Compiled as in `evaluate`, so that the bytes do not depend on the rest of the batch.
        self._model.compile(jit_compile=True)

    def predict(
        self, model_input: ArrayLike | pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Predict the class, the labels or the number of each image or table row.

        Args:
            model_input: for a model of images, raw pixels: whole numbers from 0 to 255 of any
                type. Their shape is (images, rows, columns), or (images, rows, columns, channels)
                if the model has channels. A table is accepted, too, if it has one column whose
                cells are images as lists. For a model of columns, a table that has the columns by
                name, in any order, or an array of shape (rows, columns).
            params: not used; MLflow passes it.

        Returns:
            One row per item. For classes: `class`, the most probable one, and `probabilities`, of
            each class. For labels: `labels`, a list of those with a probability of at least one
            half, and `probabilities`, of each label. For a number: a column with its name.

        Raises:
            MlflowException: the input does not fit the model. Examples are pixels that were scaled
                to fractions, a missing column and a number that is not finite.
        """
        if self._interface.takes_images:
            given: NDArray[Any] = _pixels(model_input, self._interface.shape)
        else:
            given = _rows(model_input, self._columns)
        starts = range(0, len(given), _BATCH)
        logits = [self._logits(given[start : start + _BATCH]) for start in starts]
        outputs = np.concatenate(logits or [np.zeros((0, self._interface.outputs))])
        return pd.DataFrame(self._kind.answers(outputs, self._names, self._interface))

    def _logits(self, given: NDArray[Any]) -> NDArray[np.float64]:
        """Return the logits of a batch, which is padded to the one size that is compiled."""
        batch = np.zeros((_BATCH, *self._interface.shape), given.dtype)
        batch[: len(given)] = given
        return np.asarray(self._model.predict_on_batch(batch)[: len(given)], np.float64)


def _rows(given: ArrayLike | pd.DataFrame, columns: list[str]) -> NDArray[np.float32]:
    """Return the columns that a model takes, in the model's order; shape (rows, columns)."""
    if isinstance(given, pd.DataFrame):
        named = given.set_axis([str(name) for name in given.columns], axis=1)
        if missing := [name for name in columns if name not in named]:
            raise _refusal(f"no column {missing[0]}", ", ".join(columns))
        given = named[columns]
    values = np.asarray(given)
    if values.dtype.kind not in "buif":
        raise _refusal(f"values of type {values.dtype}", "numbers")
    if values.shape[1:] != (len(columns),):
        raise _refusal(f"shape {values.shape}", f"(rows, {len(columns)})")
    rows = values.astype(np.float32)
    if not np.isfinite(rows).all():
        raise _refusal("a number that is not finite", "finite ones")
    return rows


def _pixels(given: ArrayLike | pd.DataFrame, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return images of any numeric type as bytes, without changing any value."""
    if isinstance(given, pd.DataFrame):
        if len(given.columns) != 1:
            raise _refusal(f"a table with {len(given.columns)} columns", "one, of images")
        images = np.array(given.iloc[:, 0].tolist())
        # MLflow may pass each image as one flat list.
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
    # This code gives the server's answer the status of a client's mistake.
    return MlflowException(f"found {found}; allowed: {allowed}", INVALID_PARAMETER_VALUE)


def _load_pyfunc(path: str) -> Predictor:
    """Load the model. MLflow calls this function by its name."""
    return Predictor(Path(path))
