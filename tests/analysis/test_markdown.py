import re

import numpy as np
import pandas as pd
import pytest

from boards import boards, seed_table
from optledger.analysis import preview
from optledger.analysis.comparisons import Samples, samples_of
from optledger.analysis.markdown import answer, comparisons_text, leaderboard_text
from optledger.core.params import Comparison, Margins
from optledger.datasets.kinds import classes

ACCURACY = Comparison(metric="accuracy")

HIGH, MIDDLE = [0.9, 0.91, 0.92, 0.905, 0.915], [0.895, 0.915, 0.905, 0.9, 0.91]
LOW = [0.1, 0.11, 0.12, 0.105, 0.115]


def said(comparison: Comparison = ACCURACY, **accuracies: list[float]) -> str:
    """Return the answer about these accuracies."""
    return answer(*boards(seed_table(**accuracies), comparison), comparison)


def cells(text: str, number: int) -> list[dict[str, str]]:
    """Return the rows of the Markdown table of this number, by column."""
    tables = [part for part in text.split("\n\n") if part.startswith("|")]
    head, _, *rows = (
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in tables[number].splitlines()
    )
    return [dict(zip(head, row, strict=True)) for row in rows]


def leaderboard(seeds: pd.DataFrame, comparison: Comparison = ACCURACY, **more: object) -> str:
    """Return the leaderboard's text of these seeds."""
    return leaderboard_text(*boards(seeds, comparison, **more), comparison)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        ({"a": HIGH, "b": LOW}, "a is first in accuracy; b is worse"),
        ({"a": HIGH, "b": LOW, "c": LOW}, "a is first in accuracy; b and c are worse"),
        (
            {"a": HIGH, "b": MIDDLE, "c": LOW, "d": LOW},
            "a and b lead in accuracy and cannot be told apart; c and d are worse than a",
        ),
        (
            {"a": HIGH, "b": LOW, "c": [*HIGH[:4], 0.0]},
            "a leads in accuracy; b is worse; c is out, as seeds diverged",
        ),
        (
            # Between c and the others b is told apart, but not from a, which spreads.
            {"a": [0.99, 0.93, 0.97, 0.95, 0.98], "b": [0.961] * 5, "c": [0.95] * 5},
            "a and b lead in accuracy and cannot be told apart; c is not among the best",
        ),
    ],
)
def test_the_answer_is_one_sentence(accuracies: dict[str, list[float]], expected: str) -> None:
    """It names who leads, who is worse, and whom nobody can tell apart."""
    assert (
        said(**accuracies)
        == f"{expected} (95 % confidence for who leads, and as much for all pairs together)."
    )


def test_the_answer_knows_what_is_equivalent() -> None:
    """Within the margin, which it names."""
    comparison = Comparison(metric="accuracy", margins=Margins(accuracy=0.2))
    expected = "a and b lead in accuracy and are equivalent, within 20 points"
    assert said(comparison, a=HIGH, b=MIDDLE).startswith(expected)


def test_the_answer_of_what_cannot_be_compared() -> None:
    """A single variant, one without a sound seed, and variants without any."""
    assert said(a=HIGH) == "a is the only variant, and so there is nothing to compare it with."
    expected = "No variant leads, as each has a seed that diverged ({})."
    lost = [*HIGH[:4], 0.0]
    assert said(a=lost) == expected.format("a")
    assert said(a=lost, b=lost[::-1]) == expected.format("a and b")
    expected = "a alone has no seed that diverged (b did)."
    assert said(a=LOW, b=lost) == expected


def test_the_answer_where_every_verdict_is_open() -> None:
    """Nobody is said to lead."""
    expected = "Nothing is shown yet: with 5 seeds, every pair is inconclusive in accuracy."
    assert said(a=HIGH, b=MIDDLE) == expected


def two_models() -> Samples:
    """Return one seed each of two variants, of which the first is right more often."""
    labels = np.zeros(40, np.uint8)
    predicted = np.zeros((2, 1, 40), np.uint8)
    predicted[1, 0, :20] = 1
    losses = np.zeros((1, 40), np.float32)
    return {
        name: samples_of(classes, labels, own, losses, 2)
        for name, own in zip("ab", predicted, strict=True)
    }


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        (
            {"a": HIGH[:2], "b": MIDDLE[:2], "c": LOW[:2]},
            "2 seeds a variant: a has a mean accuracy of 0.9050 ± 0.0071; the other means are "
            "behind it: b (0.00 points) and c (80.00 points)",
        ),
        (
            {"a": [0.9], "b": [0.1]},
            "1 seed a variant: a has a mean accuracy of 0.9000; the other mean is behind it: b "
            "(80.00 points)",
        ),
        (
            {"a": [0.9, 0.9]},
            "2 seeds a variant: a has a mean accuracy of 0.9000 ± 0.0000",
        ),
        (
            {"a": [0.9, 0.0], "b": [0.1, 0.1]},
            "2 seeds a variant: b has a mean accuracy of 0.1000 ± 0.0000; seeds of a diverged",
        ),
        (
            {"a": [0.9, 0.0], "b": [0.1, 0.0]},
            "2 seeds a variant: seeds of a and b diverged",
        ),
    ],
)
def test_the_answer_of_a_preview(accuracies: dict[str, list[float]], expected: str) -> None:
    """It says so first, then how far apart the means are, and last what a verdict takes."""
    wanted = "5 are needed for a verdict: `seeds.count: 5` in params.yaml."
    assert said(**accuracies) == f"Preview of {expected}; {wanted}"


