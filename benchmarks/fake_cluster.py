"""A stand-in for the process that holds Ray: a cluster of any number of workers, none of them real.

It reads and writes the same messages as `optledger.execution.on_ray.child`. Workers take the time
of a trial, and train nothing. Nodes fail, and come back.
"""

import heapq
import json
import pickle
import random
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from optledger.trials.observations import FinishedTrial, observe
from optledger.trials.trial import Epoch, Trial, TrialResult

WORKERS, WORKERS_OF_A_NODE = 1_000, 8
EPOCH_SECONDS = (0.2, 0.6)
NODE_FAILS_EVERY, BACK_AFTER = 1.0, 3.0
# Messages within so many seconds go together, as those of one moment do in an event loop.
_TICK = 0.005

_OBSERVATION = observe(0.4, 500.0, "AVX2", 1)
_WEIGHTS = {"weights": np.zeros(8, np.float32)}
_EPOCH = Epoch(0.5, 0.9, 0.5, 0.9)


class FakeCluster:
    """A cluster whose workers only pretend to train."""

    def __init__(self, pipe: "Connection[Any, Any]") -> None:
        self._pipe = pipe
        self._random = random.Random(0)
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._unsent: list[tuple[Any, ...]] = []
        # By worker, the number of its present attempt. The loss of the worker makes it void.
        self._attempts: dict[int, int] = {}
        self._idle_since: dict[int, float] = {}
        self._idle_seconds = self._worker_seconds = self._first_seconds = 0.0
        self._lost = self._done = self._messages = 0
        self._next_worker = 0
        self._nodes: dict[int, list[int]] = {}
        self._last = self._first = 0.0

    def run(self) -> None:
        """Serve until the driver closes the pipe, then print the counts."""
        for node in range(WORKERS // WORKERS_OF_A_NODE):
            self._join(node)
        self._later(NODE_FAILS_EVERY, self._fail)
        try:
            while True:
                wait = max(self._due[0][0] - time.monotonic(), _TICK)
                while self._pipe.poll(wait):
                    self._take(*self._pipe.recv())
                    wait = 0
                while self._due[0][0] <= time.monotonic():
                    heapq.heappop(self._due)[2]()
                if self._unsent:
                    self._pipe.send(self._unsent)
                    self._messages += len(self._unsent)
                    self._unsent = []
        except (EOFError, OSError):
            print(
                json.dumps(
                    {
                        "trials": self._done,
                        "lost": self._lost,
                        "messages": self._messages,
                        "seconds": self._last - self._first,
                        "idle": self._idle_seconds / self._worker_seconds,
                        "first": self._first_seconds / self._worker_seconds,
                    }
                )
            )

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._due, (time.monotonic() + seconds, self._count, action))

    def _join(self, node: int) -> None:
        self._nodes[node] = []
        for _ in range(WORKERS_OF_A_NODE):
            worker = self._next_worker
            self._next_worker += 1
            self._nodes[node].append(worker)
            self._attempts[worker] = 0
            self._idle_since[worker] = time.monotonic()
            self._unsent.append(("ready", worker, f"node {node}"))

    def _fail(self) -> None:
        node = self._random.choice(list(self._nodes))
        for worker in self._nodes.pop(node):
            self._lost += worker not in self._idle_since
            del self._attempts[worker]
            self._idle_since.pop(worker, None)
            self._unsent.append(("lost", worker, f"its worker on node {node} was lost"))
        self._later(BACK_AFTER, lambda: self._join(node))
        self._later(NODE_FAILS_EVERY, self._fail)

    def _take(self, worker: int, pickled: bytes | None) -> None:
        if worker not in self._attempts or pickled is None:
            return
        now = time.monotonic()
        self._first = self._first or now
        idle = now - self._idle_since.pop(worker)
        self._worker_seconds += idle
        if self._attempts[worker]:
            self._idle_seconds += idle
        else:
            self._first_seconds += idle
        _, trial = pickle.loads(pickled)
        self._attempts[worker] += 1
        self._epoch(worker, self._attempts[worker], trial, 0)

    def _epoch(self, worker: int, attempt: int, trial: Trial, done: int) -> None:
        seconds = self._random.uniform(*EPOCH_SECONDS)

        def ends() -> None:
            if self._attempts.get(worker) != attempt:
                return
            self._worker_seconds += seconds
            self._tell(worker, ("epoch", done + 1))
            if done + 1 < trial.specification.epochs:
                self._epoch(worker, attempt, trial, done + 1)
                return
            history = [_EPOCH] * (done + 1)
            result = TrialResult(trial.learning_rate, trial.seed, _WEIGHTS, history, done + 1, None)
            self._tell(worker, ("done", FinishedTrial(result, _OBSERVATION)))
            self._done += 1
            self._last = self._idle_since[worker] = time.monotonic()

        self._later(seconds, ends)

    def _tell(self, worker: int, told: Any) -> None:
        self._unsent.append(("told", worker, pickle.dumps(told)))


if __name__ == "__main__":
    link: "Connection[Any, Any]" = Connection(int(sys.argv[1]))
    link.recv()
    FakeCluster(link).run()
