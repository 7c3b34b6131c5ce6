"""What the trainings took, in what no clock counts: weights, steps of the optimizer, trainings."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from optledger.core.params import Params
from optledger.datasets.interface import Interface
from optledger.datasets.sampling import training_examples
from optledger.trials.specify import specify


class Cost(NamedTuple):
    """What a variant took.

    Attributes:
        variant: its name.
        weights: how many numbers its model holds.
        epoch: steps of an epoch.
        seed: steps of a seed, mean over seeds.
        seeds: trainings of seeds.
        search: trainings of the search for a learning rate.
        steps: of all trainings together.
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
    """Yield what each variant took.

    Args:
        params: what params.yaml says.
        strata: how many train examples there are of each class, or in all.
        seeds: results/seeds.csv.
        search: results/search.csv.
        weights: how many each variant's model has; in the order that is wanted.
    """
    labels = np.repeat(np.arange(len(strata)), strata)
    for name, held in weights.items():
        specification = specify(params.variants[name], Interface((), len(strata)))
        # Their number does not depend on the seed.
        epoch = specification.steps(len(training_examples(labels, specification, seed=0)))
        own = seeds.loc[seeds["variant"] == name, "epochs"]
        tried = search.loc[search["variant"] == name, "epochs"]
        steps = epoch * int(own.sum() + tried.sum())
        yield Cost(name, held, epoch, epoch * own.mean(), len(own), len(tried), steps)
