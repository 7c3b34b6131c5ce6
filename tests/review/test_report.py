"""The words of reviews whose figures are given, without a repository."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from optledger.datasets.kinds import classes
from optledger.pipeline.description import Stage
from optledger.review.effects import History, Review
from optledger.review.evidence import Evidence
from optledger.review.judging import join
from optledger.review.record import record
from optledger.review.report import markdown, outcome, terminal
from optledger.review.revision import TEST_SPLIT, Revision

Accuracies = Mapping[str, Sequence[float]]

EVEN = [0.970, 0.972, 0.974, 0.976, 0.973]


def revision(
    name: str, accuracies: Accuracies, rates: Mapping[str, float], **more: Any
) -> Revision:
    """Return a revision whose variants have these accuracies; a seed without any diverged."""
    rows = [
        {
            "variant": variant,
            "seed": seed,
            "learning_rate": rates.get(variant, 0.1),
            **{metric: accuracy for metric in classes.METRICS if metric != "loss"},
            "loss": np.nan if accuracy == 0 else 1 - accuracy,
            "epochs": 3,
            "diverged_epoch": 1 if accuracy == 0 else np.nan,
        }
        for variant, values in accuracies.items()
        for seed, accuracy in enumerate(values)
    ]
    seeds = pd.DataFrame(rows)
    groups = seeds.groupby("variant")
    board = groups[["learning_rate", *classes.METRICS, "epochs"]].mean()
    board["loss"] = groups["loss"].apply(lambda values: values.mean(skipna=False))
    board["seeds"] = groups.size()
    board["diverged_seeds"] = groups["diverged_epoch"].count()
    board["leading"], board["champion"] = 1, 0
    variants = {v: {"optimizer": "SGD", "learning_rate": rates.get(v, 0.1)} for v in accuracies}
    parameters = {"comparison": {"metric": "accuracy"}, "variants": variants, **more}
    return Revision(name, None, parameters, {}, {}, seeds, board)


def reviewed(
    before: Accuracies, after: Accuracies, rates: Mapping[str, float] | None = None, **more: Any
) -> Review:
    """Join two revisions; `rates` are learning rates of the later one."""
    base = revision("main", before, {}, **more)
    head = revision("workspace", after, rates or {}, **more)
    return join(base, head, Evidence(base, head, lambda md5: Path("nothing")), History())


def test_one_that_is_worse() -> None:
    """The sentence has the difference, its interval and the confidence."""
    found = reviewed({"a": EVEN}, {"a": [each - 0.1 for each in EVEN]}, {"a": 0.2})
    assert outcome(found) == (
        "a is worse in accuracy (-10.00 points, -10.33 to -9.67), with 95 % confidence."
    )


def test_several_share_the_confidence() -> None:
    """Each verdict has its clause; the worst news comes first."""
    lower, higher = ([each + step for each in EVEN] for step in (-0.1, 0.02))
    found = reviewed(
        {"a": EVEN, "b": EVEN, "c": EVEN},
        {"a": lower, "b": higher, "c": [0.9, 0.99, 0.97, 0.98, 0.96]},
    )
    assert outcome(found).startswith("a is worse in accuracy (-10.00 points, ")
    assert "; b is better in accuracy (+2.00 points, " in outcome(found)
    assert "; c is within the noise, inconclusive (" in outcome(found)
    assert outcome(found).endswith(", with 95 % confidence for 3 variants together.")


def test_noise_says_how_many_seeds_would_decide() -> None:
    """Where it is open, the number of seeds that would settle it is told."""
    found = reviewed({"a": EVEN}, {"a": [0.968, 0.978, 0.970, 0.984, 0.972]}, {"a": 0.2})
    assert outcome(found).startswith("No regression is shown: a is within the noise, inconclusive")
    needed = found.effects[0].differences["further_seeds"].iloc[0]
    assert (
        f"a: at least {5 + needed:g} seeds (seeds.count) in each revision would decide"
        in terminal(found, 1000)
    )


def test_a_preview_is_told_first_and_judges_nothing() -> None:
    """Where one revision has fewer than five seeds of any variant, however far apart they are."""
    lower = [each - 0.1 for each in EVEN]
    for before, after, seeds in ((EVEN[:2], lower[:2], "2"), (EVEN, lower[:4], "4 to 5")):
        found = reviewed({"a": before, "b": before}, {"a": after, "b": after})
        assert outcome(found).startswith(
            f"Preview of {seeds} seeds a variant; 5 are needed for a verdict: `seeds.count: 5` in "
            "params.yaml of both revisions. a (-10.00 points, -"
        )
        assert outcome(found).endswith(") differ in mean accuracy.")
        assert {each.verdict for each in found.effects} == {"not judged"}
        text = terminal(found, 1000)
        assert "Nothing is judged by them yet." in text
        assert not re.search("regression|leading|champion|worse|confidence left|looks", text)


def test_one_seed_tells_no_spread() -> None:
    """Without predictions, the interval of one seed each is unknown."""
    found = reviewed({"a": [0.9]}, {"a": [0.5]}, {"a": 0.2})
    assert outcome(found).endswith("a (-40.00 points, unknown) differs in mean accuracy.")
    assert record(found)["effects"][0]["differences"][0]["half_width"] is None


def test_seeds_that_diverge_are_told() -> None:
    """They count as accuracy 0, and so spread too far to be shown worse; the sentence has them."""
    found = reviewed({"a": EVEN}, {"a": [*EVEN[:4], 0]}, {"a": 0.2})
    assert found.effects[0].verdict == "inconclusive"
    assert [each.variant for each in found.diverging] == ["a"]
    assert outcome(found).startswith(
        "1 of 5 seeds of a diverge, where none did; a is within the noise, inconclusive ("
    )
    assert "5 → 5 (1 diverged)" in re.sub(" +", " ", terminal(found, 1000))


def test_more_seeds_that_diverge_are_told() -> None:
    """Also where some did before; and of a new variant."""
    found = reviewed({"a": [0, *EVEN]}, {"a": [0, *EVEN[:4], 0], "b": [0, *EVEN]}, {"a": 0.2})
    assert outcome(found).startswith(
        "2 of 6 seeds of a diverge, where 1 did; 1 of 6 seeds of b diverge; a is within the noise"
    )
    assert reviewed({"a": [0, *EVEN]}, {"a": [0, *EVEN[:4], 0.98]}, {"a": 0.2}).diverging == []


def test_less_than_the_margin_is_not_called_nothing() -> None:
    """A difference that is shown, and shown to be small, is told as one."""
    found = reviewed({"a": EVEN * 5}, {"a": [each - 0.0016 for each in EVEN * 5]}, {"a": 0.2})
    assert found.effects[0].verdict == "equivalent"
    assert outcome(found).startswith("a is lower, by less than the margin of 0.3 points (-0.16 po")


def test_the_type_of_a_column_is_no_difference() -> None:
    """A variant is untouched where another one makes its table's integers numbers with a point."""
    base, head = ({"a": EVEN}, {"a": EVEN, "b": EVEN})
    first = revision("main", base, {"a": 1})
    second = revision("workspace", head, {"a": 1, "b": 0.5})
    found = join(first, second, Evidence(first, second, lambda md5: Path("nothing")), History())
    assert found.untouched == ["a"]


