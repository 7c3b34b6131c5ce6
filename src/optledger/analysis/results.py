"""The files of results/ as samples, from which statistics are computed."""

from collections.abc import Sequence

import pandas as pd

from optledger.analysis.comparisons import Samples, assumed_skewness, samples_of
from optledger.analysis.predictions import read_predictions, read_targets
from optledger.analysis.statistics import sample_of_seeds
from optledger.core.metric import metrics_in
from optledger.core.paths import PREDICTIONS
from optledger.datasets.prepared import read_summary


def read_samples(variants: Sequence[str], looks: Sequence[int] = (), block: int = 1) -> Samples:
    """Read the predictions of `variants`, in their order, as samples of each metric.

    Args:
        variants: names of the variants.
        looks: numbers of seeds at which there is a look, ascending.
        block: number of consecutive seeds that share a search.

    Raises:
        FileNotFoundError: the predictions or the true values are missing.
    """
    summary = read_summary()
    targets = read_targets(summary)
    return {
        name: samples_of(
            summary.kind,
            targets,
            *read_predictions(PREDICTIONS / f"{name}.npz", targets, summary),
            summary.outputs,
            looks,
            block,
        )
        for name in variants
    }


def class_notes() -> list[str]:
    """Return a sentence for each split that lacks examples of some class or label."""
    summary = read_summary()
    test = summary.kind.counts(read_targets(summary), summary.outputs)
    return summary.kind.notes({**summary.counts, "test": test}, summary.names)


def samples_of_seeds(
    variants: Sequence[str], seeds: pd.DataFrame, looks: Sequence[int] = (), block: int = 1
) -> Samples:
    """Return samples of each metric from results/seeds.csv alone, without the predictions."""
    rows = {name: seeds[seeds["variant"] == name] for name in variants}
    return {
        name: {
            metric.name: sample_of_seeds(
                own[metric.name].to_numpy(float), assumed_skewness(metric), looks, block
            )
            for metric in metrics_in(own).values()
        }
        for name, own in rows.items()
    }