CONCLUSIONS = re.compile(r"\b(leads?|better|worse|equivalent|inconclusive|among the best)\b")


def test_the_texts_of_a_preview_conclude_nothing() -> None:
    """Whatever the family and the baseline; they show means, spreads and intervals."""
    for family in ("pairs", "baseline", "best"):
        comparison = Comparison(metric="accuracy", family=family, baseline="a")
        table, pairs = boards(seed_table(a=HIGH[:2], b=MIDDLE[:2], c=LOW[:2]), comparison)
        for text in (
            leaderboard_text(table, pairs, comparison),
            comparisons_text(pairs, table, comparison),
        ):
            assert text.startswith("Preview of 2 seeds a variant: ")
            assert preview.NOTE in text
            assert not CONCLUSIONS.search(text.replace("nobody leads", ""))
    assert cells(leaderboard_text(table, pairs, comparison), 0)[2] == {
        "rank": "3",
        "variant": "c",
        "accuracy": "0.1050 ± 0.0071",
        "interval": "0.0000 to 0.1685",
        "behind the best mean": "80.00 points",
        "learning rate": "0.001 (given)",
    }
    assert list(cells(comparisons_text(pairs, table, comparison), 0)[0]) == [
        *("variant", "against", "difference in points", "interval"),
    ]


def test_the_leaderboard_tells_who_leads_and_how_sure_that_is() -> None:
    """The mean with its interval, and each variant against the baseline."""
    comparison = Comparison(metric="accuracy", baseline="b")
    rows = cells(leaderboard(seed_table(a=HIGH, b=LOW), comparison), 0)
    assert rows[0] == {
        "rank": "1",
        "variant": "a",
        "leads": "yes",
        "accuracy": "0.9100",
        "interval": "0.8948 to 0.9198",
        "against b, in points": "+80.00 (+78.85 to +81.15): better",
        "learning rate": "0.001 (given)",
    }
    assert rows[1] | {"interval": ""} == {
        "rank": "2",
        "variant": "b",
        "leads": "",
        "accuracy": "0.1100",
        "interval": "",
        "against b, in points": "",
        "learning rate": "0.001 (given)",
    }


def test_seeds_that_spread_far_are_pointed_out() -> None:
    """More than ten times as far as another variant's."""
    near, far = [0.9, 0.901, 0.902, 0.903, 0.9], [0.7, 0.6, 0.65, 0.5, 0.6]
    assert "The seeds of b spread" in leaderboard(seed_table(a=near, b=far))
    assert "spread" not in leaderboard(seed_table(a=near, b=[0.7, 0.709, 0.705, 0.7, 0.7]))


def test_the_leaderboard_counts_epochs_to_each_target() -> None:
    """The median; how many seeds arrived where not all did; never, where none did."""
    history = pd.DataFrame(
        {
            "seed": [0, 0, 1, 1, 2, 2, 3, 3, 4, 4],
            "epoch": [1, 2] * 5,
            "validation_accuracy": [0.8, 0.97, 0.97, 0.98, 0.8, 0.97, 0.8, 0.9, 0.8, 0.9],
        }
    )
    slow = history.assign(validation_accuracy=0.5)
    fast = history.assign(validation_accuracy=0.99)
    text = leaderboard(
        seed_table(a=HIGH, b=MIDDLE, c=LOW), histories={"a": history, "b": slow, "c": fast}
    )
    shown = {row["variant"]: row["epochs to 0.97"] for row in cells(text, 0)}
    assert shown == {"a": "2 (3 of 5 seeds)", "b": "never", "c": "1"}


def test_the_leaderboard_leaves_out_what_is_unknown() -> None:
    """A single seed has no deviation and no interval, a diverged one no loss."""
    text = leaderboard(seed_table(a=[0.9], b=[0.0]))
    assert [row["interval"] for row in cells(text, 0)] == ["unknown"] * 2
    metrics = ("accuracy", "precision", "recall", "f1", "loss")
    first, second = cells(text, 1)
    assert [first[metric] for metric in metrics] == ["0.9000"] * 5
    assert [second[metric] for metric in metrics] == [*["0.0000"] * 4, ""]
    assert [row["seeds"] for row in cells(text, 2)] == ["1", "1 (1 diverged)"]
    assert "counts as 0 in every metric but the loss" in text


