"""The champion's model as the files of results/ and data/prepared/ have it."""

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
    """A trained model, and what a later one is compared with it by.

    Attributes:
        dataset: what it was trained on.
        variant: the champion's name.
        seed: whose model it is; the best on the validation split.
        seeds: how many the variant has.
        model: how it is built.
        interface: what it takes, and what it tells.
        columns: the names of what it takes of a table; empty where it takes images.
        names: of the classes or labels, in their order, or of the number that it tells; None where
            classes are numbered.
        weights: its own.
        input_example: of the validation split, as `Examples` has inputs.
        predictions: of all the variant's seeds on the test split: values as the kind of target
            names them, and `losses`, shape (seeds, items, ...), and the true values.
        test_digest: SHA-256 of the test split.
        comparison: how it is compared.
        block: how many of the seeds share a search.
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
    """Read the champion's best model; None where there is no champion.

    The champion is that of the leaderboard. Its best seed is chosen as the champion is: by
    validation score, then the lower validation loss, then the lower seed.

    Raises:
        FileNotFoundError: results or splits are not here.
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
