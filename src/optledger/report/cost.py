"""The cost of training, counted without a clock: weights, optimizer steps and trainings."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from optledger.core.params import Params
from optledger.datasets.interface import Interface
from optledger.datasets.sampling import training_examples
from optledger.trials.specify import specify


class Cost(NamedTuple):
    """The cost of training one variant. A step is an update of all weights from one batch.

    Attributes:
        variant: its name.
        weights: how many weights its model has.
        epoch: steps in an epoch.
        seed: steps in the training of a seed, mean over seeds.
        seeds: how many seeds were trained.
        search: how many trainings the search for a learning rate took.
        steps: steps of all trainings together.
    """

    variant: str
    weights: int
    epoch: int
    seed: float
    seeds: int
    search: int
    steps: int


def costs(
    params: Params,
    strata: Sequence[int],
    seeds: pd.DataFrame,
    search: pd.DataFrame,
    weights: Mapping[str, int],
) -> Iterator[Cost]:
    """Yield the cost of training each variant.

    Args:
        params: what params.yaml says.
        strata: how many train examples there are of each class, or in all.
        seeds: results/seeds.csv.
        search: results/search.csv.
        weights: by variant, how many weights its model has; costs come in the same order.
    """
    labels = np.repeat(np.arange(len(strata)), strata)
    for name, held in weights.items():
        specification = specify(params.variants[name], Interface((), len(strata)))
        # How many examples are drawn does not depend on the seed.
        epoch = specification.steps(len(training_examples(labels, specification, seed=0)))
        own = seeds.loc[seeds["variant"] == name, "epochs"]
        tried = search.loc[search["variant"] == name, "epochs"]
        steps = epoch * int(own.sum() + tried.sum())
        yield Cost(name, held, epoch, epoch * own.mean(), len(own), len(tried), steps)
