import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from boards import VARIANT, boards, seed_table
from golden import document
from optledger.analysis.preview import is_preview
from optledger.core.params import Comparison, Params, Plateau, Split
from optledger.report.advice import certainty, choice, next_steps

ACCURACY = Comparison(metric="accuracy", targets=(0.9,))

NAMES = ("adam", "gd", "lion", "sgd")

# What the advice reads of the parameters: as many epochs as the seeds trained.
PARAMS = Params.model_construct(
    comparison=ACCURACY,
    convergence=Plateau(patience=3),
    split=Split(validation_fraction=0.1, seed=0),
    variants=dict.fromkeys(NAMES, VARIANT),
)

# Of all variants, better in every epoch.
CURVES = pd.DataFrame(
    [
        {"variant": name, "epoch": epoch, "validation_accuracy": 0.9 + 0.01 * epoch}
        for name in NAMES
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


def histories(**accuracies: list[float]) -> dict[str, pd.DataFrame]:
    """Return histories of five seeds, all with these validation accuracies."""
    epochs = {name: range(1, len(values) + 1) for name, values in accuracies.items()}
    return {
        name: pd.concat(
            pd.DataFrame({"seed": seed, "epoch": epochs[name], "validation_accuracy": values})
            for seed in range(5)
        )
        for name, values in accuracies.items()
    }


def tried(*rates: float) -> pd.DataFrame:
    """Return a search: the learning rates that were tried, the first of them the best."""
    accuracies = np.linspace(0.9, 0.8, len(rates))
    return pd.DataFrame({"learning_rate": rates, "validation_accuracy": accuracies})


def ended(**accuracies: list[float]) -> pd.DataFrame:
    """Return a table of seeds that converged."""
    return seed_table(**accuracies).assign(converged_epoch=5)


# Those that lead: one whose seeds spread far, and one whose do not.
WIDE = {"adam": [0.93, 0.90, 0.94, 0.89, 0.92], "sgd": [0.91, 0.912, 0.908, 0.909, 0.911]}


def test_the_words_of_advice(golden: Callable[[str, str], None]) -> None:
    """They are those of tests/golden/advice.md."""

    def text(board: pd.DataFrame, pairs: pd.DataFrame, rules: Comparison = ACCURACY) -> str:
        params = PARAMS.model_copy(update={"comparison": rules})
        steps = next_steps(board, pairs, CURVES, params)
        parts = ["\n- ".join(["**Try next:**", *steps])] if steps else []
        if not is_preview(board["seeds"], rules):
            found = choice(board, pairs, rules)
            sure = "\n- ".join(["**How sure:**", *certainty(board, pairs, rules)])
            parts = [f"**Choose:** {found.what}. {found.why}", sure, *parts]
        return "\n\n".join(parts)

    def judged(verdicts: list[str], further: float = np.inf, **rules: object) -> str:
        """Return the advice where adam has these verdicts against gd, lion and sgd."""
        comparison = ACCURACY.model_copy(update=rules)
        board, pairs = boards(ended(adam=HIGH, gd=HIGH, lion=HIGH, sgd=HIGH), comparison)
        own = (pairs["metric"] == "accuracy") & (pairs["variant"] == "adam")
        middle = np.array([{"better": 0.02, "worse": -0.02}.get(each, 0.0) for each in verdicts])
        for end, width in {"": 0.0, "low": -0.01, "high": 0.01}.items():
            pairs.loc[own, end or "difference"] = middle + width
            pairs.loc[own, f"inner_{end}"] = middle + width / 5
        pairs.loc[own, "verdict"] = verdicts
        pairs.loc[own, "further_seeds"] = further
        return text(board, pairs, comparison)

    fast = histories(adam=[0.5, 0.95], sgd=[0.95, 0.95])
    slow = histories(adam=[0.5, 0.8], sgd=[0.95, 0.95])
    tries = {"adam": tried(0.001, 0.01), "sgd": tried(0.001), "gd": tried(0.001, 0.0001)}
    looks = Comparison(metric="accuracy", looks=(10, 20))
    said = {
        "One is worse, one not told apart, one diverged": text(
            *of(ended(adam=HIGH, sgd=MIDDLE, gd=LOW, lion=LOST))
        ),
        "One leads alone": text(*of(ended(adam=HIGH, gd=LOW))),
        "There is no other": text(*of(seed_table(adam=HIGH))),
        "All diverged": text(*of(seed_table(adam=LOST))),
        "A preview": text(*of(ended(adam=HIGH[:2], gd=LOW[:2]))),
        "A preview before the first look": text(*boards(ended(adam=HIGH, gd=LOW), looks), looks),
        "No validation split": text(
            *of(ended(adam=HIGH, sgd=MIDDLE).assign(validation_accuracy=None))
        ),
        "Validation and test split disagree": text(
            *of(validated(ended(adam=HIGH, gd=LOW), adam=0.9, gd=0.95))
        ),
        "A faster one leads, too, and its seeds spread less": text(
            *of(validated(ended(**WIDE), adam=0.95, sgd=0.9), histories=fast)
        ),
        "The choice does not reach the target": text(
            *of(ended(adam=HIGH, sgd=MIDDLE), histories=slow)
        ),
        "Few seeds would settle it": text(*of(ended(adam=MIDDLE, sgd=BEHIND))),
        "Few seeds would settle it, at a look": judged(
            ["inconclusive", "not judged", "not judged"], further=5, looks=(5, 10)
        ),
        "No number of seeds would settle it": judged(["inconclusive", "equivalent", "not judged"]),
        "No look would settle it": judged(
            ["inconclusive", "equivalent", "not pursued"], looks=(5,)
        ),
        "A look would settle it, and a baseline counts": judged(
            ["inconclusive", "worse", "better"], looks=(5, 9), family="baseline", baseline="adam"
        ),
        # What diverged is not sent further out.
        "Learning rates at the edge, and fewer trials": text(
            *of(ended(adam=HIGH, sgd=LOW, gd=LOST), searches=tries)
        ),
        "More epochs": text(*of(seed_table(adam=HIGH, gd=LOW))),
    }
    golden("advice.md", document(said))


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        (seed_table(adam=HIGH, sgd=MIDDLE, gd=LOW), "adam"),
        # Only where nothing else can, the test split chooses.
        (seed_table(adam=HIGH, sgd=MIDDLE).assign(validation_accuracy=None), "adam"),
        # The champion is shown to be worse.
        (validated(seed_table(adam=HIGH, gd=LOW), adam=0.9, gd=0.95), ""),
        (seed_table(adam=LOST, gd=LOST), ""),
        (seed_table(adam=HIGH), "adam"),
        (seed_table(adam=HIGH, gd=LOST), "adam"),
    ],
)
def test_what_there_is_to_choose(seeds: pd.DataFrame, expected: str) -> None:
    """The champion if it leads, with its learning rate; nothing of what diverged."""
    what = choice(*of(seeds), ACCURACY).what
    assert re.findall("|".join((*NAMES, "0.001")), what) == (
        [expected, "0.001"] if expected else []
    )


