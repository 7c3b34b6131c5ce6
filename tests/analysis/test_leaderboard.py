import statistics

import numpy as np
import pandas as pd
import pytest

from optledger.analysis.leaderboard import curves, leaderboard, markdown
from optledger.analysis.summary import METRICS, summarize
from optledger.params import Component, Variant

VARIANT = Variant(
    optimizer=Component(name="Adam"),
    learning_rate=0.001,
    epochs=10,
    batch_size=32,
    loss=Component(name="CategoricalCrossentropy"),
)


def seeds(**accuracies: list[float]) -> pd.DataFrame:
    """Return a table of seeds whose metrics all are the given accuracy; 0 is a divergence."""
    return pd.DataFrame(
        [
            {
                "variant": variant,
                "seed": seed,
                **dict.fromkeys(METRICS, accuracy),
                "loss": accuracy or np.nan,
                "diverged_epoch": np.nan if accuracy else 1,
            }
            for variant, values in accuracies.items()
            for seed, accuracy in enumerate(values)
        ]
    )


def test_mean_and_sample_standard_deviation() -> None:
    """As Python's own statistics module has them, at six digits."""
    values = [0.91, 0.94, 0.95]
    summary = summarize(seeds(a=values))["a"]
    assert summary["accuracy"] == pytest.approx(statistics.mean(values), rel=1e-6)
    assert summary["accuracy_std"] == pytest.approx(statistics.stdev(values), rel=1e-5)


def test_one_seed_has_no_standard_deviation() -> None:
    """There is nothing to estimate it from."""
    summary = summarize(seeds(a=[0.9]))["a"]
    assert (summary["accuracy"], summary["accuracy_std"]) == (0.9, None)


def test_a_diverged_seed_counts_as_zero_without_a_loss() -> None:
    """It lowers the accuracy; the loss is of the seeds that have one."""
    summary = summarize(seeds(a=[0.9, 0.0]))["a"]
    assert (summary["accuracy"], summary["loss"]) == (0.45, 0.9)
    assert summarize(seeds(a=[0.0]))["a"]["loss"] is None


def test_the_best_mean_comes_first_and_ties_stand_by_name() -> None:
    """Ranks follow the deciding metric."""
    table = leaderboard(
        seeds(c=[0.9, 0.92], b=[0.95, 0.97], a=[0.92, 0.9]),
        dict.fromkeys("cba", VARIANT),
        "accuracy",
    )
    assert table["variant"].tolist() == ["b", "a", "c"]
    assert table["rank"].tolist() == [1, 2, 3]


def test_markdown_says_what_diverged_and_leaves_out_what_is_unknown() -> None:
    """A single seed has no ±, a diverged one no loss."""
    table = leaderboard(seeds(a=[0.9], b=[0.0]), dict.fromkeys("ab", VARIANT), "f1")
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in markdown(table, "f1").splitlines()
        if line.startswith("| ") and "variant" not in line
    ]
    assert lines[0] == ["1", "a", *["0.9000"] * 5, "1", "0.001", "10", "0"]
    assert lines[1] == ["2", "b", *["0.0000"] * 4, "", "1 (1 diverged)", "0.001", "10", "0"]


def test_curves_are_means_over_the_seeds_that_reached_an_epoch() -> None:
    """A seed that ended early does not drag the later epochs."""
    history = pd.DataFrame({"seed": [0, 0, 1], "epoch": [1, 2, 1], "train_loss": [1.0, 0.5, 3.0]})
    table = curves({"a": history})
    assert table.to_dict("list") == {
        "variant": ["a", "a"],
        "epoch": [1, 2],
        "train_loss": [2.0, 0.5],
    }
