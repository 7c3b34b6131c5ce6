"""Check that verdicts on numbers and on labels, too, are wrong no more often than promised.

    python benchmarks/calibrate_kinds.py

This prints Markdown, and ends with exit status 1 if an error is too frequent. It is smaller than
`calibrate.py`: there are sixty trainings of each of three variants on two bundled sets. An
experiment draws some of the seeds of two variants, and test items with replacement. The differences
of all sixty seeds on all items count as the truth.
"""

import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes, load_digits
from tqdm import tqdm

from calibration import Population, Trials
from optledger.analysis.statistics import difference, verdict
from optledger.core.formats import markdown
from optledger.core.metric import METRICS
from optledger.datasets.examples import Examples
from optledger.datasets.interface import Interface
from optledger.datasets.kinds import KINDS
from optledger.training import runtime
from optledger.trials.trial import Component, Specification, Trial

SEEDS, DRAWS = 60, 4000
DRAWN = (5, 10)
ALPHA = 0.05
OPTIMIZERS = {"adam": ("Adam", 0.003), "sgd": ("SGD", 0.03), "slow": ("SGD", 0.001)}
EPOCHS = 20


@dataclass(frozen=True)
class Bundled:
    """A bundled data set: one half to train on, the other half to test with.

    Attributes:
        name: the name of the set.
        interface: the inputs and outputs of a model.
        train: the examples to train on.
        test: the examples to test with.
    """

    name: str
    interface: Interface
    train: Examples
    test: Examples


def main() -> None:
    """Train, draw and print; exit with status 1 if an error is more frequent than stated."""
    runtime.import_tensorflow()
    rows = pd.DataFrame([row for each in (_diabetes(), _digits()) for row in _drawn(each)])
    print(f"{DRAWS} draws of each experiment from {SEEDS} seeds, at 95 % confidence; in %:\n")
    print(markdown(rows))
    worst = rows["false better or worse"].max()
    print(f"\nThe most frequent false verdict of a difference: {worst:.1f} %, at most 5 stated.")
    # Allows for three standard errors of a share of so many draws.
    sys.exit(int(worst > 100 * (ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / DRAWS))))


def _diabetes() -> Bundled:
    data = load_diabetes(scaled=False)
    inputs, targets = data.data.astype(np.float32), data.target.astype(np.float64)
    train, test = _halves(inputs, targets)
    scale = {"mean": float(train.targets.mean()), "deviation": float(train.targets.std())}
    return Bundled("diabetes", _interface(train, 1, kind="number", **scale), train, test)


def _digits() -> Bundled:
    """Return digits with four labels each: even, prime, with a loop, large."""
    data = load_digits()
    digit = data.target
    labels = [digit % 2 == 0, np.isin(digit, (2, 3, 5, 7)), np.isin(digit, (0, 4, 6, 8, 9))]
    targets = np.stack([*labels, digit >= 5], axis=1).astype(np.uint8)
    train, test = _halves(data.data.astype(np.float32), targets)
    return Bundled("digits with labels", _interface(train, 4, kind="labels"), train, test)


def _halves(inputs: np.ndarray, targets: np.ndarray) -> tuple[Examples, Examples]:
    order = np.random.default_rng(0).permutation(len(inputs))
    half = len(order) // 2
    return Examples(inputs[order[:half]], targets[order[:half]]), Examples(
        inputs[order[half:]], targets[order[half:]]
    )


def _interface(train: Examples, outputs: int, **more: object) -> Interface:
    means, deviations = train.inputs.mean(axis=0), train.inputs.std(axis=0)
    deviations[deviations == 0] = 1.0
    columns = tuple(map(float, means)), tuple(map(float, deviations))
    return Interface((train.inputs.shape[1],), outputs, *columns, **more)  # type: ignore[arg-type]


def _drawn(bundled: Bundled) -> Iterator[dict[str, object]]:
    """Yield a row for each metric, pair and number of seeds."""
    kind = KINDS[bundled.interface.kind]
    population = Population(
        bundled.test.targets, bundled.interface.outputs, _trained(bundled), kind
    )
    # A metric without a usual margin gets the one that `optledger dataset use` writes.
    margins = {
        name: METRICS[name].margin or 0.01 * bundled.interface.deviation for name in kind.METRICS
    }
    for metric in kind.METRICS:
        whole = {name: population.sample(metric, name).mean for name in population.variants}
        for first, second in (("adam", "adam"), ("adam", "sgd"), ("adam", "slow")):
            truth = whole[first] - whole[second]
            for seeds in DRAWN:
                counts = _counts(population, metric, (first, second), seeds, truth, margins[metric])
                yield {
                    "set": bundled.name,
                    "metric": metric,
                    "pair": f"{first}, {second}",
                    "seeds": seeds,
                    **{what: 100 * count / DRAWS for what, count in counts.items()},
                }


def _trained(bundled: Bundled) -> Mapping[str, Trials]:
    from optledger.training.engine import Engine
    from optledger.training.prediction import predict

    kind, trained = KINDS[bundled.interface.kind], {}
    for name, (optimizer, rate) in OPTIMIZERS.items():
        model = Component("mlp", {"hidden_units": [16]})
        specification = Specification(
            model=model,
            optimizer=Component(optimizer),
            loss=Component(kind.LOSS),
            schedule=None,
            interface=bundled.interface,
            epochs=EPOCHS,
            batch_size=32,
            l1=0.0,
            l2=0.0,
            early_stopping=None,
            class_fractions={},
            training_fraction=1.0,
            resample=None,
            class_weights=None,
        )
        engine = Engine(specification, bundled.train, bundled.test.take(np.arange(0)))
        found = [
            predict(
                model,
                bundled.interface,
                engine.train(Trial(name, specification, rate, seed)).weights,
                bundled.test,
            )
            for seed in tqdm(range(SEEDS), desc=f"{bundled.name}, {name}", leave=False)
        ]
        trained[name] = Trials(
            np.stack([each.values for each in found]), np.stack([each.losses for each in found])
        )
    return trained


def _counts(
    population: Population,
    metric: str,
    pair: tuple[str, str],
    seeds: int,
    truth: float,
    margin: float,
) -> dict[str, int]:
    """Return how often an interval misses, and how often a verdict is wrong."""
    rng = np.random.default_rng(0)
    lower = METRICS[metric].lower_is_better
    counts = dict.fromkeys(("interval misses", "false better or worse", "false equivalent"), 0)
    items = len(population.labels)
    for _ in range(DRAWS):
        chosen = rng.permutation(SEEDS)
        drawn = rng.integers(0, items, items)
        # If both groups are of one variant, no seed is in both.
        groups = chosen[:seeds], chosen[seeds : 2 * seeds]
        first, second = (
            population.sample(metric, name, own, drawn)
            for name, own in zip(pair, groups, strict=True)
        )
        estimate = difference(first, second)
        low, high = estimate.interval(ALPHA)
        found = verdict(estimate, ALPHA, margin, lower)
        better = truth < 0 if lower else truth > 0
        counts["interval misses"] += not low <= truth <= high
        wrong = {"better": not better, "worse": better or pair[0] == pair[1]}
        counts["false better or worse"] += wrong.get(found, False)
        counts["false equivalent"] += found == "equivalent" and abs(truth) > margin
    return counts


if __name__ == "__main__":
    main()
