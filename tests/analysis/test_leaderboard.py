import math
import statistics

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from boards import boards, seed_table
from optledger.analysis.leaderboard import champion, curves, search_table
from optledger.analysis.summary import ranking, summarize
from optledger.core.params import Comparison

ACCURACY = Comparison(metric="accuracy")


def search(*rates: float) -> pd.DataFrame:
    """Return a search: the learning rates that were tried, the first of them the best."""
    accuracies = [0.9 - 0.1 * place for place in range(len(rates))]
    return pd.DataFrame({"learning_rate": rates, "validation_accuracy": accuracies}, dtype=float)


def history(*accuracies: float) -> pd.DataFrame:
    """Return the history of one seed with these validation accuracies."""
    return pd.DataFrame(
        {"seed": 0, "epoch": range(1, len(accuracies) + 1), "validation_accuracy": accuracies}
    )


def test_mean_and_sample_standard_deviation() -> None:
    """As Python's own statistics module has them, at six digits."""
    values = [0.91, 0.94, 0.95]
    summary = summarize(seed_table(a=values))["a"]
    assert summary["accuracy"] == pytest.approx(statistics.mean(values), rel=1e-6)
    assert summary["accuracy_std"] == pytest.approx(statistics.stdev(values), rel=1e-5)


def test_one_seed_has_no_standard_deviation() -> None:
    """There is nothing to estimate it from."""
    summary = summarize(seed_table(a=[0.9]))["a"]
    assert (summary["accuracy"], summary["accuracy_std"]) == (0.9, None)


def test_a_diverged_seed_counts_as_zero_without_a_loss() -> None:
    """It lowers the accuracy; the loss is of the seeds that have one."""
    summary = summarize(seed_table(a=[0.9, 0.0]))["a"]
    assert (summary["accuracy"], summary["loss"]) == (0.45, 0.9)
    assert summarize(seed_table(a=[0.0]))["a"]["loss"] is None


def test_the_best_mean_comes_first_and_ties_stand_by_name() -> None:
    """Ranks follow the deciding metric."""
    seeds = seed_table(c=[0.9, 0.92], b=[0.95, 0.97], a=[0.92, 0.9])
    assert ranking(seeds, "f1") == ["b", "a", "c"]
    table, _ = boards(seeds, ACCURACY)
    assert table["variant"].tolist() == ["b", "a", "c"]
    assert table["rank"].tolist() == [1, 2, 3]


def test_the_upper_end_of_a_mean_is_students_where_there_are_no_predictions() -> None:
    """With the confidence of params.yaml, and the lower is lower; of one seed nothing is known."""
    values = [0.91, 0.94, 0.95]
    comparison = Comparison(metric="accuracy", confidence=0.9)
    table, _ = boards(seed_table(a=values, b=[0.5]), comparison)
    ends = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    assert table["accuracy_high"].tolist() == pytest.approx([ends.high, math.inf])
    assert table["accuracy_low"].iloc[0] < ends.low
    assert table["accuracy_low"].iloc[1] == -math.inf
    # Of a loss it is the other one.
    assert table["loss_low"].iloc[0] == pytest.approx(ends.low)


def test_who_leads_is_not_shown_to_be_worse_than_the_best() -> None:
    """One that is close to it does, one that is far does not."""
    table, _ = boards(
        seed_table(
            a=[0.9, 0.92, 0.91, 0.915, 0.905],
            b=[0.91, 0.9, 0.9, 0.905, 0.91],
            c=[0.1, 0.11, 0.12, 0.105, 0.115],
        ),
        ACCURACY,
    )
    assert table.set_index("variant")["leading"].to_dict() == {"a": 1, "b": 1, "c": 0}


def test_a_variant_with_a_diverged_seed_does_not_lead() -> None:
    """However good the others; where all have one, nobody leads and nobody is the champion."""
    table, _ = boards(seed_table(a=[0.99] * 9 + [0.0], b=[0.5] * 10), ACCURACY)
    assert table.set_index("variant")["leading"].to_dict() == {"a": 0, "b": 1}
    assert table.set_index("variant")["champion"].to_dict() == {"a": 0, "b": 1}
    table, _ = boards(seed_table(a=[0.9] * 4 + [0.0], b=[0.8] * 4 + [0.0]), ACCURACY)
    assert not table[["leading", "champion"]].to_numpy().any()


