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
from optledger.datasets.interface import Interface
from optledger.training import runtime
from optledger.trials.trial import Component

MODEL, WEIGHTS = "model.json", "weights.npz"

_BATCH = 256

_ALLOWED = "whole numbers from 0 to 255, as the model scales pixels itself"


class Predictor:
    """A model of raw pixels, or of raw columns."""

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
        # As `evaluate` has it: the compiled forward pass, whose bytes do not depend on the batch.
        self._model.compile(jit_compile=True)

    def predict(
        self, model_input: ArrayLike | pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Tell the class, the labels or the number of images, or of the rows of a table.

        Args:
            model_input: raw pixels, whole numbers from 0 to 255 of any type, shape (images, rows,
                columns) and with channels if the model has them; or a table with one column, whose
                rows are images as lists. For a model of columns, a table that has them by their
                names, in any order, or an array of shape (rows, columns).
            params: none; MLflow passes it.

        Returns:
            A row per item: `class`, the most probable one, and `probabilities`, of each class;
            `labels`, a list of those that are as likely as not, or more, and `probabilities`; or
            the number, by its name.

        Raises:
            MlflowException: these are no raw pixels, as where they were scaled to fractions, or
                not these columns.
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
        """Return the logits of a batch, filled up to the one size that is compiled."""
        batch = np.zeros((_BATCH, *self._interface.shape), given.dtype)
        batch[: len(given)] = given
        return np.asarray(self._model.predict_on_batch(batch)[: len(given)], np.float64)


def _rows(given: ArrayLike | pd.DataFrame, columns: list[str]) -> NDArray[np.float32]:
    """Return the columns that a model takes, in its order, shape (rows, columns)."""
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


def _load_pyfunc(path: str) -> Predictor:
    """Load the model, as MLflow asks for it."""
    return Predictor(Path(path))
