"""Tables as the stages leave them, made of a few accuracies."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from optledger.analysis.comparisons import Samples, comparisons
from optledger.analysis.leaderboard import leaderboard
from optledger.analysis.leading import leaders
from optledger.analysis.results import samples_of_seeds
from optledger.analysis.speed import epochs_to_targets
from optledger.analysis.summary import ranking
from optledger.core.params import Comparison, Component, Variant
from optledger.datasets.kinds import classes

VARIANT = Variant(
    model=Component(name="mlp", hidden_units=[16]),
    optimizer=Component(name="Adam"),
    learning_rate=0.001,
    epochs=10,
    batch_size=32,
    loss=Component(name="CategoricalCrossentropy"),
)


def seed_table(**accuracies: list[float]) -> pd.DataFrame:
    """Return a table of seeds whose metrics all are the given accuracy; 0 is a divergence."""
    return pd.DataFrame(
        [
            {
                "variant": variant,
                "seed": seed,
                "learning_rate": 0.001,
                **dict.fromkeys(classes.METRICS, accuracy),
                "loss": accuracy or np.nan,
                "validation_accuracy": accuracy or np.nan,
                "validation_loss": 1 - accuracy if accuracy else np.nan,
                "epochs": 10,
                "kept_epoch": 10 if accuracy else None,
                "converged_epoch": None,
                "diverged_epoch": None if accuracy else 1,
                "diverged_step": None if accuracy else 1,
            }
            for variant, values in accuracies.items()
            for seed, accuracy in enumerate(values)
        ]
    ).astype(dict.fromkeys(_OPTIONAL, "Int64"))


_OPTIONAL = ("kept_epoch", "converged_epoch", "diverged_epoch", "diverged_step")


def no_searches(seeds: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the searches of variants whose learning rate was given."""
    nothing = pd.DataFrame({"learning_rate": [], "validation_accuracy": []}, dtype=float)
    return dict.fromkeys(seeds["variant"].unique(), nothing)


def boards(
    seeds: pd.DataFrame,
    comparison: Comparison,
    searches: Mapping[str, pd.DataFrame] | None = None,
    histories: Mapping[str, pd.DataFrame] | None = None,
    samples: Samples | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the leaderboard and the comparisons, as the stage makes them."""
    samples = samples or samples_of_seeds(
        ranking(seeds, comparison.metric), seeds, comparison.looks
    )
    pairs = comparisons(samples, comparison)
    leading = leaders(samples, pairs, comparison, seeds)
    table = leaderboard(
        seeds,
        dict.fromkeys(samples, VARIANT),
        no_searches(seeds) | dict(searches or {}),
        samples,
        epochs_to_targets(histories or {}, seeds, comparison.targets),
        leading,
        comparison.confidence,
    )
    return table, pairs
