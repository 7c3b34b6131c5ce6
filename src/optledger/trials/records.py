"""The files of results/trials/VARIANT/, which `train` writes and later stages read.

search.csv   a row per tried learning rate and seed: learning_rate, seed, epochs, kept_epoch,
             diverged_epoch, diverged_step, validation_accuracy (or another score),
             validation_loss; no rows if the variant gives its learning rate
trials.csv   a row per seed: learning_rate, seed, epochs, kept_epoch, diverged_epoch, diverged_step
history.csv  a row per seed and epoch: the metrics of `Epoch`
weights.npz  an array per weight, shape (seeds, *weight); NaN for a seed that diverged
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from optledger.core.errors import UserError
from optledger.core.formats import new_directory, read_npz, write_csv, write_npz
from optledger.core.tables import (
    COUNT,
    FRACTION,
    NOT_NEGATIVE,
    NUMBER,
    POSITIVE,
    Schema,
    optional,
    read,
)
from optledger.trials.trial import Epoch, TrialResult, Weights

_REMEDY = "dvc checkout brings it back"

_SCORES = {"accuracy": FRACTION, "subset_accuracy": FRACTION, "rmse": NOT_NEGATIVE}

SCORES = tuple(_SCORES)
"""The scores that kinds of target measure after each epoch; a table has one of them."""

EPOCHS = tuple(
    {
        "train_loss": NUMBER,
        f"train_{score}": column,
        "validation_loss": optional(NUMBER),
        f"validation_{score}": optional(column),
    }
    for score, column in _SCORES.items()
)
"""The columns for the metrics of `Epoch`, a set for each score.

Without a validation split, the validation metrics are missing.
"""

TRIAL = {
    **{"learning_rate": POSITIVE, "seed": COUNT, "epochs": COUNT},
    **dict.fromkeys(("kept_epoch", "diverged_epoch", "diverged_step"), optional(COUNT)),
}
"""The columns that describe a trial."""

VALIDATIONS = tuple(
    {f"validation_{score}": optional(column), "validation_loss": optional(NUMBER)}
    for score, column in _SCORES.items()
)
"""The columns for the metrics of the weights that a trial keeps, a set for each score."""

SCHEMAS = {
    "trials": Schema(TRIAL, key=("seed",), remedy=_REMEDY),
    "search": Schema(
        TRIAL,
        key=("learning_rate", "seed"),
        choices=VALIDATIONS,
        may_be_empty=True,
        remedy=_REMEDY,
    ),
    # Empty if every seed diverged in its first epoch.
    "history": Schema(
        {"seed": COUNT, "epoch": COUNT},
        key=("seed", "epoch"),
        choices=EPOCHS,
        may_be_empty=True,
        remedy=_REMEDY,
    ),
}
"""The schemas of the tables of a variant's trials, by name."""


def score_of(columns: Iterable[object]) -> str:
    """Return the name of the score in a table, given the names of its columns."""
    there = {*columns}
    return next((name for name in SCORES if f"validation_{name}" in there), SCORES[0])


def write_trials(
    directory: Path,
    results: Sequence[TrialResult],
    searched: Sequence[TrialResult],
    score: str = SCORES[0],
) -> None:
    """Write a variant's trials.

    Args:
        directory: the folder to write.
        results: the final trials, one or more, in their order.
        searched: the search trials, in their order; may be empty.
        score: the name of an epoch's score.
    """
    search = _table(searched)
    kept = [result.kept for result in searched]
    search[f"validation_{score}"] = [epoch and epoch.validation_score for epoch in kept]
    search["validation_loss"] = [epoch and epoch.validation_loss for epoch in kept]
    history = pd.DataFrame(
        [
            [result.seed, epoch, *metrics]
            for result in results
            for epoch, metrics in enumerate(result.history, start=1)
        ],
        columns=["seed", "epoch", *(name.replace("score", score) for name in Epoch._fields)],
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
    """Read trials.csv; a trial that did not diverge has no diverged_epoch or diverged_step."""
    return _read(directory, "trials")


def read_search(directory: Path) -> pd.DataFrame:
    """Read search.csv; a trial that diverged has no validation metrics."""
    return _read(directory, "search")


def read_history(directory: Path) -> pd.DataFrame:
    """Read history.csv."""
    return _read(directory, "history")


def read_weights(directory: Path) -> list[Weights]:
    """Read weights.npz: the weights of each seed, in the order of trials.csv.

    Raises:
        UserError: an array does not have a row for each seed.
    """
    path = directory / "weights.npz"
    stacked = read_npz(path)
    seeds = len(read_trials(directory))
    if found := [name for name, array in stacked.items() if array.shape[:1] != (seeds,)]:
        shape = stacked[found[0]].shape
        allowed = f"{seeds} rows, one for each seed of trials.csv"
        raise UserError(f"{path}: {found[0]}: found shape {shape}; allowed: {allowed}; {_REMEDY}")
    return [{name: array[row] for name, array in stacked.items()} for row in range(seeds)]


def _read(directory: Path, name: str) -> pd.DataFrame:
    return read(directory / f"{name}.csv", SCHEMAS[name])


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
    ).astype({name: "Int64" for name, each in TRIAL.items() if each.dtype != "float64"})
