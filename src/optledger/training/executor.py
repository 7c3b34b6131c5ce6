"""Worker processes that train, one thread each.

A fork server imports TensorFlow once; its children are ready in milliseconds. How many there are
changes no byte of the results.
"""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait

from optledger.datasets.examples import read_split
from optledger.errors import UserError
from optledger.params import Model
from optledger.training import runtime
from optledger.training.trial import Predictions, Trial, TrialResult, Weights

WORKERS_VARIABLE = "OPTLEDGER_WORKERS"


@contextmanager
def workers() -> Iterator[ProcessPoolExecutor]:
    """Yield an executor of as many processes as OPTLEDGER_WORKERS says, else as cores.

    Raises:
        UserError: OPTLEDGER_WORKERS is not a positive number.
    """
    count = _worker_count()
    runtime.pin()
    context = get_context("forkserver")
    context.set_forkserver_preload(["optledger.training.preload"])
    with ProcessPoolExecutor(count, mp_context=context, initializer=_start) as executor:
        yield executor


def train(trial: Trial) -> TrialResult:
    """Train on data/prepared/, in a worker."""
    from optledger.training import engine

    return engine.train(trial)


def predict_test(model: Model, classes: int, weights: Weights) -> Predictions:
    """Predict the test split, in a worker."""
    from optledger.training import engine

    return engine.predict(model, classes, weights, read_split("test"))


def _worker_count() -> int:
    value = os.environ.get(WORKERS_VARIABLE)
    if value is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    if not value.isdecimal() or int(value) < 1:
        raise UserError(f"{WORKERS_VARIABLE}: found {value!r}; allowed: an integer of at least 1")
    return int(value)


def _start() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    runtime.use_one_thread()


def _end_with_parent() -> None:
    """End this process when its parent has ended, however that came about."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
