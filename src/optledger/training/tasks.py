"""What a worker does: a trial, or the predictions of a trained model, on data/prepared/.

Importing this imports no TensorFlow: a worker has it before it begins.
"""

import resource
import sys
from contextlib import AbstractContextManager
from statistics import median
from typing import TYPE_CHECKING

from optledger.datasets.prepared import read_split
from optledger.execution import executor
from optledger.execution.executor import Executor, Preparation, Report
from optledger.training import kernels, runtime
from optledger.trials.observations import FinishedTrial, observe
from optledger.trials.trial import Predictions, TrainedModel, Trial

if TYPE_CHECKING:
    from optledger.training.engine import Engine

PREPARATION = Preparation(runtime.pin, "optledger.training.preload", runtime.use_one_thread)

_engine: "Engine | None" = None


def workers() -> AbstractContextManager[Executor]:
    """Return an executor whose workers are ready for the tasks below.

    Raises:
        UserError: OPTLEDGER_WORKERS is not a positive number.
    """
    return executor.workers(PREPARATION)


def train(trial: Trial, report: Report) -> FinishedTrial:
    """Train on data/prepared/; the result is a pure function of the trial and those files.

    Raises:
        UserError: the variant cannot be trained on them.
    """
    # The engine is kept for the next trial: its compiled epoch takes seconds to make.
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
    """Predict the test split."""
    from optledger.training.prediction import predict

    return predict(trained.model, trained.classes, trained.weights, read_split("test"))


def _peak_memory_mib() -> float:
    # macOS counts bytes, other systems KiB.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def _engine_of(trial: Trial) -> "Engine":
    from optledger.training.checks import check_trainable
    from optledger.training.engine import Engine

    train = read_split("train")
    check_trainable(trial, train)
    return Engine(trial.specification, train, read_split("validation"))
