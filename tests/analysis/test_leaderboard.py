import statistics

import numpy as np
import pandas as pd
import pytest

from optledger.analysis.leaderboard import curves, leaderboard, markdown, search_table
from optledger.analysis.summary import METRICS, summarize
from optledger.params import Component, Variant

VARIANT = Variant(
    model=Component(name="mlp", hidden_units=[16]),
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
                "learning_rate": 0.001,
                **dict.fromkeys(METRICS, accuracy),
                "loss": accuracy or np.nan,
                "epochs": 10,
                "converged_epoch": np.nan,
                "diverged_epoch": np.nan if accuracy else 1,
            }
            for variant, values in accuracies.items()
            for seed, accuracy in enumerate(values)
        ]
    )


def searches(variants: str, *rates: float) -> dict[str, pd.DataFrame]:
    """Return the search of each variant: learning rates that were tried."""
    return {name: pd.DataFrame({"learning_rate": rates}, dtype=float) for name in variants}


def cells(text: str) -> list[list[str]]:
    """Return the cells of a Markdown table's rows, without its head."""
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ") and "variant" not in line
    ]


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
        searches("abc"),
        "accuracy",
    )
    assert table["variant"].tolist() == ["b", "a", "c"]
    assert table["rank"].tolist() == [1, 2, 3]


def test_markdown_says_what_diverged_and_leaves_out_what_is_unknown() -> None:
    """A single seed has no ±, a diverged one no loss."""
    table = leaderboard(seeds(a=[0.9], b=[0.0]), dict.fromkeys("ab", VARIANT), searches("ab"), "f1")
    lines = cells(markdown(table, "f1"))
    assert lines[0] == ["1", "a", *["0.9000"] * 5, "1", "0.001", "10", "", "0"]
    assert lines[1] == ["2", "b", *["0.0000"] * 4, "", "1 (1 diverged)", "0.001", "10", "", "0"]


def test_epochs_and_convergence_are_means_over_seeds() -> None:
    """Of the seeds that converged, which are counted where they are not all; or nothing."""
    table = seeds(a=[0.9, 0.8], b=[0.8, 0.7], c=[0.7, 0.6])
    table["epochs"] = [5, 8, 10, 10, 10, 10]
    table["converged_epoch"] = [3, 6, 7, np.nan, np.nan, np.nan]
    board = leaderboard(table, dict.fromkeys("abc", VARIANT), searches("abc"), "f1")
    text = markdown(board, "f1")
    assert [row[9:11] for row in cells(text)] == [
        ["6.5", "4.5"],
        ["10", "7 (1 of 2 seeds)"],
        ["10", ""],
    ]
    assert "A seed has converged after" in text


def test_a_choice_at_the_edge_is_flagged() -> None:
    """Beside the learning rate, and in a note that stands where there is one, and only there."""
    for rates, edge, shown in (
        ([0.0001, 0.001, 0.01], None, "0.001"),
        ([0.001, 0.01, 0.1], "lowest", "0.001 (lowest tried)"),
        ([0.00001, 0.0001, 0.001], "highest", "0.001 (highest tried)"),
    ):
        table = leaderboard(seeds(a=[0.9]), {"a": VARIANT}, searches("a", *rates), "f1")
        assert table["search_edge"].tolist() == [edge]
        text = markdown(table, "f1")
        assert cells(text)[0][8:] == [shown, "10", "", "3"]
        assert ("may lie beyond" in text) == (edge is not None)


def test_another_number_of_search_trials_is_told() -> None:
    """Beside the variant that had another chance than the others, and in a note."""
    table = leaderboard(
        seeds(a=[0.9], b=[0.8]),
        dict.fromkeys("ab", VARIANT),
        searches("a", 0.0001, 0.001, 0.01) | searches("b"),
        "f1",
    )
    text = markdown(table, "f1")
    assert [line[-1] for line in cells(text)] == ["3", "0, not 3"]
    assert "not the same chance" in text
    assert "not the same chance" not in markdown(table[:1], "f1")


def test_search_trials_of_all_variants_say_which_was_chosen() -> None:
    """A row per trial; none where there was no search."""
    given = leaderboard(
        seeds(a=[0.9], b=[0.8]),
        dict.fromkeys("ab", VARIANT),
        tried := searches("a", 0.0001, 0.001) | searches("b"),
        "f1",
    )
    assert search_table(tried, given).to_dict("list") == {
        "variant": ["a", "a"],
        "learning_rate": [0.0001, 0.001],
        "chosen": [0, 1],
    }


def test_curves_are_means_over_the_seeds_that_reached_an_epoch() -> None:
    """A seed that ended early does not drag the later epochs."""
    history = pd.DataFrame({"seed": [0, 0, 1], "epoch": [1, 2, 1], "train_loss": [1.0, 0.5, 3.0]})
    table = curves({"a": history})
    assert table.to_dict("list") == {
        "variant": ["a", "a"],
        "epoch": [1, 2],
        "train_loss": [2.0, 0.5],
    }
