"""The folder that a model is in MLflow: code, arrays, and what it takes and gives.

It serves where the packages of its requirements.txt are installed and nothing else is. Written
without TensorFlow, and without pickle: MLflow is given the name of a module to load it by.
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
"""Beside the weights: what later models are compared with."""

# What of this package loads a model: that, and all that models may be made of.
_CODE = (
    *("__init__.py", "core/__init__.py", "core/errors.py", "core/formats.py"),
    *("datasets/__init__.py", "datasets/interface.py"),
    *("tracking/__init__.py", "tracking/predictor.py"),
    *("trials/__init__.py", "trials/trial.py"),
)
_TRAINING = "training"

# What that imports.
_REQUIREMENTS = ("keras", "mlflow", "numpy", "pandas", "tensorflow")


def write_model(folder: Path, champion: ChampionModel, logged: LoggedModel, created: int) -> None:
    """Write the folder, which must not be there; the same content is the same bytes.

    Args:
        folder: where to.
        champion: the model.
        logged: MLflow's record of it, whose ids and place the folder names.
        created: in milliseconds since 1970.
    """
    # Half a second, which publishing what is already there can do without.
    from mlflow import pyfunc
    from mlflow.models import Model, ModelSignature
    from mlflow.types import Schema

    # Where it says that it validates the input example.
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
            # Of outputs alone. By one of inputs, MLflow would cut the numbers of a request to its
            # type before the model could refuse them, and refuse arrays of all other types.
            signature=ModelSignature(
                outputs=Schema([_column(*each) for each in _answers(champion)]),
            ),
            input_example=_example(champion),
            pip_requirements=[f"{distribution(name)}=={version(name)}" for name in _REQUIREMENTS],
        )


def _answers(champion: ChampionModel) -> list[tuple[str, str]]:
    """Return the columns of what the model says, and their types."""
    return KINDS[champion.interface.kind].answers(champion.names)


def _column(name: str, told: str) -> Any:
    """Return a column for MLflow; one of lists where the type ends with an s."""
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
    # The user's own is one of the package's there: whoever loads it has no folder of models.
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
