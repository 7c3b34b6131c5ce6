import math
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optledger.analysis.schemas import SCHEMAS
from optledger.analysis.speed import (
    epochs_to_targets,
    learning_rate_sensitivity,
    performance_profile,
    speed_summary,
)
from optledger.core.formats import write_csv
from optledger.core.tables import read
from optledger.trials.records import read_history, read_search, write_trials
from optledger.trials.trial import Divergence, Epoch, TrialResult

INF = math.inf

Accuracies = dict[str, list[list[float]]]


def histories(accuracies: Accuracies) -> dict[str, pd.DataFrame]:
    """Return by variant a history with a seed's validation accuracies after each epoch."""
    return {
        name: pd.DataFrame(
            [
                {"seed": seed, "epoch": epoch, "validation_accuracy": accuracy}
                for seed, values in enumerate(seeds)
                for epoch, accuracy in enumerate(values, start=1)
            ],
            columns=["seed", "epoch", "validation_accuracy"],
        )
        for name, seeds in accuracies.items()
    }


def seeds(accuracies: Accuracies, diverged: Collection[tuple[str, int]] = ()) -> pd.DataFrame:
    """Return a row per variant and seed; those named have diverged in epoch 9."""
    return pd.DataFrame(
        [
            {
                "variant": name,
                "seed": seed,
                "diverged_epoch": 9 if (name, seed) in diverged else np.nan,
            }
            for name, values in accuracies.items()
            for seed in range(len(values))
        ]
    )


def epochs(**variants: list[float]) -> pd.DataFrame:
    """Return a table of the epochs that each variant's seeds took to a target of 0.9."""
    return pd.DataFrame(
        [
            {"variant": name, "target": 0.9, "seed": seed, "epochs": value}
            for name, values in variants.items()
            for seed, value in enumerate(values)
        ]
    )


def steps(profile: pd.DataFrame, variant: str) -> list[list[float]]:
    """Return the corners of a variant: factor and fraction."""
    return profile[profile["variant"] == variant][["factor", "fraction"]].to_numpy().tolist()


def test_the_first_epoch_at_the_target_counts() -> None:
    """A target that is met exactly is reached, and one that is lost again was."""
    given = {"b": [[0.5, 0.9, 0.8], [0.95, 0.96, 0.97]], "a": [[0.1, 0.2], [0.1, 0.9]]}
    table = epochs_to_targets(histories(given), seeds(given), (0.9, 0.96))
    assert table.to_numpy().tolist() == [
        ["b", 0.9, 0, 2],
        ["b", 0.9, 1, 1],
        ["b", 0.96, 0, INF],
        ["b", 0.96, 1, 2],
        ["a", 0.9, 0, INF],
        ["a", 0.9, 1, 2],
        ["a", 0.96, 0, INF],
        ["a", 0.96, 1, INF],
    ]
    assert list(table) == ["variant", "target", "seed", "epochs"]


def test_a_seed_that_diverged_is_a_miss() -> None:
    """Before the target, after it, and with no complete epoch at all."""
    given: Accuracies = {"a": [[0.95], [0.1], [], [0.95]]}
    diverged = {("a", 0), ("a", 1), ("a", 2)}
    table = epochs_to_targets(histories(given), seeds(given, diverged), (0.9,))
    assert table["epochs"].tolist() == [INF, INF, INF, 1]


def test_the_seed_is_not_its_place(tmp_path: Path) -> None:
    """Seeds may start anywhere, in the files as they are written; a miss is written as `inf`."""
    accuracies = {7: [0.5, 0.9], 5: [], 6: [0.8]}
    results = [
        TrialResult(
            learning_rate=0.1,
            seed=seed,
            weights={"00_bias": np.zeros(2, np.float32)},
            history=[Epoch(1.0, 0.5, 1.0, accuracy) for accuracy in values],
            kept_epoch=len(values),
            divergence=None if values else Divergence(1, 1),
        )
        for seed, values in accuracies.items()
    ]
    write_trials(tmp_path / "a", results, [])
    write_trials(tmp_path / "b", results[1:2], [])
    rows = [("a", 7, None), ("a", 5, 1), ("a", 6, None), ("b", 5, 1)]
    own = pd.DataFrame(rows, columns=["variant", "seed", "diverged_epoch"])
    found = {name: read_history(tmp_path / name) for name in ("a", "b")}
    write_csv(tmp_path / "speed.csv", epochs_to_targets(found, own, (0.9,)))
    assert (tmp_path / "speed.csv").read_text().splitlines()[1:] == [
        "a,0.9,7,2",
        "a,0.9,5,inf",
        "a,0.9,6,inf",
        "b,0.9,5,inf",
    ]
    assert read(tmp_path / "speed.csv", SCHEMAS["speed"])["epochs"].tolist() == [2, INF, INF, INF]


def test_without_a_validation_split_there_is_nothing() -> None:
    """Nor of a variant that has no epoch to tell it by; and what follows from it is empty too."""
    given: Accuracies = {"a": [[math.nan, math.nan]], "b": [[]]}
    table = epochs_to_targets(histories(given), seeds(given, {("b", 0)}), (0.9,))
    assert table.empty
    assert performance_profile(table).empty
    assert speed_summary(table).empty
    assert list(performance_profile(table)) == ["target", "variant", "factor", "fraction"]
    assert list(speed_summary(table)) == [
        "variant",
        "target",
        "reached",
        "seeds",
        "median_epochs",
    ]


