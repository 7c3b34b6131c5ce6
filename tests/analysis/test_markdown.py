import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from boards import boards, seed_table
from golden import document
from optledger.analysis import preview
from optledger.analysis.comparisons import Samples, samples_of
from optledger.analysis.markdown import answer, comparisons_text, leaderboard_text
from optledger.core.params import Comparison
from optledger.datasets.kinds import classes

ACCURACY = Comparison(metric="accuracy")

HIGH, MIDDLE = [0.9, 0.91, 0.92, 0.905, 0.915], [0.895, 0.915, 0.905, 0.9, 0.91]
LOW = [0.1, 0.11, 0.12, 0.105, 0.115]
LOST = [*HIGH[:4], 0.0]
# Five seeds that were better than STEADY, then five that were not.
EARLY, STEADY = [0.95, 0.951, 0.949] * 2 + [0.9, 0.901] * 2, [0.93, 0.931] * 5


def ruled(**rules: object) -> Comparison:
    """Return the rules of a comparison by accuracy."""
    return Comparison.model_validate({"metric": "accuracy", **rules})


TWO, CLOSE = {"adam": HIGH, "gd": LOW}, {"adam": HIGH, "sgd": MIDDLE}
FEW = {name: values[:2] for name, values in {**CLOSE, "gd": LOW}.items()}
# Between gd and the others sgd is told apart, but not from adam, which spreads.
WIDE = {"adam": [0.99, 0.93, 0.97, 0.95, 0.98], "sgd": [0.961] * 5, "gd": [0.95] * 5}

# By what they are: who leads, the accuracies, and the rules.
ANSWERS = {
    "One is first": ("adam", TWO, ACCURACY),
    "One is first of three": ("adam", {**TWO, "sgd": LOW}, ACCURACY),
    "Two cannot be told apart": ("adam sgd", {**CLOSE, "gd": LOW, "lion": LOW}, ACCURACY),
    "One leads, and another diverged": ("adam", {**TWO, "sgd": LOST}, ACCURACY),
    "One is out and not shown to be worse": ("adam sgd", WIDE, ACCURACY),
    "Two are equivalent": ("adam sgd", CLOSE, ruled(margins={"accuracy": 0.2})),
    "Against a baseline": ("adam", TWO, ruled(family="baseline", baseline="gd")),
    "Only who leads is asked": ("adam", TWO, ruled(family="best")),
    "Looks are declared": ("adam", TWO, ruled(looks=[5, 10])),
    "Nothing is shown": ("adam sgd", CLOSE, ACCURACY),
    "Nothing is shown, and no pair is judged": ("adam sgd", CLOSE, ruled(family="best")),
    "Nothing is shown, and one diverged": ("adam sgd", {**CLOSE, "lion": LOST}, ACCURACY),
    "There is one variant": ("adam", {"adam": HIGH}, ACCURACY),
    "One did not diverge": ("gd", {"gd": LOW, "sgd": LOST}, ACCURACY),
    "The only one diverged": ("", {"adam": LOST}, ACCURACY),
    "All diverged": ("", {"adam": LOST, "sgd": LOST[::-1]}, ACCURACY),
    "A preview of three": ("", FEW, ACCURACY),
    "A preview of one seed": ("", {"adam": [0.9], "gd": [0.1]}, ACCURACY),
    "A preview of one variant": ("", {"adam": [0.9, 0.9]}, ACCURACY),
    "A preview of which one diverged": ("", {"adam": [0.9, 0.0], "gd": [0.1, 0.1]}, ACCURACY),
    "A preview of which all diverged": ("", {"adam": [0.9, 0.0], "gd": [0.1, 0.0]}, ACCURACY),
    "A preview before the first look": ("", TWO, ruled(looks=[10, 20])),
    "A preview, as one was left behind": ("", {**TWO, "gd": LOW[:2]}, ruled(looks=[2, 5])),
}


def test_the_words_of_answers(golden: Callable[[str, str], None]) -> None:
    """They are those of tests/golden/answers.md."""
    said = {
        case: answer(*boards(seed_table(**accuracies), comparison), comparison)
        for case, (_, accuracies, comparison) in ANSWERS.items()
    }
    table, pairs = boards(seed_table(adam=HIGH, sgd=MIDDLE, lion=MIDDLE), ACCURACY)
    pairs.loc[pairs["against"] == "sgd", "verdict"] = "better"
    said["Of those that lead, one is better than another"] = answer(table, pairs, ACCURACY)
    golden("answers.md", document(said))