def test_a_preview_has_no_leader_and_no_champion() -> None:
    """However far ahead one is, with four seeds of any variant; with five it is both."""
    for count, marks in {4: 0, 5: 1}.items():
        table, _ = boards(
            seed_table(a=[0.9, 0.91] * 3, b=[0.1, 0.11, 0.1, 0.12, 0.1][:count]), ACCURACY
        )
        assert table[["leading", "first", "champion"]].sum().tolist() == [marks] * 3


def test_the_champion_is_chosen_on_the_validation_split() -> None:
    """Not by the test split; of equal ones by loss, then by name; of none without such a split."""
    seeds = seed_table(a=[0.9, 0.8], b=[0.7, 0.8])
    seeds["validation_accuracy"] = [0.6, 0.7, 0.7, 0.8]
    assert champion(seeds) == "b"
    seeds["validation_accuracy"] = 0.7
    assert champion(seeds) == "a"
    seeds["validation_loss"] = 0.3
    assert champion(seeds[::-1]) == "a"
    seeds["validation_accuracy"] = np.nan
    assert champion(seeds) is None


def test_targets_are_counted_per_seed() -> None:
    """A column for how many seeds reach each, and one for their median epochs."""
    comparison = Comparison(metric="accuracy", targets=(0.5, 0.9))
    histories = {"a": history(0.4, 0.6), "b": history(0.7, 0.95)}
    table, _ = boards(seed_table(a=[0.6], b=[0.95]), comparison, histories=histories)
    columns = ["variant", "seeds_to_0.5", "epochs_to_0.5", "seeds_to_0.9", "epochs_to_0.9"]
    assert table[columns].to_numpy().tolist() == [["b", 1, 1, 1, 2], ["a", 1, 2, 0, math.inf]]


def test_the_search_is_told_with_its_edge_and_sensitivity() -> None:
    """How many learning rates were tried, whether the chosen one was an end, what others lack."""
    seeds = seed_table(a=[0.9], b=[0.8], c=[0.7])
    searches = {"a": search(0.001, 0.01), "b": search(0.01, 0.001, 0.0001)}
    table, _ = boards(seeds, ACCURACY, searches=searches)
    assert table["search_trials"].tolist() == [2, 3, 0]
    assert table["search_edge"].fillna("").tolist() == ["lowest", "", ""]
    assert table["sensitivity"].tolist() == pytest.approx([0.05, 0.1, math.nan], nan_ok=True)


def test_search_trials_of_all_variants_say_which_was_chosen() -> None:
    """A row per trial; none where there was no search."""
    tried = {"a": search(0.0001, 0.001)[["learning_rate"]], "b": search()[["learning_rate"]]}
    given = pd.DataFrame({"variant": ["a", "b"], "learning_rate": [0.001, 0.001]})
    assert search_table(tried, given).to_dict("list") == {
        "variant": ["a", "a"],
        "learning_rate": [0.0001, 0.001],
        "chosen": [0, 1],
    }


def test_curves_are_of_the_seeds_that_reached_an_epoch() -> None:
    """A seed that ended early does not drag the later epochs; lowest and highest stand beside."""
    own = pd.DataFrame({"seed": [0, 0, 1], "epoch": [1, 2, 1], "train_loss": [1.0, 0.5, 3.0]})
    table = curves({"a": own})
    assert table.to_dict("list") == {
        "variant": ["a", "a"],
        "epoch": [1, 2],
        "train_loss": [2.0, 0.5],
        "train_loss_min": [1.0, 0.5],
        "train_loss_max": [3.0, 0.5],
    }


def test_a_variant_with_a_diverged_seed_is_last_where_less_is_better() -> None:
    """It has no error, which is not an error of 0."""
    seeds = pd.DataFrame(
        {
            "variant": list("aabbcc"),
            "rmse": [3.0, 3.1, 1.0, np.nan, 2.0, 2.1],
            "mae": 1.0,
            "r2": 0.5,
        }
    )
    assert ranking(seeds, "rmse") == ["c", "a", "b"]
    assert ranking(seeds.assign(r2=[0.5, 0.5, 0.9, np.nan, -2, -3]), "r2") == ["a", "c", "b"]
    assert summarize(seeds)["b"]["rmse"] is None
