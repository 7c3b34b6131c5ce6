"""The files of results/ as what statistics are made of."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from optledger.analysis.comparisons import Samples, leaning, samples_of
from optledger.analysis.predictions import read_labels, read_predictions
from optledger.analysis.statistics import sample_of_seeds
from optledger.core.metric import METRICS
from optledger.core.paths import PREDICTIONS
from optledger.datasets import classes
from optledger.datasets.prepared import read_summary


def read_samples(variants: Sequence[str], looks: Sequence[int] = (), block: int = 1) -> Samples:
    """Read the predictions of `variants`, in their order, as samples of each metric.

    Args:
        variants: their names.
        looks: numbers of seeds, ascending, of which samples know.
        block: how many seeds share a search.

    Raises:
        FileNotFoundError: they, or the true labels, are not here.
    """
    count = read_summary().classes
    labels = read_labels(count)
    samples = {}
    for name in variants:
        predictions = read_predictions(PREDICTIONS / f"{name}.npz", len(labels), count)
        found = predictions["classes"], predictions["losses"]
        samples[name] = samples_of(labels, *found, count, looks, block)
    return samples


def class_notes() -> list[str]:
    """Return what is to be said of classes that a split has no image of, a sentence each."""
    summary = read_summary()
    test: list[int] = np.bincount(read_labels(summary.classes), minlength=summary.classes).tolist()
    return classes.notes(
        {str(name): each for name, each in summary.examples_per_class.items()} | {"test": test},
        summary.names,
    )


def samples_of_seeds(
    variants: Sequence[str], seeds: pd.DataFrame, looks: Sequence[int] = (), block: int = 1
) -> Samples:
    """Return samples of each metric without the predictions, from results/seeds.csv alone."""
    rows = {name: seeds[seeds["variant"] == name] for name in variants}
    return {
        name: {
            metric.name: sample_of_seeds(
                own[metric.name].to_numpy(float), leaning(metric), looks, block
            )
            for metric in METRICS.values()
        }
        for name, own in rows.items()
    }