CONCLUSIONS = re.compile(r"\b(leads?|better|worse|equivalent|inconclusive|among the best)\b")


@pytest.mark.parametrize("case", ANSWERS)
def test_who_leads_is_named_first(case: str) -> None:
    """As the leaderboard has it; of a preview, nobody is said to lead."""
    names, accuracies, comparison = ANSWERS[case]
    table, pairs = boards(seed_table(**accuracies), comparison)
    assert table.loc[table["leading"] == 1, "variant"].tolist() == names.split()
    said = answer(table, pairs, comparison)
    head, *others = said.split("; ")
    if preview.is_preview(table["seeds"], comparison):
        assert not CONCLUSIONS.search(said)
        assert ("seeds.count" in said) == (table["seeds"].nunique() == 1)
    elif others and not head.startswith("Nothing is shown"):
        assert re.findall("adam|gd|lion|sgd", head) == names.split()


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


ONE_EACH = seed_table(adam=[1.0], gd=[0.5])


def two_models() -> Samples:
    """Return one seed each of two variants, of which the first is right more often."""
    labels = np.zeros(40, np.uint8)
    predicted = np.zeros((2, 1, 40), np.uint8)
    predicted[1, 0, :20] = 1
    losses = np.zeros((1, 40), np.float32)
    return {
        name: samples_of(classes, labels, own, losses, 2)
        for name, own in zip(("adam", "gd"), predicted, strict=True)
    }


def search(*rates: float) -> pd.DataFrame:
    """Return a search: the learning rates that were tried."""
    accuracies = np.linspace(0.9, 0.8, len(rates))
    return pd.DataFrame({"learning_rate": rates, "validation_accuracy": accuracies}, dtype=float)


def history(*accuracies: float) -> pd.DataFrame:
    """Return the history of five seeds that have these validation accuracies in two epochs."""
    return pd.DataFrame(
        {
            "seed": np.repeat(range(5), 2),
            "epoch": [1, 2] * 5,
            "validation_accuracy": accuracies,
        }
    )


def errors(**values: list[float]) -> pd.DataFrame:
    """Return a table of seeds whose metrics all are the given error; 0 is a divergence."""
    seeds = seed_table(**values).drop(columns=[*classes.METRICS])
    seeds["validation_rmse"] = seeds.pop("validation_accuracy")
    return seeds.assign(**dict.fromkeys(("rmse", "mae", "r2"), seeds["validation_rmse"]))


def test_the_words_of_leaderboards(golden: Callable[[str, str], None]) -> None:
    """They are those of tests/golden/leaderboards.md."""
    two = seed_table(**TWO)
    halves = history(*[0.8, 0.97], *[0.8] * 8)
    fast = {"adam": history(*[0.8, 0.97] * 5), "gd": history(*[0.5] * 10), "sgd": halves}
    slow = fast | {"adam": history(0.8, 0.97, 0.97, 0.98, 0.8, 0.97, 0.8, 0.9, 0.8, 0.9)}
    tried = {
        "adam": search(0.001, 0.01, 0.1),
        "sgd": search(0.01, 0.001, 0.0001),
        "gd": search(0.0001, 0.001),
    }
    searched = seed_table(adam=HIGH, sgd=MIDDLE, gd=LOST)
    searched["epochs"] = [5, 8, 5, 8, 5, *[10] * 10]
    searched["converged_epoch"] = [3, 6, 3, 6, 3, 7, *[np.nan] * 9]
    early = seed_table(adam=EARLY, sgd=STEADY)
    baseline = ruled(family="baseline", baseline="gd")
    table, pairs = boards(two, ACCURACY)
    anew = pairs.assign(noise="searches and seeds")
    said = {
        "Two variants": leaderboard(two),
        "A baseline, and epochs to a target": leaderboard(two, baseline, histories=slow),
        "Only who leads is asked": leaderboard(two, ruled(family="best")),
        "Intervals for other searches": leaderboard_text(table, anew, ACCURACY),
        "Looks, and seeds that spread far": leaderboard(early, ruled(looks=[5, 10])),
        "Searches, and a seed that diverged": leaderboard(searched, searches=tried),
        "A preview": leaderboard(seed_table(**FEW), histories=fast),
        "A preview of one seed each": leaderboard(ONE_EACH, samples=two_models()),
        "An error": leaderboard(errors(adam=HIGH, gd=LOST), ruled(metric="rmse")),
    }
    golden("leaderboards.md", document(said))


