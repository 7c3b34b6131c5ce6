"""The champion's model, read from results/ and data/prepared/."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optledger.analysis.predictions import read_predictions, read_split_digest, read_targets
from optledger.analysis.schemas import read_results
from optledger.core.metric import METRICS
from optledger.core.params import Comparison, Component, Params
from optledger.core.paths import PREDICTIONS, TRIALS
from optledger.datasets.interface import Interface
from optledger.datasets.prepared import read_split, read_summary
from optledger.trials.records import read_trials, read_weights
from optledger.trials.trial import Weights


@dataclass(frozen=True)
class ChampionModel:
    """A trained model, with what is needed to compare later models with it.

    Attributes:
        dataset: the name of the dataset that it was trained on.
        variant: the name of the champion.
        seed: the seed that it was trained with, the variant's best on the validation split.
        seeds: how many seeds the variant has.
        model: the name and the arguments that it is built from.
        interface: what it takes and what it predicts.
        columns: the names of the table columns that it takes; empty where it takes images.
        names: the names of the classes or labels, in their order, or of the number that it
            predicts; None where the classes have only numbers.
        weights: its weights.
        input_example: the first inputs of the validation split, as in `Examples.inputs`.
        predictions: the test predictions of all the variant's seeds: the predicted values, shape
            (seeds, items, ...), `losses`, shape (seeds, items), and the true values, shape
            (items, ...). The kind of target gives both kinds of values their names.
        test_digest: the SHA-256 of the test split.
        comparison: how it is compared, the section of params.yaml.
        block: how many of the seeds share a search; 1 where all share one.
    """

    dataset: str
    variant: str
    seed: int
    seeds: int
    model: Component
    interface: Interface
    columns: tuple[str, ...]
    names: tuple[str, ...] | None
    weights: Weights
    input_example: NDArray[Any]
    predictions: dict[str, NDArray[np.generic]]
    test_digest: str
    comparison: Comparison
    block: int = 1


def read_champion(params: Params) -> ChampionModel | None:
    """Read the model of the champion's best seed; return None where there is no champion.

    The leaderboard names the champion. Its best seed has the best validation score. Ties go to the
    lower validation loss, then to the lower seed.

    Raises:
        FileNotFoundError: a result or a split is missing.
    """
    leaderboard, table = read_results("leaderboard", "seeds", variants=params.variants).values()
    names = leaderboard.loc[leaderboard["champion"] == 1, "variant"]
    if names.empty:
        return None
    name = str(names.iloc[0])
    summary = read_summary()
    kind = summary.kind
    seeds = table[table["variant"] == name].sort_values(
        [f"validation_{kind.SCORE}", "validation_loss", "seed"],
        ascending=[METRICS[kind.SCORE].lower_is_better, True, True],
    )
    seed = int(seeds["seed"].iloc[0])
    targets = read_targets(summary)
    predictions = read_predictions(PREDICTIONS / f"{name}.npz", targets, summary)
    place = read_trials(TRIALS / name)["seed"].tolist().index(seed)
    return ChampionModel(
        dataset=params.dataset,
        variant=name,
        seed=seed,
        seeds=len(seeds),
        model=params.variants[name].model,
        interface=summary.interface,
        columns=tuple(column.name for column in summary.columns or ()),
        names=None if summary.are_numbered else tuple(summary.names),
        weights=read_weights(TRIALS / name)[place],
        input_example=read_split("validation").inputs[:_EXAMPLES],
        predictions={
            kind.VALUES: predictions.values,
            "losses": predictions.losses,
            kind.TARGETS: targets,
        },
        test_digest=read_split_digest().sha256,
        comparison=params.comparison,
        block=params.seeds.block,
    )


_EXAMPLES = 3
