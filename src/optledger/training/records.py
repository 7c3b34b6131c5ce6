"""The files of results/trials/VARIANT/, which `train` writes and later stages read.

search.csv   a row per learning rate tried: learning_rate, seed, epochs, kept_epoch,
             diverged_epoch, diverged_step, validation_accuracy, validation_loss; no rows where it
             was given
trials.csv   a row per seed: learning_rate, seed, epochs, kept_epoch, diverged_epoch, diverged_step
history.csv  a row per seed and epoch: the metrics of `Epoch`
weights.npz  an array per weight, shape (seeds, *weight); NaN for a seed that diverged
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from optledger.formats import new_directory, read_csv, read_npz, write_csv, write_npz
from optledger.training.trial import Epoch, TrialResult, Weights

_INTEGERS = dict.fromkeys(
    ("seed", "epochs", "kept_epoch", "diverged_epoch", "diverged_step"), "Int64"
)


def write_trials(
    directory: Path, results: Sequence[TrialResult], searched: Sequence[TrialResult]
) -> None:
    """Write a variant's final trials, one or more, and those of its search, in the order given."""
    search = _table(searched)
    kept = [result.kept for result in searched]
    search["validation_accuracy"] = [epoch and epoch.validation_accuracy for epoch in kept]
    search["validation_loss"] = [epoch and epoch.validation_loss for epoch in kept]
    history = pd.DataFrame(
        [
            {"seed": result.seed, "epoch": epoch, **metrics._asdict()}
            for result in results
            for epoch, metrics in enumerate(result.history, start=1)
        ],
        columns=["seed", "epoch", *Epoch._fields],
    )
    weights = {
        path: np.stack(
            [
                np.full_like(result.weights[path], np.nan)
                if result.divergence
                else result.weights[path]
                for result in results
            ]
        )
        for path in results[0].weights
    }
    with new_directory(directory) as temporary:
        write_csv(temporary / "search.csv", search)
        write_csv(temporary / "trials.csv", _table(results))
        write_csv(temporary / "history.csv", history)
        write_npz(temporary / "weights.npz", weights)


def read_trials(directory: Path) -> pd.DataFrame:
    """Read trials.csv; where there was no divergence, its place is missing."""
    return pd.read_csv(directory / "trials.csv", dtype=_INTEGERS)


def read_search(directory: Path) -> pd.DataFrame:
    """Read search.csv; a trial that diverged has no validation metrics."""
    floats = dict.fromkeys(("learning_rate", "validation_accuracy", "validation_loss"), "float64")
    # Also of a table without rows, so that joining tables changes no type.
    return pd.read_csv(directory / "search.csv", dtype=_INTEGERS | floats)


def read_history(directory: Path) -> pd.DataFrame:
    """Read history.csv."""
    return read_csv(directory / "history.csv")


def read_weights(directory: Path) -> list[Weights]:
    """Read weights.npz: the weights of each seed, in the order of trials.csv."""
    stacked = read_npz(directory / "weights.npz")
    seeds = len(next(iter(stacked.values())))
    return [{path: array[row] for path, array in stacked.items()} for row in range(seeds)]


def _table(results: Sequence[TrialResult]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "learning_rate": [result.learning_rate for result in results],
            "seed": [result.seed for result in results],
            "epochs": [len(result.history) for result in results],
            "kept_epoch": [result.kept and result.kept_epoch for result in results],
            "diverged_epoch": [result.divergence and result.divergence.epoch for result in results],
            "diverged_step": [result.divergence and result.divergence.step for result in results],
        }
    ).astype(_INTEGERS)
