"""`make scheduling`: ten thousand trials on a thousand workers, of which some are always lost.

The driver, the store and the order of trials are the real ones. The cluster is not: it is
`fake_cluster`. The output says what a driver costs, and how many workers it can keep busy.
"""

import json
import os
import resource
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import fake_cluster
import optledger
from optledger.core import params
from optledger.core.formats import digest
from optledger.datasets.interface import Interface
from optledger.execution import executor
from optledger.execution.on_ray import cluster
from optledger.sweep.keys import KeyedTrial
from optledger.sweep.plan import Plan
from optledger.sweep.pool import Sweep
from optledger.sweep.progress import Progress
from optledger.training import tasks
from optledger.trials import search
from optledger.trials.places import Folder
from optledger.trials.specify import specify
from optledger.trials.store import Store
from optledger.trials.trial import Trial

VARIANTS, SEEDS, RATES = 20, 495, (0.001, 0.003, 0.01, 0.03, 0.1)
EPOCHS = 10


class _Keys:
    """Makes keys of trials without reading data."""

    def check(self) -> None:
        """Look at about as many files as the real keys do."""
        for file in self._files:
            file.stat()

    def __init__(self) -> None:
        self._files = sorted(Path(optledger.__path__[0]).rglob("*.py"))[:30]

    def keyed(self, trial: Trial) -> KeyedTrial:
        """Return a trial with a key of its own."""
        own = {"seed": trial.seed, "learning_rate": trial.learning_rate, "specification": {}}
        document = {"trial": {**own, "name": trial.name}, "packages": {}}
        return KeyedTrial(trial, document, digest(document))


def plans(keys: _Keys) -> list[Plan]:
    """Return the plans of twenty variants, each with a search of five trials."""
    variant = params.load().variants["adam"].model_copy(update={"epochs": EPOCHS})
    specification = specify(variant, Interface((28, 28), 10))

    def plan(name: str) -> Plan:
        def keyed(rate: float, seed: int) -> KeyedTrial:
            return keys.keyed(Trial(name, specification, rate, seed))

        return Plan(
            name=name,
            searched=[keyed(rate, 1_000_000) for rate in RATES],
            choose=lambda results: search.choose(variant, results, "accuracy"),
            finals=lambda rate: [keyed(rate, seed) for seed in range(SEEDS)],
            count=len(RATES) + SEEDS,
        )

    return [plan(f"variant {number}") for number in range(VARIANTS)]


def main() -> None:
    """Run the sweep, and print what it cost."""
    cluster._CHILD = "fake_cluster"
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    keys = _Keys()
    wanted = plans(keys)
    before = _own()
    with tempfile.TemporaryDirectory() as folder, Path(os.devnull).open("w") as nowhere:
        store = Store(Folder(Path(folder)))
        sweep = Sweep(wanted, keys, store, with_weights=False)  # type: ignore[arg-type]
        total = sweep.to_train
        place = executor.Cluster("fake:0")
        pool = cluster.Actors(place, tasks.PREPARATION, tasks.travel([]), total)
        started = time.perf_counter()
        with redirect_stdout(nowhere), redirect_stderr(nowhere):
            sweep.run(pool, Progress("sweep", total, total * EPOCHS))
        wall = time.perf_counter() - started
        kept = len(list(Path(folder).glob("*.trial")))
    processor, memory = (now - then for now, then in zip(_own(), before, strict=True))
    told = json.loads(cluster.LOG.read_text().splitlines()[-1])
    assert kept == total
    rate = sum(fake_cluster.EPOCH_SECONDS) / 2
    idle, first = (100 * told[name] for name in ("idle", "first"))
    a_second = told["messages"] / processor
    for line in (
        f"{total:,} trials of {EPOCHS} epochs of {rate:g} s, on {fake_cluster.WORKERS:,} workers",
        f"- {told['seconds']:.0f} s; {told['lost']} trials lost their worker, {wall:.0f} s in all",
        f"- workers waited between trials for {idle:.1f} % of their time, and before their first",
        f"  for {first:.1f} %, as searches come first",
        f"- driver: {processor:.1f} s of a processor, {memory:.0f} MiB beyond what it began with",
        f"- {a_second:,.0f} messages a second of its processor: enough for {a_second * rate:,.0f}",
        f"  workers with an epoch of {rate:g} s",
    ):
        print(line)


def _own() -> tuple[float, float]:
    """Return the processor seconds of this process, and its peak memory in MiB."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


if __name__ == "__main__":
    main()
