"""What the published model takes for images, whatever client it comes from, and what it refuses."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray

from optledger.core.formats import write_json, write_npz
from optledger.datasets.interface import Interface
from optledger.tracking.predictor import MODEL, WEIGHTS, Predictor

SHAPE = (8, 8)

RAW = np.random.default_rng(0).integers(0, 256, (5, *SHAPE), np.uint8)

IMAGES = {
    "raw": RAW,
    "black": np.zeros_like(RAW),
    "binary": (RAW > 128).astype(np.uint8),
    "white": np.full_like(RAW, 255),
}

# How clients give the same images: JSON is lists, or arrays of MLflow's; and arrays of Python.
CLIENTS: dict[str, Callable[[NDArray[np.uint8]], Any]] = {
    **{
        kind: lambda images, kind=kind: images.astype(kind)  # type: ignore[misc]
        for kind in ("uint8", "int32", "int64", "uint64", "float16", "float32", "float64")
    },
    "lists": lambda images: images.tolist(),
    "a table of flat lists": lambda images: pd.DataFrame({"a": images.reshape(5, -1).tolist()}),
    "a table of nested lists": lambda images: pd.DataFrame({"a": images.tolist()}),
    "a table of arrays": lambda images: pd.DataFrame({"a": list(images)}),
}


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    """A model with random weights."""
    folder = tmp_path_factory.mktemp("model")
    model = {"name": "mlp", "hidden_units": [4]}
    interface = asdict(Interface(SHAPE, 10))
    built = {"model": model, "interface": interface, "columns": [], "names": None}
    write_json(folder / MODEL, built)
    shapes = {"00_kernel": (64, 4), "01_bias": (4,), "02_kernel": (4, 10), "03_bias": (10,)}
    random = np.random.default_rng(0)
    weights = {name: random.normal(size=shape) for name, shape in shapes.items()}
    write_npz(folder / WEIGHTS, {name: each.astype(np.float32) for name, each in weights.items()})
    return Predictor(folder)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("images", IMAGES)
def test_every_client_gets_the_classes_of_raw_pixels(
    predictor: Predictor, images: str, client: str
) -> None:
    """Those of the bytes, also where no pixel is above 1."""
    expected = predictor.predict(IMAGES[images])
    assert len(expected) == 5
    assert predictor.predict(CLIENTS[client](IMAGES[images])).equals(expected)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (RAW / 255, "found the pixel 0."),
        ((RAW / 255).astype(np.float32), "found the pixel 0."),
        ((RAW / 255).tolist(), "found the pixel 0."),
        (pd.DataFrame({"a": (RAW / 255).tolist()}), "found the pixel 0."),
        (RAW.astype(float) - 0.5, "found the pixel "),
        (RAW.astype(int) - 256, "found the pixel -"),
        (RAW.astype(int) + 256, "found the pixel "),
        (np.full((1, *SHAPE), np.nan), "found the pixel nan"),
        (np.full((1, *SHAPE), np.inf), "found the pixel inf"),
        (RAW > 128, "found values of type bool"),
        (RAW.astype(str), "found values of type <U"),
        (RAW.astype(object), "found values of type object"),
        (RAW[0], r"found shape \(8, 8\)"),
        (RAW[:, 1:], r"found shape \(5, 7, 8\)"),
        (RAW.reshape(5, -1), r"found shape \(5, 64\)"),
        ([], r"found shape \(0,\)"),
        (pd.DataFrame(RAW.reshape(5, -1)), "found a table with 64 columns"),
        (pd.DataFrame({"a": [1, 2]}), r"found shape \(2,\)"),
    ],
)
def test_what_are_no_raw_pixels_is_refused(predictor: Predictor, given: Any, said: str) -> None:
    """In a line, rather than cut to bytes."""
    with pytest.raises(MlflowException, match=f"^{said}.*; allowed: ") as caught:
        predictor.predict(given)
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    assert "\n" not in str(caught.value)


def test_no_images_have_no_classes(predictor: Predictor) -> None:
    """An answer without rows."""
    assert predictor.predict(RAW[:0]).empty
