"""What a report is made of, from synthetic predictions: any number of variants, quickly."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from optledger.analysis import gallery
from optledger.analysis.comparisons import comparisons, samples_of
from optledger.analysis.leaderboard import curves, leaderboard, search_table
from optledger.analysis.leading import leaders
from optledger.analysis.planning import needed_seeds
from optledger.analysis.schemas import SCHEMAS, read_results
from optledger.analysis.speed import epochs_to_targets, performance_profile
from optledger.analysis.summary import ranking
from optledger.core.formats import write_csv, write_npz
from optledger.core.params import Params
from optledger.datasets.kinds import KINDS, classes
from optledger.report.cost import costs
from optledger.report.gallery import read_gallery
from optledger.report.page import Results
from stored import filled

_CLASSES, _IMAGES, _EPOCHS = 4, 400, 6
_NAMES = [str(number) for number in range(_CLASSES)]

_RATES = (0.001, 0.01, 0.1)


def make(
    folder: Path,
    names: Sequence[str],
    seeds: int = 5,
    diverged: Sequence[str] = (),
    far: Sequence[str] = (),
    lost: int = 1,
) -> tuple[Results, Params]:
    """Return results of `names`, each less accurate than the one before, and their parameters.

    Args:
        folder: for files.
        names: the variants.
        seeds: how many each has.
        diverged: those whose first seeds, and highest learning rate, diverged.
        far: those far behind.
        lost: how many seeds of those that diverged did.
    """
    random = np.random.default_rng(0)
    labels = random.integers(0, _CLASSES, _IMAGES).astype(np.uint8)
    easy = random.random(_IMAGES)
    evaluations, samples, rows, histories, searches = {}, {}, [], {}, {}
    models = []
    for place, name in enumerate(names):
        rate = 0.6 if name in far else 0.96 - 0.004 * place
        chosen = _RATES[place % len(_RATES)]
        gone = [name in diverged and seed < lost for seed in range(seeds)]
        right = easy < np.clip(rate + random.normal(0, 0.01, (seeds, 1)), 0, 1)
        right &= random.random((seeds, _IMAGES)) < 0.98
        predicted = np.where(right, labels, (labels + 1) % _CLASSES).astype(np.uint8)
        losses = np.where(right, 0.1, 2.0).astype(np.float32)
        predicted[gone], losses[gone] = 255, np.nan
        models.append(predicted)
        evaluations[name] = [
            classes.evaluate(labels, *seed, _CLASSES)
            for seed in zip(predicted, losses, strict=True)
        ]
        samples[name] = samples_of(KINDS["classes"], labels, predicted, losses, _CLASSES)
        histories[name] = _history(random, seeds, rate, gone)
        accuracies = [rate - 0.1, rate, np.nan if name in diverged else rate - 0.2]
        searches[name] = pd.DataFrame(
            {"learning_rate": _RATES, "validation_accuracy": accuracies, "validation_loss": 0.5}
        )
        rows += [
            {
                "variant": name,
                "seed": seed,
                "learning_rate": chosen,
                **{metric: evaluation.scores[metric] for metric in classes.METRICS},
                "validation_accuracy": np.nan if gone[seed] else rate,
                "validation_loss": np.nan if gone[seed] else 1 - rate,
                "epochs": _EPOCHS,
                "converged_epoch": np.nan if seed else 3,
                "diverged_epoch": 2 if gone[seed] else np.nan,
            }
            for seed, evaluation in enumerate(evaluations[name])
        ]
    params = settings_of(names, seeds)
    table = pd.DataFrame(rows)
    ranked = ranking(table, "accuracy")
    samples = {name: samples[name] for name in ranked}
    pairs = comparisons(samples, params.comparison)
    leading = leaders(samples, pairs, params.comparison, table)
    speed = epochs_to_targets(
        {name: histories[name] for name in ranked}, table, params.comparison.targets
    )
    board = leaderboard(table, params.variants, searches, samples, speed, leading, 0.95)
    predictions = np.concatenate(models)
    predictions = predictions[(predictions < _CLASSES).any(axis=1)]
    hard = gallery.hardest(labels != predictions)
    write_npz(
        folder / "gallery.npz",
        {
            "found": np.array([len(hard)]),
            "models": np.array([len(predictions)]),
            "indices": hard[:24],
            "images": random.integers(0, 256, (len(hard[:24]), 8, 8)).astype(np.uint8),
            "labels": labels[hard[:24]],
            "votes": classes.votes(predictions[:, hard[:24]], _CLASSES),
        },
    )
    drawn = folder / "a_case" / "figure.svg"
    drawn.parent.mkdir(exist_ok=True)
    drawn.write_text('<?xml?>\n<svg xmlns="http://www.w3.org/2000/svg"><g id="a"/></svg>\n')
    tables = {
        "leaderboard": board,
        "comparisons": pairs,
        "curves": curves({name: histories[name] for name in ranked}),
        "profile": performance_profile(speed),
        "power": needed_seeds(samples, params.comparison, pairs, diverged),
        "seeds": table,
        "search": search_table({name: searches[name] for name in ranked}, board),
        "per_class": classes.per_class_table(evaluations, _NAMES),
        "confusion": classes.confusion_table(evaluations, _NAMES),
    }
    for name, each in tables.items():
        write_csv(folder / f"{name}.csv", filled(each, SCHEMAS[name]))
    read: dict[str, Any] = dict(read_results(*tables, folder=folder))
    results = Results(
        **read,
        cases=[drawn],
        costs=list(
            costs(params, [100], read["seeds"], read["search"], dict.fromkeys(ranked, 1610))
        ),
        gallery=read_gallery(folder / "gallery.npz", _NAMES, KINDS["classes"]),
        checksums={"data/raw/images": "0" * 64},
        versions={"numpy": "2"},
    )
    return results, params


def _history(
    random: np.random.Generator, seeds: int, rate: float, lost: Sequence[bool]
) -> pd.DataFrame:
    epochs = np.arange(1, _EPOCHS + 1)
    tables = []
    for seed in range(seeds):
        error = (1 - rate) * (1 + 3 / epochs) * random.uniform(0.8, 1.2, _EPOCHS)
        loss = np.where(lost[seed], 1e6 * epochs, 3 * error)
        accuracy = 1 - np.minimum(error, 1)
        own = {"seed": seed, "epoch": epochs, "train_loss": loss / 2, "train_accuracy": accuracy}
        own |= {"validation_loss": loss, "validation_accuracy": accuracy}
        tables.append(pd.DataFrame(own)[: 2 if lost[seed] else _EPOCHS])
    return pd.concat(tables, ignore_index=True)


def settings_of(names: Sequence[str], seeds: int) -> Params:
    """Return parameters of so many seeds of `names`."""
    case = {
        "model": "linear_regression",
        **{"test_fraction": 0.2, "seed": 0, "l2": 0.0, "epochs": 9},
        "methods": {"adam": {"rule": "adam", "learning_rate": 0.1}},
    }
    return Params.model_validate(
        {
            "dataset": "digits",
            "split": {"validation_fraction": 0.1, "seed": 0},
            "model": {"name": "mlp", "hidden_units": [8]},
            "training": {
                **{"epochs": _EPOCHS, "batch_size": 32, "loss": "CategoricalCrossentropy"},
            },
            "search": {"strategy": "grid", "trials": 3, "seed": 1000},
            "seeds": {"first": 0, "count": seeds},
            "convergence": {"patience": 2},
            "comparison": {"metric": "accuracy", "targets": [0.9]},
            "cases": {"a_case": case},
            "variants": {
                name: {"optimizer": "Adam", "learning_rate": list(_RATES)} for name in names
            },
        }
    )