def test_figures_without_a_cause() -> None:
    """Where nothing that results are made of differs, and figures do, that is said."""
    found = reviewed({"a": EVEN}, {"a": [each + 1e-4 for each in EVEN]})
    assert "No parameter, code or data explains the figures of a" in terminal(found, 1000)


def test_the_base_sets_the_rules() -> None:
    """A change that widens the margin is judged by the margin that it found."""
    base = revision("main", {"a": EVEN}, {})
    lower = [each - 0.1 for each in EVEN]
    rules = {"metric": "accuracy", "margins": {"accuracy": 0.5}}
    head = revision("workspace", {"a": lower}, {"a": 0.2}, comparison=rules)
    found = join(base, head, Evidence(base, head, lambda md5: Path("nothing")), History())
    assert found.effects[0].verdict == "worse"
    assert "a margin of 0.3 points" in terminal(found, 1000)
    assert "how variants are compared" in terminal(found, 1000)


@pytest.mark.parametrize("count", [1, 40])
def test_a_comment_fits(count: int) -> None:
    """A report of many variants is within the 65,536 characters that GitHub takes."""
    names = [f"variant_of_some_length_{number}" for number in range(count)]
    lower = [each - 0.1 for each in EVEN]
    found = reviewed(dict.fromkeys(names, EVEN), dict.fromkeys(names, lower))
    text = markdown(found)
    assert len(text) < 65_536
    assert all(name in text for name in names)


