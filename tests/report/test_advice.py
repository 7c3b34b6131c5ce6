import pandas as pd
import pytest

from boards import VARIANT, boards, seed_table
from optledger.core.params import Comparison, Params, Plateau, Split
from optledger.report.advice import certainty, choice, next_steps

ACCURACY = Comparison(metric="accuracy", targets=(0.9,))

# What the advice reads of the parameters: as many epochs as the seeds trained.
PARAMS = Params.model_construct(
    comparison=ACCURACY,
    convergence=Plateau(patience=3),
    split=Split(validation_fraction=0.1, seed=0),
    variants=dict.fromkeys("abcd", VARIANT),
)

# Of all variants, better in every epoch.
CURVES = pd.DataFrame(
    [
        {"variant": name, "epoch": epoch, "validation_accuracy": 0.9 + 0.01 * epoch}
        for name in "abcd"
        for epoch in range(1, 6)
    ]
)

HIGH, MIDDLE = [0.9, 0.91, 0.92, 0.905, 0.915], [0.895, 0.915, 0.905, 0.9, 0.91]
BEHIND = [0.89, 0.905, 0.898, 0.9, 0.895]
LOW = [0.1, 0.11, 0.12, 0.105, 0.115]

LOST = [*HIGH[:4], 0.0]


def of(seeds: pd.DataFrame, **more: object) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the leaderboard and the comparisons."""
    return boards(seeds, ACCURACY, **more)  # type: ignore[arg-type]


def validated(seeds: pd.DataFrame, **accuracies: float) -> pd.DataFrame:
    """Return the table with these validation accuracies."""
    return seeds.assign(validation_accuracy=seeds["variant"].map(accuracies))


def test_the_champion_is_the_choice_if_it_leads() -> None:
    """With its learning rate, and how the others that lead stand to it."""
    board, pairs = of(seed_table(a=HIGH, b=MIDDLE, c=LOW))
    found = choice(board, pairs, ACCURACY)
    assert found.what == "a, at a learning rate of 0.001"
    assert found.why.endswith("in the leading group. b is not told apart from it.")


def test_the_test_split_chooses_only_where_nothing_else_can() -> None:
    """Then the text says what that does to the figure."""
    board, pairs = of(seed_table(a=HIGH, b=MIDDLE).assign(validation_accuracy=None))
    found = choice(board, pairs, ACCURACY)
    assert found.what.startswith("a, ")
    assert "flatters it" in found.why


def test_a_champion_that_is_shown_to_be_worse_leaves_it_open() -> None:
    """Validation and test split disagree, and nobody hides that."""
    board, pairs = of(validated(seed_table(a=HIGH, b=LOW), a=0.9, b=0.95))
    found = choice(board, pairs, ACCURACY)
    assert found.what == "It is open"
    assert found.why.startswith("b is best on the validation split")
    assert found.why.endswith("on the test split a is shown to be better.")


@pytest.mark.parametrize(
    ("accuracies", "expected"),
    [
        ({"a": LOST, "b": LOST}, "None yet"),
        ({"a": HIGH}, "a, at a learning rate of 0.001"),
        ({"a": HIGH, "b": LOST}, "a, at a learning rate of 0.001"),
    ],
)
def test_what_there_is_to_choose(accuracies: dict[str, list[float]], expected: str) -> None:
    """Nothing of what diverged; of one variant, that one."""
    assert choice(*of(seed_table(**accuracies)), ACCURACY).what == expected


def test_a_faster_one_that_leads_is_named() -> None:
    """By the median epochs to the first target."""
    steps = {"a": [0.5, 0.95], "b": [0.95, 0.95]}
    histories = {
        name: pd.DataFrame(
            [
                {"seed": seed, "epoch": epoch, "validation_accuracy": accuracy}
                for seed in range(5)
                for epoch, accuracy in enumerate(accuracies, start=1)
            ]
        )
        for name, accuracies in steps.items()
    }
    board, pairs = of(seed_table(a=HIGH, b=MIDDLE), histories=histories)
    expected = "If speed matters, b gets to a validation accuracy of 0.9 in 1 epoch, a in 2."
    assert choice(board, pairs, ACCURACY).why.endswith(expected)


def test_every_variant_is_in_one_sentence_about_the_first() -> None:
    """With its difference and its interval; what diverged is out."""
    sentences = certainty(*of(seed_table(a=HIGH, b=MIDDLE, c=LOW, d=LOST)), ACCURACY)
    assert [sentence.split(":")[0] for sentence in sentences] == [
        "Shown to be worse than a",
        "Not told apart from a yet",
        "Out, as seeds diverged",
    ]
    assert "c (-80.00 points, " in sentences[0]
    assert "b (-0.50 points, " in sentences[1]
    assert sentences[2].endswith(": d.")


def test_of_many_variants_the_first_are_named() -> None:
    """A sentence does not list twenty."""
    seeds = seed_table(a=HIGH, **{f"b{number}": LOW for number in range(6)})
    (sentence,) = certainty(*of(seeds), ACCURACY)
    assert sentence.endswith(" and 4 others.")


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        (seed_table(a=HIGH[:2], b=LOW[:2]), "More seeds, for a verdict: `seeds.count: 5` in pa"),
        (seed_table(a=HIGH), "A second variant"),
        (seed_table(a=HIGH, b=LOST), "A lower learning rate, or a schedule, for b"),
        (
            seed_table(a=MIDDLE, b=BEHIND),
            "More seeds, for a verdict between a and b (",
        ),
        (
            seed_table(a=HIGH, b=MIDDLE),
            "Something else to choose by: seeds will hardly tell a from b, ",
        ),
    ],
)
def test_what_would_tell_more(seeds: pd.DataFrame, expected: str) -> None:
    """The first of the steps follows from what is wrong, or open."""
    converged = seeds.assign(converged_epoch=5)
    assert next_steps(*of(converged), CURVES, PARAMS)[0].startswith(expected)


def test_nothing_is_left_to_try_where_all_is_shown() -> None:
    """No advice is better than an empty one."""
    seeds = seed_table(a=HIGH, b=LOW).assign(converged_epoch=5)
    assert next_steps(*of(seeds), CURVES, PARAMS) == []


def test_variants_that_end_before_they_converge_are_named() -> None:
    """If most of their seeds do."""
    seeds = seed_table(a=HIGH, b=LOW)
    seeds.loc[seeds["seed"] > 0, "converged_epoch"] = 5.0
    seeds.loc[seeds["variant"] == "b", "converged_epoch"] = float("nan")
    (step,) = next_steps(*of(seeds), CURVES, PARAMS)
    assert step.startswith("More epochs for b (5 of 5 seeds), as their validation loss had still")


def test_the_number_of_seeds_is_what_the_command_trains() -> None:
    """Those there are, and those that are lacking."""
    seeds = seed_table(a=MIDDLE, b=BEHIND).assign(converged_epoch=5)
    board, pairs = of(seeds)
    further = pairs.loc[pairs["metric"] == "accuracy", "further_seeds"].item()
    (step,) = next_steps(board, pairs, CURVES, PARAMS)
    assert f"b ({further:g} more)" in step
    assert f"seeds.count={5 + further:g}`" in step


def test_learning_rates_at_the_edge_and_unequal_searches() -> None:
    """Both are reasons why another learning rate may be better."""
    tried = {
        "a": pd.DataFrame({"learning_rate": [0.001, 0.01], "validation_accuracy": [0.9, 0.8]}),
        "b": pd.DataFrame({"learning_rate": [0.001], "validation_accuracy": [0.9]}),
    }
    seeds = seed_table(a=HIGH, b=LOW).assign(converged_epoch=5)
    edge, fewer = next_steps(*of(seeds, searches=tried), CURVES, PARAMS)
    assert "a (0.001 was the lowest tried)" in edge
    assert fewer == "As many search trials for b as the others had, 2."


def test_what_diverged_is_nothing_to_hold_others_against() -> None:
    """Also where its mean, with a lost seed as 0, is still the highest."""
    seeds = seed_table(a=[0.99] * 19 + [0.0], b=[0.9, 0.9001] * 10, c=[0.8, 0.8001] * 10)
    board, pairs = of(seeds)
    assert board["variant"].iloc[0] == "a"
    assert [sentence.split(" (")[0] for sentence in certainty(board, pairs, ACCURACY)] == [
        "Shown to be worse than b: c",
        "Out, as seeds diverged: a.",
    ]


def test_what_ended_by_itself_needs_no_more_epochs() -> None:
    """Nor does anyone know without the metric that convergence watches."""
    seeds = seed_table(a=HIGH, b=LOW)
    assert next_steps(*of(seeds), CURVES, PARAMS)[0].startswith(
        "More epochs for a (5 of 5 seeds) and b"
    )
    assert next_steps(*of(seeds.assign(epochs=4)), CURVES, PARAMS) == []
    worse = CURVES["validation_accuracy"].where(CURVES["variant"] != "a", 1 - CURVES["epoch"] / 10)
    (step,) = next_steps(*of(seeds), CURVES.assign(validation_accuracy=worse), PARAMS)
    assert step.startswith("More epochs for b (5 of 5 seeds), as")
    unknown = PARAMS.model_copy(update={"split": Split(validation_fraction=0, seed=0)})
    assert next_steps(*of(seeds), CURVES, unknown) == []


def test_what_diverged_at_the_edge_is_not_sent_further_out() -> None:
    """A lower learning rate is what it needs."""
    tried = pd.DataFrame({"learning_rate": [0.0001, 0.001], "validation_accuracy": [0.8, 0.9]})
    seeds = seed_table(a=HIGH, b=LOST).assign(converged_epoch=5)
    steps = next_steps(*of(seeds, searches={"a": tried[:1], "b": tried}), CURVES, PARAMS)
    assert not any(step.startswith("Learning rates further out") for step in steps)
    assert any(step.startswith("A lower learning rate, or a schedule, for b") for step in steps)


def test_a_choice_whose_seeds_spread_most_says_so() -> None:
    """Among those that lead, with the least spread beside it."""
    wide, narrow = [0.93, 0.90, 0.94, 0.89, 0.92], [0.91, 0.912, 0.908, 0.909, 0.911]
    for board, said in (
        (of(validated(seed_table(a=wide, b=narrow), a=0.95, b=0.9)), True),
        (of(validated(seed_table(a=wide, b=narrow), a=0.9, b=0.95)), False),
    ):
        why = choice(*board, ACCURACY).why
        assert ("Its seeds spread most of those that lead" in why) == said
        assert (
            "a standard deviation of 2.07 points; those of b spread least, 0.16 points" in why
        ) == said
