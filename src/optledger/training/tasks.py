"""The tasks of workers, on data/prepared/: run a trial, or predict with a trained model.

Importing this module does not import TensorFlow, which a worker has imported before it begins.
"""

import platform
import resource
import sys
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import optledger
from optledger.core.errors import UserError
from optledger.datasets.examples import Examples
from optledger.datasets.prepared import read_split
from optledger.execution import executor
from optledger.execution.executor import Cluster, Executor, Preparation, Report, Travel
from optledger.training import kernels, models, runtime
from optledger.training.program import machine, release
from optledger.trials.observations import FinishedTrial, observe
from optledger.trials.trial import Predictions, TrainedModel, Trial

if TYPE_CHECKING:
    from optledger.training.engine import Engine

PREPARATION = Preparation(runtime.pin, "optledger.training.preload", runtime.use_one_thread)

_engine: "Engine | None" = None
_splits: dict[str, Examples] = {}


def workers(
    cluster: Cluster | None = None, packages: Iterable[str] = (), most: int | None = None
) -> AbstractContextManager[Executor]:
    """Return an executor whose workers are ready for the tasks below.

    Args:
        cluster: the cluster to run on; None for this machine.
        packages: the packages that the tasks import.
        most: the number of workers that there is work for, if known.

    Raises:
        UserError: OPTLEDGER_WORKERS is not a positive number.
    """
    return executor.workers(PREPARATION, travel(packages), cluster, most)


def travel(packages: Iterable[str]) -> Travel:
    """Return what training needs on another host: this package, the user's models, two splits."""
    return Travel(
        code={"optledger": Path(optledger.__path__[0]), str(models.OWN): models.OWN},
        data=_read_splits,
        accept=_accept,
        facts=partial(_facts, sorted(packages)),
    )


def train(trial: Trial, report: Report) -> FinishedTrial:
    """Train on data/prepared/. The result is a pure function of the trial and these files.

    Raises:
        UserError: the variant cannot be trained on them.
    """
    # Keep the engine for the next trial: compiling its epoch takes seconds.
    global _engine
    if _engine is None or _engine.specification != trial.specification:
        _engine = _engine_of(trial)
    seconds: list[float] = []

    def on_epoch(epoch: int, took: float) -> None:
        seconds.append(took)
        report(epoch)

    result = _engine.train(trial, on_epoch)
    took = median(seconds[1:] or seconds)
    return FinishedTrial(
        result, observe(took, _peak_memory_mib(), kernels.instruction_set(), runtime.THREADS)
    )


def predict_test(trained: TrainedModel, report: Report) -> Predictions:
    """Return a trained model's predictions for the test split."""
    from optledger.training.prediction import predict

    return predict(trained.model, trained.interface, trained.weights, read_split("test"))


def _peak_memory_mib() -> float:
    # macOS counts bytes, other systems KiB.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def _engine_of(trial: Trial) -> "Engine":
    from optledger.training.checks import check_trainable
    from optledger.training.engine import Engine

    splits = _splits or _read_splits()
    check_trainable(trial, splits["train"])
    return Engine(trial.specification, splits["train"], splits["validation"])


def _read_splits() -> dict[str, Examples]:
    return {name: read_split(name) for name in ("train", "validation")}


def _accept(splits: Mapping[str, Examples]) -> None:
    """Use these splits for training, as this host has no data/prepared/."""
    _splits.update(splits)


def _facts(packages: Iterable[str]) -> dict[str, str]:
    """Return the facts about this machine that can change the bytes of a trial, by name."""
    python = ".".join(platform.python_version_tuple()[:2])
    found = {"Python": f"Python {python}", **machine()}
    for name in packages:
        try:
            found[name] = release(name)
        except UserError:
            found[name] = f"no {name}"
    return found
