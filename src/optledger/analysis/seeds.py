"""results/seeds.csv: the scores of each seed of each variant, and how its training went."""

from collections.abc import Mapping

import pandas as pd

from optledger.core.params import Plateau
from optledger.datasets.kinds.evaluation import Evaluation
from optledger.trials.plateau import converged_epoch
from optledger.trials.records import score_of


def seed_table(
    evaluations: Mapping[str, list[Evaluation]],
    trials: Mapping[str, pd.DataFrame],
    histories: Mapping[str, pd.DataFrame],
    convergence: Plateau,
) -> pd.DataFrame:
    """Return a row per variant and seed, in the order of `evaluations`.

    Args:
        evaluations: scores on the test split, by variant, in the order of its seeds.
        trials: by variant, its trials.csv.
        histories: by variant, its history.csv.
        convergence: the rule for when a training has converged.
    """
    return pd.concat(
        [
            _rows(name, each, trials[name], histories[name], convergence)
            for name, each in evaluations.items()
        ],
        ignore_index=True,
    )


def _rows(
    name: str,
    evaluations: list[Evaluation],
    trials: pd.DataFrame,
    history: pd.DataFrame,
    convergence: Plateau,
) -> pd.DataFrame:
    score = f"validation_{score_of(history)}"
    kept = history.set_index(["seed", "epoch"]).reindex(
        pd.MultiIndex.from_frame(trials[["seed", "kept_epoch"]])
    )
    monitored = history.groupby("seed")[convergence.monitor].apply(list)
    # Computed from the metrics as history.csv keeps them, with six digits.
    converged = [
        None if pd.notna(diverged) else converged_epoch(monitored[seed], convergence)
        for seed, diverged in zip(trials["seed"], trials["diverged_epoch"], strict=True)
    ]
    return pd.DataFrame(
        {
            "variant": name,
            "seed": trials["seed"],
            "learning_rate": trials["learning_rate"],
            **{name: [each.scores[name] for each in evaluations] for name in evaluations[0].scores},
            score: kept[score].to_numpy(),
            "validation_loss": kept["validation_loss"].to_numpy(),
            "epochs": trials["epochs"],
            "kept_epoch": trials["kept_epoch"],
            "converged_epoch": converged,
            "diverged_epoch": trials["diverged_epoch"],
            "diverged_step": trials["diverged_step"],
        }
    ).astype({"converged_epoch": "Int64"})
