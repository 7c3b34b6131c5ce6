"""The workers on the nodes of a Ray cluster."""

import importlib
import pickle
import threading
from collections.abc import Iterator, Mapping
from queue import SimpleQueue
from typing import Any

import ray

from optledger.execution.executor import Preparation, Travel
from optledger.execution.worker import answer


class Actor:
    """A worker that Ray starts in a process of its own."""

    def __init__(self, preparation_and_travel: bytes) -> None:
        """Unpickle nothing yet: that imports modules, which this node may lack."""
        self._pickled = preparation_and_travel
        self._preparation: Preparation

    def node(self) -> str:
        """Return the id of this node."""
        return str(ray.get_runtime_context().get_node_id())

    def facts(self) -> Mapping[str, str]:
        """Return facts about this node that must be the same as the driver's."""
        travel: Travel
        self._preparation, travel = pickle.loads(self._pickled)
        return travel.facts()

    def prepare(self, data: Any) -> None:
        """Import what tasks need, and give them their data."""
        self._preparation, travel = pickle.loads(self._pickled)
        self._preparation.driver()
        importlib.import_module(self._preparation.preload)
        travel.accept(data)

    def run(self, function_and_task: bytes) -> Iterator[bytes]:
        """Run a task; yield the pickled messages about it."""
        told: SimpleQueue[bytes | None] = SimpleQueue()

        def work() -> None:
            try:
                function, task = pickle.loads(function_and_task)
                answer(
                    function,
                    task,
                    self._preparation.worker,
                    lambda each: told.put(pickle.dumps(each)),
                )
            except BaseException as error:
                # The message for a worker process that ends with its task.
                cause = f"its worker ended with {type(error).__name__}: {error}"
                told.put(pickle.dumps(("failed", cause, None)))
            finally:
                told.put(None)

        # A thread of its own lets this one report an epoch while the next epoch runs.
        threading.Thread(target=work, daemon=True).start()
        while (each := told.get()) is not None:
            yield each