def test_of_many_variants_the_first_are_named() -> None:
    """A sentence does not list twenty."""
    seeds = seed_table(a=HIGH, **{f"b{number}": LOW for number in range(6)})
    (sentence,) = certainty(*of(seeds), ACCURACY)
    assert sentence.endswith(" 4 others.")


def test_nothing_is_left_to_try_where_all_is_shown() -> None:
    """No advice is better than an empty one."""
    assert next_steps(*of(ended(adam=HIGH, gd=LOW)), CURVES, PARAMS) == []


def test_variants_that_end_before_they_converge_are_named() -> None:
    """If most of their seeds do."""
    seeds = seed_table(adam=HIGH, gd=LOW)
    seeds.loc[seeds["seed"] > 0, "converged_epoch"] = 5.0
    seeds.loc[seeds["variant"] == "gd", "converged_epoch"] = float("nan")
    (step,) = next_steps(*of(seeds), CURVES, PARAMS)
    assert " gd (5 of 5 seeds)" in step
    assert "adam" not in step


def test_what_diverged_is_nothing_to_hold_others_against() -> None:
    """Also where its mean, with a lost seed as 0, is still the highest."""
    seeds = seed_table(a=[0.99] * 19 + [0.0], b=[0.9, 0.9001] * 10, c=[0.8, 0.8001] * 10)
    board, pairs = of(seeds)
    assert board["variant"].iloc[0] == "a"
    worse, out = certainty(board, pairs, ACCURACY)
    assert " b: c (" in worse
    assert out.endswith(": a.")


def test_what_ended_by_itself_needs_no_more_epochs() -> None:
    """Nor does anyone know without the metric that convergence watches."""
    seeds = seed_table(adam=HIGH, gd=LOW)
    assert " adam (5 of 5 seeds) and gd (" in next_steps(*of(seeds), CURVES, PARAMS)[0]
    assert next_steps(*of(seeds.assign(epochs=4)), CURVES, PARAMS) == []
    worse = CURVES["validation_accuracy"].where(
        CURVES["variant"] != "adam", 1 - CURVES["epoch"] / 10
    )
    (step,) = next_steps(*of(seeds), CURVES.assign(validation_accuracy=worse), PARAMS)
    assert "adam" not in step
    unknown = PARAMS.model_copy(update={"split": Split(validation_fraction=0, seed=0)})
    assert next_steps(*of(seeds), CURVES, unknown) == []
