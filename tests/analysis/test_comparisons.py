import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from boards import seed_table
from optledger.analysis.comparisons import (
    against,
    comparisons,
    family_alpha,
    samples_of,
)
from optledger.analysis.results import samples_of_seeds
from optledger.analysis.schemas import SCHEMAS
from optledger.analysis.statistics import seeds_to_settle
from optledger.analysis.summary import ranking
from optledger.core.formats import write_csv
from optledger.core.params import Comparison
from optledger.core.tables import read
from optledger.datasets.kinds import classes
from optledger.datasets.kinds.classes import evaluate

ACCURACY = Comparison(metric="accuracy")

HIGH, LOW = [0.9, 0.91, 0.92, 0.905, 0.915], [0.1, 0.11, 0.12, 0.105, 0.115]


def compared(comparison: Comparison = ACCURACY, **accuracies: list[float]) -> pd.DataFrame:
    """Return the comparisons of seeds without predictions."""
    seeds = seed_table(**accuracies)
    return comparisons(samples_of_seeds(ranking(seeds, comparison.metric), seeds), comparison)


def test_every_pair_on_every_metric_the_deciding_one_first() -> None:
    """The better variant stands first."""
    table = compared(Comparison(metric="f1"), b=[0.7, 0.8], c=[0.5, 0.6], a=[0.9, 0.95])
    assert len(table) == 3 * len(classes.METRICS)
    assert table["metric"].unique().tolist() == ["f1", "accuracy", "precision", "recall", "loss"]
    pairs = list(table[["variant", "against"]].itertuples(index=False, name=None))[:3]
    assert pairs == [("a", "b"), ("a", "c"), ("b", "c")]


def test_the_level_is_bonferronis() -> None:
    """Three variants are three pairs, each of which may miss a third of 5 %: by SciPy's test."""
    # Of equal spread, so that seeds which lean do so alike.
    a = [0.9, 0.95, 0.93, 0.92, 0.94]
    values = {"a": a, "b": [each - 0.15 for each in a], "c": [0.5, 0.6, 0.7, 0.55, 0.65]}
    row = compared(**values).iloc[0]
    test = stats.ttest_ind(values["a"], values["b"], equal_var=False)
    ends = test.confidence_interval(1 - 0.05 / 3)
    assert family_alpha(3, ACCURACY) == pytest.approx(0.05 / 3)
    assert (row["low"], row["high"]) == pytest.approx((ends.low, ends.high))
    assert row["half_width"] == pytest.approx((ends.high - ends.low) / 2)
    assert row["p_value"] == pytest.approx(test.pvalue)
    assert row["p_adjusted"] == pytest.approx(3 * test.pvalue)
    assert row["noise"] == "seeds"


@pytest.mark.parametrize("seed", range(20))
def test_verdict_interval_and_p_value_never_contradict_each_other(seed: int) -> None:
    """On every row of whatever tables."""
    rng = np.random.default_rng(seed)
    centres = 0.9 + 0.01 * rng.standard_normal(4)
    values = {
        name: (centre + 0.003 * rng.standard_normal(5)).tolist()
        for name, centre in zip("abcd", centres, strict=True)
    }
    table = compared(**values)
    for row in table.to_dict("records"):
        excludes = row["low"] > 0 or row["high"] < 0
        assert excludes == (row["p_adjusted"] < 0.05)
        if row["verdict"] in ("better", "worse"):
            up = (row["verdict"] == "better") != (row["metric"] == "loss")
            assert row["low"] > 0 if up else row["high"] < 0
        if row["verdict"] == "equivalent":
            margin = getattr(ACCURACY.margins, row["metric"])
            assert abs(row["difference"]) < margin
            assert -margin <= row["inner_low"] <= row["inner_high"] <= margin
        assert row["low"] <= row["inner_low"] <= row["difference"]
        assert row["difference"] <= row["inner_high"] <= row["high"]
        assert (row["verdict"] == "inconclusive") == pd.notna(row["further_seeds"])


def test_a_lower_loss_is_better() -> None:
    """The seeds' losses here are their accuracies, so that what wins in one loses in the other."""
    table = compared(a=HIGH, b=LOW).set_index("metric")
    assert table.loc["accuracy", "verdict"] == "better"
    assert table.loc["loss", "verdict"] == "worse"


def test_a_loss_that_a_diverged_seed_lacks_is_not_compared() -> None:
    """Its cells are empty and its verdict is inconclusive; accuracy counts the seed as 0."""
    table = compared(a=HIGH, b=[*HIGH[:4], 0.0]).set_index("metric")
    assert table.loc["loss"].isna().to_dict() == {
        **dict.fromkeys(("variant", "against", "look", "noise", "verdict"), False),
        **dict.fromkeys(("difference", "half_width", "low", "high"), True),
        **dict.fromkeys(("inner_low", "inner_high"), True),
        **dict.fromkeys(("p_value", "p_adjusted", "further_seeds", "difference_of_all"), True),
    }
    assert table.loc["loss", "verdict"] == "inconclusive"
    assert table.loc["accuracy", "difference"] == pytest.approx(0.183)


def test_unequal_numbers_of_seeds() -> None:
    """Each variant brings its own; the advice counts from the fewer."""
    more, fewer = [0.9, 0.95, 0.93, 0.97, 0.94, 0.92, 0.96], [0.91, 0.94, 0.92, 0.93, 0.95]
    table = compared(a=more, b=fewer).set_index("metric")
    test = stats.ttest_ind(more, fewer, equal_var=False)
    # Or a little more, as seeds may lean.
    assert test.pvalue <= table.loc["accuracy", "p_value"] < test.pvalue + 0.05
    assert table.loc["accuracy", "look"] == 5
    alone = compared(a=more, b=fewer[:1]).set_index("metric")
    assert alone.loc["accuracy", "half_width"] == math.inf


