"""Writes a model as the folder that MLflow stores: code, arrays, and the columns it predicts.

Serving the model needs the packages of its requirements.txt and nothing else. The folder is written
without TensorFlow and without pickle: it names the module that MLflow loads the model with.
"""

import logging
import shutil
import tempfile
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.entities import LoggedModel

import optledger
from optledger.core.formats import write_json, write_npz
from optledger.core.packages import distribution, version
from optledger.datasets.kinds import KINDS
from optledger.tracking import predictor
from optledger.tracking.champion import ChampionModel
from optledger.training import models

PREDICTIONS = "data/model/predictions.npz"
"""The test predictions, beside the weights. Later models are compared with them."""

# The files of this package that loading a model needs, besides the whole of `training`.
_CODE = (
    *("__init__.py", "core/__init__.py", "core/errors.py", "core/formats.py"),
    *("datasets/__init__.py", "datasets/interface.py"),
    *("tracking/__init__.py", "tracking/predictor.py"),
    *("trials/__init__.py", "trials/trial.py"),
)
_TRAINING = "training"

# The packages that this code imports.
_REQUIREMENTS = ("keras", "mlflow", "numpy", "pandas", "tensorflow")


def write_model(folder: Path, champion: ChampionModel, logged: LoggedModel, created: int) -> None:
    """Write the folder of a model; the same content gives the same bytes.

    Args:
        folder: the folder to write, which must not exist yet.
        champion: the model.
        logged: MLflow's record of the model. Its ids and its location are written to the folder.
        created: the creation time, in milliseconds since 1970.
    """
    # These imports take half a second. A publication that finds its model complete skips them.
    from mlflow import pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema

    # This logger announces that MLflow validates the input example.
    logging.getLogger("mlflow.pyfunc").setLevel(logging.WARNING)
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary) / Path(PREDICTIONS).parent.name
        code = Path(temporary) / optledger.__name__
        _write_data(data, champion)
        _copy_code(code, champion.model.name)
        pyfunc.save_model(
            folder,
            loader_module=predictor.__name__,
            data_path=str(data),
            code_paths=[str(code)],
            mlflow_model=Model(
                artifact_path=logged.artifact_location,
                model_uuid=logged.model_id,
                model_id=logged.model_id,
                run_id=logged.source_run_id,
                utc_time_created=datetime.fromtimestamp(created / 1000, UTC).replace(tzinfo=None),
            ),
            # Outputs only. A signature of inputs would make MLflow reject arrays of other types. It
            # would also cast a request's numbers to its type before the model could refuse them.
            signature=ModelSignature(
                outputs=Schema([_column(*each) for each in _answers(champion)]),
            ),
            input_example=_example(champion),
            pip_requirements=[f"{distribution(name)}=={version(name)}" for name in _REQUIREMENTS],
        )


def _answers(champion: ChampionModel) -> list[tuple[str, str]]:
    """Return the name and the type of each column that the model predicts."""
    return KINDS[champion.interface.kind].answers(champion.names)


def _column(name: str, told: str) -> Any:
    """Return a column for MLflow; a type that ends with an s means lists of that type."""
    from mlflow.types import ColSpec, DataType
    from mlflow.types.schema import Array

    each = DataType[told.removesuffix("s")]
    return ColSpec(Array(each) if told.endswith("s") else each, name)


def _example(champion: ChampionModel) -> Any:
    if champion.interface.takes_images:
        return champion.input_example
    return pd.DataFrame(champion.input_example, columns=list(champion.columns))


def _copy_code(folder: Path, model: str) -> None:
    source = Path(optledger.__file__).parent
    for name in _CODE:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, folder / name)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source / _TRAINING, folder / _TRAINING, ignore=ignored)
    # A model of the user's is stored among those of the package: whoever loads it has no folder
    # `models/`.
    shutil.copyfile(models.files()[model], folder / _TRAINING / f"models/{model}.py")


def _write_data(folder: Path, champion: ChampionModel) -> None:
    built = {
        "model": champion.model.model_dump(mode="json"),
        "interface": asdict(champion.interface),
        "columns": champion.columns,
        "names": champion.names,
    }
    write_json(folder / predictor.MODEL, built)
    write_npz(folder / predictor.WEIGHTS, champion.weights)
    write_npz(folder / Path(PREDICTIONS).name, champion.predictions)
