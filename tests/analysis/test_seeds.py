import numpy as np
import pandas as pd

from optledger.analysis.seeds import seed_table
from optledger.core.params import Plateau
from optledger.datasets.kinds import classes
from optledger.datasets.kinds.evaluation import Evaluation

HISTORY = pd.DataFrame(
    {
        "seed": [7, 7, 7],
        "epoch": [1, 2, 3],
        "validation_accuracy": [0.5, 0.8, 0.7],
        "validation_loss": [1.0, 0.4, 0.6],
    }
)

TRIALS = pd.DataFrame(
    {
        "seed": [7, 8],
        "learning_rate": [0.1, 0.1],
        "epochs": [3, 1],
        "kept_epoch": pd.array([2, None], "Int64"),
        "diverged_epoch": pd.array([None, 1], "Int64"),
        "diverged_step": pd.array([None, 4], "Int64"),
    }
)


def evaluation(score: float) -> Evaluation:
    """Return one with this for each metric."""
    return Evaluation(dict.fromkeys(classes.METRICS, score), {}, np.zeros((2, 2), np.int64))


def test_a_seed_has_the_metrics_of_the_epoch_that_it_keeps() -> None:
    """And has converged where its loss was lowest; one that diverged has neither."""
    table = seed_table(
        {"a": [evaluation(0.9), evaluation(0.0)]},
        {"a": TRIALS},
        {"a": HISTORY},
        Plateau(monitor="validation_loss", patience=1),
    )
    kept, diverged = table.to_dict("records")
    assert (kept["seed"], kept["accuracy"], kept["loss"]) == (7, 0.9, 0.9)
    assert (kept["validation_accuracy"], kept["validation_loss"]) == (0.8, 0.4)
    assert kept["converged_epoch"] == 2
    assert diverged["accuracy"] == 0.0
    assert pd.isna([diverged[name] for name in ("validation_loss", "converged_epoch")]).all()
    assert (diverged["diverged_epoch"], diverged["diverged_step"]) == (1, 4)