def test_a_preview_has_intervals_and_no_verdict() -> None:
    """Of fewer than five seeds of any variant, however far apart they are; five have one."""
    enough = compared(a=HIGH, b=HIGH, c=LOW)
    assert enough["verdict"].isin(["better", "worse"]).any()
    few = compared(a=HIGH, b=HIGH[:4], c=LOW)
    assert (few["verdict"] == "not judged").all()
    assert few[["p_adjusted", "further_seeds"]].isna().all(axis=None)
    assert (few.loc[few["metric"] == "accuracy", "low"].iloc[1:] > 0).all()


def test_equal_models_are_equivalent() -> None:
    """No seed and no image tells them apart, and no rounding does either."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 50, dtype=np.uint8)
    predicted = np.stack([np.where(rng.random(50) < 0.9, labels, 0).astype(np.uint8)] * 5)
    losses = np.stack([rng.random(50).astype(np.float32)] * 5)
    same = samples_of(classes, labels, predicted, losses, 3)
    table = comparisons({"a": same, "b": same}, ACCURACY)
    assert (table["verdict"] == "equivalent").all()
    assert not table[["difference", "half_width", "low", "high"]].to_numpy().any()
    assert (table["p_adjusted"] == 1).all()
    assert (table["noise"] == "seeds and images").all()


def test_samples_have_the_metrics_of_each_seed() -> None:
    """Those that the stage `evaluate` writes."""
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, 60, dtype=np.uint8)
    predicted = rng.integers(0, 4, (3, 60), dtype=np.uint8)
    losses = rng.random((3, 60)).astype(np.float32)
    samples = samples_of(classes, labels, predicted, losses, 4)
    for seed in range(3):
        expected = evaluate(labels, predicted[seed], losses[seed], 4).scores
        for metric in classes.METRICS:
            assert samples[metric].seeds[seed] == pytest.approx(expected[metric], rel=1e-7)


def test_one_seed_each_is_of_two_models() -> None:
    """The p-value is that of McNemar's test."""
    labels = np.zeros(20, np.uint8)
    losses = np.zeros((1, 20), np.float32)
    first, second = np.zeros((1, 20), np.uint8), np.zeros((1, 20), np.uint8)
    first[0, :2], second[0, 5:10] = 1, 1
    samples = {
        name: samples_of(classes, labels, predicted, losses, 2)
        for name, predicted in {"a": first, "b": second}.items()
    }
    row = comparisons(samples, ACCURACY).iloc[0]
    assert row["p_value"] == pytest.approx(stats.binomtest(2, 7).pvalue)
    assert row[["noise", "verdict"]].tolist() == ["images", "not judged"]


def test_further_seeds_are_those_that_settle_it_less_those_that_there_are() -> None:
    """Counted from the fewer, where the numbers are unequal."""
    a, b = [0.90, 0.93, 0.91, 0.95, 0.92, 0.94], [0.90, 0.91, 0.93, 0.92, 0.89]
    values = {"a": a, "b": b}
    row = compared(**values).iloc[0]
    seeds = seed_table(**values)
    samples = [each["accuracy"] for each in samples_of_seeds(["a", "b"], seeds).values()]
    needed = seeds_to_settle(*samples, margin=0.003, alpha=0.05)
    assert row["further_seeds"] == needed - 5 > 0


def test_against_a_baseline_rows_are_turned() -> None:
    """The baseline stands second, with differences and verdicts as seen from the others."""
    table = compared(a=HIGH, b=[each - 0.4 for each in HIGH], c=LOW)
    beside = against(table, "accuracy", "b")
    assert beside["verdict"].to_dict() == {"a": "better", "c": "worse"}
    assert beside["difference"].to_dict() == pytest.approx({"a": 0.4, "c": -0.4})
    assert (beside["low"] < beside["difference"]).all()
    assert (beside["difference"] < beside["high"]).all()
    assert (beside["against"] == "b").all()


def test_the_difference_of_all_seeds_is_turned() -> None:
    """Without looks it is the difference itself, whichever variant of a pair is the baseline."""
    beside = against(compared(a=HIGH, b=LOW), "accuracy", "a")
    assert beside["difference_of_all"].to_dict() == pytest.approx({"b": -0.8})
    assert beside["difference_of_all"].equals(beside["difference"])


def test_an_interval_ends_where_a_difference_cannot_go() -> None:
    """At 1 and -1, but for the loss; half its length is as it was."""
    table = compared(a=[0.9, 0.2], b=[0.6, 0.1]).set_index("metric")
    assert (table.loc["accuracy", "low"], table.loc["accuracy", "high"]) == (-1, 1)
    assert table.loc["accuracy", "half_width"] > 1
    assert table.loc["loss", "low"] < -1


def test_the_table_survives_its_file(tmp_path: Path) -> None:
    """Infinite half-widths, empty cells, and names that look like numbers or like nothing."""
    table = compared(**{"1": [0.9], "nan": [0.9, 0.0]})
    write_csv(tmp_path / "comparisons.csv", table)
    found = read(tmp_path / "comparisons.csv", SCHEMAS["comparisons"])
    assert found["variant"].tolist() == table["variant"].tolist()
    assert found["against"].tolist() == table["against"].tolist()
    assert found["half_width"].tolist()[0] == math.inf