def test_a_profile_by_hand() -> None:
    """Ratios 1, 1, 2 and 1.5, 1, 1; where one never arrives, it stays below 1."""
    profile = performance_profile(epochs(b=[2, 4, 6], a=[3, 4, 3], c=[8, INF, INF]))
    assert profile["variant"].unique().tolist() == ["b", "a", "c"]
    assert steps(profile, "b") == [[1, 2 / 3], [2, 1], [4, 1]]
    assert steps(profile, "a") == [[1, 2 / 3], [1.5, 1], [4, 1]]
    assert steps(profile, "c") == [[1, 0], [4, 1 / 3]]


def test_a_seed_with_which_no_variant_arrives_counts() -> None:
    """It is among the seeds of all, and within a factor for none."""
    profile = performance_profile(epochs(a=[2, INF], b=[1, INF]))
    assert steps(profile, "a") == [[1, 0], [2, 0.5]]
    assert steps(profile, "b") == [[1, 0.5], [2, 0.5]]
    nobody = performance_profile(epochs(a=[INF], b=[INF]))
    assert nobody.to_numpy().tolist() == [[0.9, "a", 1, 0], [0.9, "b", 1, 0]]


def test_a_single_variant_is_the_fastest() -> None:
    """Wherever it arrives."""
    assert steps(performance_profile(epochs(a=[2, 7, INF, 3])), "a") == [[1, 0.75]]


def test_a_profile_is_that_of_counting() -> None:
    """At any factor, the step function is the count of seeds within it, by integer arithmetic."""
    rng = np.random.default_rng(5)
    names, targets, count = ["d", "a", "c"], [0.8, 0.95], 7
    taken = {
        (name, target): [
            None if missed else int(number)
            for number, missed in zip(
                rng.integers(1, 13, count), rng.random(count) < 0.3, strict=True
            )
        ]
        for name in names
        for target in targets
    }
    table = pd.DataFrame(
        [
            {"variant": name, "target": target, "seed": seed, "epochs": number or INF}
            for (name, target), numbers in taken.items()
            for seed, number in enumerate(numbers)
        ]
    )
    profile = performance_profile(table)
    stand = profile[["target", "variant"]].drop_duplicates().to_numpy().tolist()
    assert stand == [[target, name] for target in targets for name in names]
    for target in targets:
        ends = profile[profile["target"] == target].groupby("variant")["factor"].max()
        assert ends.nunique() == 1
        for name in names:
            own = profile[(profile["target"] == target) & (profile["variant"] == name)]
            assert own["factor"].is_monotonic_increasing
            assert own["factor"].iloc[0] == 1
            # Every change is at a corner, and every corner but the two ends is a change.
            assert own["fraction"].iloc[:-1].is_unique
            for twelfths in range(12, 12 * 13):
                within = 0
                for seed in range(count):
                    arrived = [taken[other, target][seed] for other in names]
                    fewest = min(filter(None, arrived), default=None)
                    number = taken[name, target][seed]
                    within += number is not None and 12 * number <= twelfths * fewest
                shown = own[own["factor"] <= twelfths / 12]["fraction"].iloc[-1]
                assert shown == within / count


def test_the_median_counts_misses_as_infinity() -> None:
    """It is finite where more than half arrive; half is not enough."""
    given = epochs(a=[1, 5, INF], b=[5, INF], c=[INF, INF], d=[2, 3, 9, INF], e=[4])
    assert speed_summary(given).to_numpy().tolist() == [
        ["a", 0.9, 2, 3, 5],
        ["b", 0.9, 1, 2, INF],
        ["c", 0.9, 0, 2, INF],
        ["d", 0.9, 3, 4, 6],
        ["e", 0.9, 1, 1, 4],
    ]


def test_the_summary_is_in_the_order_of_the_table() -> None:
    """Variants as they are given, targets within them, and both counts are integers."""
    given = {"b": [[0.5, 0.9]], "a": [[0.95, 0.95]]}
    table = epochs_to_targets(histories(given), seeds(given), (0.4, 0.92))
    summary = speed_summary(table)
    assert summary[["variant", "target"]].to_numpy().tolist() == [
        ["b", 0.4],
        ["b", 0.92],
        ["a", 0.4],
        ["a", 0.92],
    ]
    assert summary["reached"].tolist() == [1, 0, 1, 1]
    assert summary.dtypes[["reached", "seeds"]].tolist() == [np.int64, np.int64]


def search(*accuracies: float | None) -> pd.DataFrame:
    """Return a search whose trials came to these validation accuracies; None diverged."""
    rates = [0.1 * (place + 1) for place in range(len(accuracies))]
    return pd.DataFrame({"learning_rate": rates, "validation_accuracy": accuracies}, dtype=float)


def test_sensitivity_is_the_mean_shortfall_from_the_best() -> None:
    """A trial that diverged falls short by all of the best accuracy."""
    assert learning_rate_sensitivity(search(0.9, 0.8, 0.7)) == pytest.approx(0.1)
    assert learning_rate_sensitivity(search(0.9, None)) == pytest.approx(0.45)
    assert learning_rate_sensitivity(search(0.9, 0.9)) == 0
    # Of two seeds each, the mean.
    twice = pd.concat([search(0.9, 0.8), search(0.7, 0.8)])
    assert learning_rate_sensitivity(twice) == pytest.approx(0)


def test_without_a_best_there_is_no_sensitivity(tmp_path: Path) -> None:
    """Nothing was searched, as the file then is, or every trial diverged."""
    (tmp_path / "search.csv").write_text(
        "learning_rate,seed,epochs,kept_epoch,diverged_epoch,diverged_step,"
        "validation_accuracy,validation_loss\n"
    )
    assert math.isnan(learning_rate_sensitivity(read_search(tmp_path)))
    assert math.isnan(learning_rate_sensitivity(search(None, None)))