def test_epochs_and_convergence_are_means_over_seeds() -> None:
    """Of the seeds that converged, which are counted where they are not all; or nothing."""
    seeds = seed_table(a=[0.9, 0.8], b=[0.8, 0.7], c=[0.7, 0.6])
    seeds["epochs"] = [5, 8, 10, 10, 10, 10]
    seeds["converged_epoch"] = [3, 6, 7, np.nan, np.nan, np.nan]
    text = leaderboard(seeds)
    assert [(row["epochs"], row["converged after"]) for row in cells(text, 2)] == [
        ("6.5", "4.5"),
        ("10", "7 (1 of 2 seeds)"),
        ("10", ""),
    ]
    assert "A seed has converged after" in text


def search(*rates: float) -> pd.DataFrame:
    """Return a search: the learning rates that were tried."""
    return pd.DataFrame({"learning_rate": rates, "validation_accuracy": 0.9})


def test_a_choice_at_the_edge_is_flagged() -> None:
    """Beside the learning rate, and in a note that stands where there is one, and only there."""
    for rates, shown in (
        ([0.0001, 0.001, 0.01], "0.001"),
        ([0.001, 0.01, 0.1], "0.001 (lowest tried)"),
        ([0.00001, 0.0001, 0.001], "0.001 (highest tried)"),
    ):
        text = leaderboard(seed_table(a=[0.9]), searches={"a": search(*rates)})
        assert cells(text, 0)[0]["learning rate"] == shown
        assert ("may lie beyond" in text) == ("tried)" in shown)


def test_another_number_of_search_trials_is_told() -> None:
    """Beside the variant that had another chance than the others, and in a note."""
    seeds = seed_table(a=[0.9], b=[0.8])
    text = leaderboard(seeds, searches={"a": search(0.0001, 0.001, 0.01)})
    assert [row["rates tried"] for row in cells(text, 2)] == ["3", "0, not 3"]
    assert "not the same chance" in text
    assert "not the same chance" not in leaderboard(seeds)


def test_comparisons_say_what_to_do_next() -> None:
    """A table for each metric, in points or nats, with further seeds where a verdict is open."""
    table, pairs = boards(seed_table(a=HIGH, b=MIDDLE, c=LOW), ACCURACY)
    text = comparisons_text(pairs, table, ACCURACY)
    assert text.count("\n## ") == 5
    assert "## accuracy (decides)\n\nMargin: 0.3 points." in text
    assert "## loss\n\nMargin: 0.01 nats." in text
    rows = cells(text, 0)
    assert rows[0]["difference in points"] == "+0.50"
    assert rows[0]["verdict"] == "inconclusive"
    assert int(rows[0]["further seeds"]) > 0
    assert rows[1] | {"interval": ""} == {
        "variant": "a",
        "against": "c",
        "difference in points": "+80.00",
        "interval": "",
        "p": "< 0.001",
        "verdict": "better",
        "further seeds": "",
    }
    assert "on this test set" in text
    assert "3 of a metric, by Bonferroni's correction" in text


def test_comparisons_of_a_single_variant_are_the_answer_alone() -> None:
    """There is no pair."""
    table, pairs = boards(seed_table(a=HIGH), ACCURACY)
    assert comparisons_text(pairs, table, ACCURACY) == f"{answer(table, pairs, ACCURACY)}\n"


def test_comparisons_say_where_no_seed_helps() -> None:
    """None, where the images are too few; an interval without ends is unknown."""
    table, pairs = boards(seed_table(a=HIGH, b=MIDDLE), ACCURACY)
    pairs["further_seeds"] = np.inf
    pairs["half_width"], pairs["low"], pairs["high"] = np.inf, -1.0, 1.0
    row = cells(comparisons_text(pairs, table, ACCURACY), 0)[0]
    assert (row["further seeds"], row["interval"]) == ("no number", "unknown")


def test_a_p_value_is_printed_to_three_decimals() -> None:
    """Below the last of them it is only said to be smaller."""
    table, pairs = boards(seed_table(a=HIGH, b=MIDDLE), ACCURACY)
    for value, shown in ((0.0123, "0.012"), (0.001, "0.001"), (0.0009, "< 0.001")):
        pairs["p_adjusted"] = value
        assert cells(comparisons_text(pairs, table, ACCURACY), 0)[0]["p"] == shown


def test_one_seed_each_is_said_to_tell_nothing_of_others() -> None:
    """Beside the ranks and beside the comparisons."""
    tables = boards(seed_table(a=[1.0], b=[0.5]), ACCURACY, samples=two_models())
    assert "for other test items alone" in leaderboard_text(*tables, ACCURACY)
    text = comparisons_text(tables[1], tables[0], ACCURACY)
    assert "these models: one seed each" in text
