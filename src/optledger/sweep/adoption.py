"""Takes finished trials from DVC's cache into the store, as after `dvc pull` in a new clone.

Trials are accepted only if dvc.lock records the same code, data and packages as here.
"""

import json
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from optledger.core import params
from optledger.core.documents import read_yaml
from optledger.core.errors import UserError
from optledger.core.formats import file_digest, read
from optledger.core.paths import LOCK, PARAMS, TRIALS
from optledger.core.tables import records
from optledger.datasets.interface import Interface
from optledger.pipeline.description import Pipeline, Stage, opened
from optledger.pipeline.digests import Digests
from optledger.sweep.keys import Keys
from optledger.training import kernels
from optledger.trials.observations import FinishedTrial
from optledger.trials.records import (
    read_history,
    read_search,
    read_trials,
    read_weights,
    score_of,
)
from optledger.trials.specify import specify
from optledger.trials.store import Store
from optledger.trials.trial import Divergence, Epoch, Trial, TrialResult

_PINS = Path("requirements.lock")


def adopt(names: Sequence[str], interface: Interface, keys: Keys, store: Store) -> int:
    """Put the trials of some variants from DVC's cache into the store; return how many.

    A variant is left out unless all that its trials depend on is known to be the same here.
    """
    # The lock does not record the processor. Without the pin, this one may give other bytes.
    if not LOCK.exists() or kernels.why_not() is not None:
        return 0
    taken = 0
    with suppress(UserError), opened() as pipeline:
        digests = Digests(pipeline.files_below, lambda _: None)
        wanted = {f"train@{name}": name for name in names}
        for stage in pipeline.stages:
            if stage.name in wanted and _is_of_this_code(stage, digests):
                taken += _adopt_variant(wanted[stage.name], stage, pipeline, interface, keys, store)
    return taken


def _is_of_this_code(stage: Stage, digests: Digests) -> bool:
    return all(digests.of(path) == md5 for path, md5 in stage.dependencies.items())


def _adopt_variant(
    name: str, stage: Stage, pipeline: Pipeline, interface: Interface, keys: Keys, store: Store
) -> int:
    md5 = stage.outputs.get(TRIALS / name)
    if md5 is None:
        return 0
    taken = 0
    # Files from another version of the pipeline, or damaged ones: the variant is trained again.
    with suppress(UserError, OSError, ValueError), tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _check_out(pipeline, md5, folder)
        specification = specify(_recorded(name, stage), interface)
        for result in (*_finals(folder), *_searched(folder)):
            trial = keys.keyed(Trial(name, specification, result.learning_rate, result.seed))
            if not _are_pinned(trial.document["packages"]):
                return 0
            if trial.key not in store:
                taken += store.put(trial.document, FinishedTrial(result, None))
    return taken


def _are_pinned(packages: Mapping[str, str]) -> bool:
    """Whether these packages are those of requirements.lock, with which the trials were made."""
    pinned = {line.split(maxsplit=1)[0] for line in read(_PINS).decode().splitlines() if line}
    return all(release.replace(" ", "==") in pinned for release in packages.values())


def _check_out(pipeline: Pipeline, md5: str, folder: Path) -> None:
    """Fill a folder with links to the files of a folder in DVC's cache.

    Raises:
        OSError: an object is not in the cache.
        ValueError: an object is damaged.
    """
    for entry in json.loads(_object(pipeline, md5).read_text()):
        target = folder / entry["relpath"]
        target.symlink_to(_object(pipeline, entry["md5"]).resolve())


def _object(pipeline: Pipeline, md5: str) -> Path:
    path = pipeline.object_path(md5)
    if file_digest(path, "md5") != md5.removesuffix(".dir"):
        raise ValueError(f"{path}: found other bytes than its name says")
    return path


def _recorded(name: str, stage: Stage) -> params.Variant:
    """Return a variant with the parameters that it was trained with, as recorded in dvc.lock.

    Raises:
        UserError: the recorded parameters are no longer allowed.
    """
    recorded, _ = stage.parameters[PARAMS]
    own = f"variants.{name}"
    document: dict[str, Any] = {
        **read_yaml(PARAMS),
        **{section: value for section, value in recorded.items() if section != own},
    }
    document["variants"] = {**document["variants"], name: recorded[own]}
    return params.parse(document, PARAMS).variants[name]


def _finals(folder: Path) -> Iterator[TrialResult]:
    history = read_history(folder)
    score = score_of(history)
    columns = [name.replace("score", score) for name in Epoch._fields]
    for row, weights in zip(records(read_trials(folder)), read_weights(folder), strict=True):
        own = history[history["seed"] == row["seed"]]
        epochs = [Epoch(*map(float, values)) for values in own[columns].itertuples(index=False)]
        yield _result(row, epochs).with_weights(weights)


def _searched(folder: Path) -> Iterator[TrialResult]:
    """Yield the search trials. Only the kept epoch has metrics, as the table has no others."""
    table = read_search(folder)
    score = f"validation_{score_of(table)}"
    for row in records(table):
        epochs = [Epoch(*[math.nan] * len(Epoch._fields))] * int(row["epochs"])
        if pd.notna(row["kept_epoch"]):
            epochs[int(row["kept_epoch"]) - 1] = Epoch(
                math.nan, math.nan, float(row["validation_loss"]), float(row[score])
            )
        yield _result(row, epochs)


def _result(row: Mapping[str, Any], epochs: list[Epoch]) -> TrialResult:
    diverged = [row["diverged_epoch"], row["diverged_step"]]
    return TrialResult(
        learning_rate=float(row["learning_rate"]),
        seed=int(row["seed"]),
        weights={},
        history=epochs,
        kept_epoch=int(row["kept_epoch"]) if pd.notna(row["kept_epoch"]) else len(epochs),
        divergence=None if pd.isna(diverged[0]) else Divergence(*map(int, diverged)),
    )