def test_the_words_of_comparisons(golden: Callable[[str, str], None]) -> None:
    """They are those of tests/golden/comparisons.md, of two metrics at the most."""

    def text(
        seeds: pd.DataFrame, comparison: Comparison = ACCURACY, noise: str = "seeds", **more: object
    ) -> str:
        table, pairs = boards(seeds, comparison, **more)  # type: ignore[arg-type]
        pairs = pairs[pairs["metric"].isin(["accuracy", "loss"][: 1 + (noise == "seeds")])]
        return comparisons_text(pairs.assign(noise=noise), table, comparison)

    three = seed_table(**CLOSE, gd=LOW)
    baseline = ruled(family="baseline", baseline="gd")
    early, looks = seed_table(adam=EARLY, sgd=STEADY), ruled(looks=[5, 10])
    said = {
        "All pairs": text(three),
        "A baseline": text(three, baseline, "searches and seeds"),
        "Only who leads is asked": text(three, ruled(family="best"), "seeds and images"),
        "Looks": text(early, looks, "searches, seeds and images"),
        "A look that leaves it open": text(seed_table(**CLOSE), looks, "searches and seeds"),
        "A preview of one seed each": text(ONE_EACH, noise="images", samples=two_models()),
        "There is one variant": text(seed_table(adam=HIGH)),
    }
    golden("comparisons.md", document(said))


def test_the_texts_of_a_preview_conclude_nothing() -> None:
    """Whatever the family and the baseline; they show means, spreads and intervals."""
    for family in ("pairs", "baseline", "best"):
        comparison = Comparison(metric="accuracy", family=family, baseline="a")
        table, pairs = boards(seed_table(a=HIGH[:2], b=MIDDLE[:2], c=LOW[:2]), comparison)
        for text in (
            leaderboard_text(table, pairs, comparison),
            comparisons_text(pairs, table, comparison),
        ):
            assert preview.NOTE in text
            assert not CONCLUSIONS.search(text.replace("nobody leads", ""))


def test_seeds_that_spread_far_are_pointed_out() -> None:
    """More than ten times as far as another variant's."""
    near, far = [0.9, 0.901, 0.902, 0.903, 0.9], [0.7, 0.6, 0.65, 0.5, 0.6]
    assert "b spread" in leaderboard(seed_table(a=near, b=far))
    assert "spread" not in leaderboard(seed_table(a=near, b=[0.7, 0.709, 0.705, 0.7, 0.7]))


def test_the_leaderboard_leaves_out_what_is_unknown() -> None:
    """A single seed has no deviation and no interval, a diverged one no loss."""
    text = leaderboard(seed_table(a=[0.9], b=[0.0]))
    assert [row["interval"] for row in cells(text, 0)] == ["unknown"] * 2
    metrics = ("accuracy", "precision", "recall", "f1", "loss")
    first, second = cells(text, 1)
    assert [first[metric] for metric in metrics] == ["0.9000"] * 5
    assert [second[metric] for metric in metrics] == [*["0.0000"] * 4, ""]
    assert [row["seeds"] for row in cells(text, 2)] == ["1", "1 (1 diverged)"]


def test_every_metric_has_its_comparisons() -> None:
    """The deciding one first, each with its margin."""
    table, pairs = boards(seed_table(a=HIGH, b=MIDDLE, c=LOW), ACCURACY)
    text = comparisons_text(pairs, table, ACCURACY)
    metrics = re.findall(r"## (\w+).*\n\n\w+: (.*)\.", text)
    assert [metric for metric, _ in metrics] == ["accuracy", "precision", "recall", "f1", "loss"]
    assert {margin for _, margin in metrics} == {"0.3 points", "0.01 nats"}


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
