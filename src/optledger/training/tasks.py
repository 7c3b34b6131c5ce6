"""What a worker does: a trial, or the predictions of a trained model, on data/prepared/.

Importing this imports no TensorFlow: a worker has it before it begins.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from optledger.datasets.prepared import read_split
from optledger.execution import executor
from optledger.execution.executor import Executor, Preparation
from optledger.training import runtime
from optledger.trials.trial import Predictions, TrainedModel, Trial, TrialResult

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


def train(trial: Trial, report: Callable[[int], None]) -> TrialResult:
    """Train on data/prepared/; a pure function of the trial and those files.

    Raises:
        UserError: the variant cannot be trained on them.
    """
    # The engine is kept for the next trial: its compiled epoch takes seconds to make.
    global _engine
    if _engine is None or _engine.specification != trial.specification:
        _engine = _engine_of(trial)
    return _engine.train(trial, report)


def predict_test(trained: TrainedModel, report: Callable[[int], None]) -> Predictions:
    """Predict the test split."""
    from optledger.training import engine

    return engine.predict(trained.model, trained.classes, trained.weights, read_split("test"))


def _engine_of(trial: Trial) -> "Engine":
    from optledger.training.checks import check_trainable
    from optledger.training.engine import Engine

    train = read_split("train")
    check_trainable(trial, train)
    return Engine(trial.specification, train, read_split("validation"))
