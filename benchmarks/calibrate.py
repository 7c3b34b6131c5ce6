"""Check on real trainings that verdicts are wrong no more often than promised.

`make calibrate` runs this at the root of the repository. It prints Markdown, and ends with exit
status 1 if an error is too frequent. It draws from the trials of the DVC experiment `calibration`
of this commit, and runs that experiment first if there is none.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from tqdm import tqdm

import looking
from calibration import (
    DRAWS,
    Population,
    Share,
    Trials,
    markdown,
    run,
    scenarios,
)
from looking import Searched
from optledger.analysis.schemas import SCHEMAS
from optledger.core import errors
from optledger.core.formats import read_npz
from optledger.core.paths import PREDICTIONS, PREPARED, RESULTS
from optledger.core.tables import read as read_table
from optledger.datasets.prepared import read_split, read_summary
from optledger.pipeline import experiments

NAME = "calibration"
SEED = 0
SEARCH_SEEDS = (1, 2, 3, 5)
CORES = len(os.sched_getaffinity(0))


def main() -> None:
    """Draw experiments, print the shares, and say which are above their limits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=DRAWS, help="experiments a scenario")
    parser.add_argument("--seed", type=int, default=SEED, help="of the draws")
    parser.add_argument("--predictions", type=Path, help="a folder as results/predictions/ is")
    parser.add_argument("--prepared", type=Path, default=PREPARED, help="as data/prepared/ is")
    given = parser.parse_args()
    if given.predictions:
        population = read(given.predictions, given.prepared)
        searched = read_searches(population, given.predictions.parent / "seeds.csv")
    else:
        with fetched() as (predictions, prepared):
            population = read(predictions, prepared)
            searched = read_searches(population, predictions.parent / "seeds.csv")
    shares = draw(population, searched, given.draws, given.seed)
    print(
        f"{given.draws} draws of each experiment, or fewer where one takes long; generator seed "
        f"{given.seed}; after each share its Monte Carlo standard error.\n"
    )
    print(markdown(shares))
    limited = [share for share in shares if share.question.limited]
    failed = [share for share in limited if not share.passes]
    print(f"{len(limited) - len(failed)} of {len(limited)} shares are within their limits.\n")
    for share in failed:
        what, limit = f"{share.question.what}, {share.seeds} seeds", 100 * share.limit
        print(f"- {what}: {100 * share.value:.1f}, at most {limit:.1f}")
    sys.exit(1 if failed else 0)


@contextmanager
def fetched() -> Iterator[tuple[Path, Path]]:
    """Yield folders with the experiment's predictions and its prepared test split."""
    if experiments.commit(NAME) is None:
        subprocess.run(["optledger", "experiment", NAME], stdout=sys.stderr, check=True)
    commit = experiments.commit(NAME)
    assert commit is not None
    with tempfile.TemporaryDirectory() as folder:
        predictions, prepared = Path(folder) / "predictions", Path(folder) / "prepared"
        prepared.mkdir()
        for source, target in (
            (PREDICTIONS, predictions),
            (RESULTS / "seeds.csv", Path(folder) / "seeds.csv"),
            (PREPARED / "test.npz", prepared / "test.npz"),
            (PREPARED / "summary.json", prepared / "summary.json"),
        ):
            get = ["dvc", "get", "--quiet", ".", str(source), "--rev", commit]
            subprocess.run([*get, "--out", str(target)], check=True)
        yield predictions, prepared


def read(predictions: Path, prepared: Path) -> Population:
    """Read all trials and the labels of the test images."""
    return Population(
        labels=read_split("test", prepared).targets,
        classes=read_summary(prepared).outputs,
        variants={
            path.stem: Trials(**read_npz(path)) for path in sorted(predictions.glob("*.npz"))
        },
    )


def read_searches(population: Population, seeds: Path) -> dict[str, Searched]:
    """Read the trials of each optimizer that has variants at given learning rates.

    Such a variant is called OPTIMIZER_at_RATE, with `_` for the decimal point.
    """
    table = read_table(seeds, SCHEMAS["seeds"])
    found: dict[str, Searched] = {}
    for name, trials in population.variants.items():
        if _AT not in name:
            continue
        own = table[table["variant"] == name]
        searched = found.setdefault(name.partition(_AT)[0], Searched({}, {}))
        rate = float(own["learning_rate"].iloc[0])
        searched.validation[rate] = own["validation_accuracy"].to_numpy(float)
        searched.hits[rate] = (trials.classes == population.labels).astype(np.uint8)
    return found


_AT = "_at_"


def draw(
    population: Population, searched: dict[str, Searched], draws: int, seed: int
) -> list[Share]:
    """Run all scenarios on all cores, each with a random generator of its own."""
    asked = scenarios(population, np.random.default_rng(seed))
    tasks: list[Callable[[np.random.Generator], list[Share]]] = [
        *(partial(run, each, population, draws) for each in asked),
        *(partial(looking.run, each, population, draws) for each in looking.kinds(population)),
        *(
            partial(looking.search_shares, name, each, (count,), draws // 4)
            for name, each in sorted(searched.items())
            for count in SEARCH_SEEDS
        ),
    ]
    generators = [np.random.default_rng([seed, place]) for place in range(1, len(tasks) + 1)]
    shares = []
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        done = pool.map(_run, tasks, generators)
        silent = not sys.stderr.isatty()
        for place, found in enumerate(
            tqdm(done, total=len(tasks), unit="scenario", leave=False, disable=silent), start=1
        ):
            shares += found
            if silent:
                print(f"calibrate: {place} of {len(tasks)} scenarios", file=sys.stderr, flush=True)
    return shares


def _run(
    task: Callable[[np.random.Generator], list[Share]], rng: np.random.Generator
) -> list[Share]:
    return task(rng)


if __name__ == "__main__":
    errors.run(main)