LOOKED = {"metric": "accuracy", "looks": [5, 10]}


def test_declared_looks_are_the_base_s() -> None:
    """Each variant is judged by as many seeds of both; a change of looks is told, and waits."""
    lower = [each - 0.1 for each in EVEN * 2]
    base = revision("main", {"a": EVEN}, {}, comparison=LOOKED, seeds={"count": 5})
    rules = {"metric": "accuracy", "looks": [10]}
    head = revision("workspace", {"a": lower}, {"a": 0.2}, comparison=rules, seeds={"count": 10})
    evidence = Evidence(base, head, lambda md5: Path("nothing"), (5, 10))
    found = join(base, head, evidence, History())
    assert found.effects[0].verdict == "worse"
    assert found.effects[0].decisive["look"] == 5
    text = terminal(found, 1000)
    assert "worse at 5 seeds" in text
    assert "Looks are declared at 5 and 10 seeds." in text
    assert "comparison.looks changed after seeds were seen" in text
    assert "confidence left" not in text


def test_before_the_first_look_nothing_is_judged() -> None:
    """Neither worse nor as good; the means are told, and how many seeds are wanting."""
    more = {"comparison": {"metric": "accuracy", "looks": [10, 20]}}
    found = reviewed({"a": EVEN}, {"a": [each - 0.1 for each in EVEN]}, {"a": 0.2}, **more)
    assert found.effects[0].verdict == "not judged"
    assert outcome(found) == (
        "Preview of 5 seeds a variant; 10 are needed for a verdict: `seeds.count: 10` in "
        "params.yaml of both revisions. a (-10.00 points, unknown) differs in mean accuracy."
    )
    assert record(found)["effects"][0]["differences"][0]["look"] == 0


def test_a_look_that_nobody_declared_costs_confidence() -> None:
    """From 5 seeds to 10, as more seeds alone do: 8.3 % go wrong where 5 were promised."""
    base = revision("main", {"a": EVEN}, {}, seeds={"count": 5})
    head = revision("workspace", {"a": EVEN * 2}, {}, seeds={"count": 10})
    found = join(base, head, Evidence(base, head, lambda md5: Path("nothing")), History())
    assert "91.7 % of confidence left of 95 %" in terminal(found, 1000)


def test_another_kind_of_target_is_no_comparison() -> None:
    """The deciding metric of the base is not in the head: there is nothing to be told of it."""
    base, head = revision("main", {"a": EVEN}, {}), revision("workspace", {"a": EVEN}, {})
    names = dict(zip(("accuracy", "precision", "recall"), ("rmse", "mae", "r2"), strict=True))
    tables = [
        each.drop(columns=["f1", "loss"]).rename(columns=names)
        for each in (head.seeds, head.leaderboard)
    ]
    made = Stage("preprocess", False, {}, {TEST_SPLIT: "another"}, {}, frozenset(), {})
    head = replace(head, seeds=tables[0], leaderboard=tables[1], stages={"preprocess": made})
    found = join(base, head, Evidence(base, head, lambda md5: Path("nothing")), History())
    assert outcome(found) == "a cannot be compared, as the test split is another one."
    assert "→ none" in terminal(found, 1000)
