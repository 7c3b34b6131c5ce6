"""The words of reviews whose figures are given, without a repository."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from golden import document
from optledger.datasets.kinds import classes
from optledger.pipeline.description import Stage
from optledger.review.effects import History, Review
from optledger.review.evidence import Evidence
from optledger.review.judging import join
from optledger.review.record import record
from optledger.review.report import markdown, terminal
from optledger.review.revision import TEST_SPLIT, Revision

Accuracies = Mapping[str, Sequence[float]]
Stages = dict[str, Stage]

EVEN = [0.970, 0.972, 0.974, 0.976, 0.973]
LOW, HIGH = ([each + step for each in EVEN] for step in (-0.1, 0.02))
NOISY, LOST = [0.968, 0.978, 0.970, 0.984, 0.972], [*EVEN[:4], 0]


def revision(
    name: str, accuracies: Accuracies, rates: Mapping[str, float], champion: str = "", **more: Any
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
    board["converged_seeds"] = 0
    board["leading"] = [int(not champion or name == champion) for name in board.index]
    board["champion"] = [int(name == champion) for name in board.index]
    variants = {v: {"optimizer": "SGD", "learning_rate": rates.get(v, 0.1)} for v in accuracies}
    parameters = {"comparison": {"metric": "accuracy"}, "variants": variants, **more}
    return Revision(name, None, parameters, {}, {}, seeds, board)


def joined(base: Revision, head: Revision, history: History | None = None) -> Review:
    """Join two revisions, without what tells the noise of test items."""
    looks = base.parameters["comparison"].get("looks", ())
    evidence = Evidence(base, head, lambda md5: Path("nothing"), looks)
    return join(base, head, evidence, history or History())


def reviewed(
    before: Accuracies, after: Accuracies, rates: Mapping[str, float] | None = None, **more: Any
) -> Review:
    """Join two revisions; `rates` are learning rates of the later one."""
    base = revision("main", before, {}, **more)
    return joined(base, revision("workspace", after, rates or {}, **more))


def stages(md5: str, outputs: Mapping[Path, str] | None = None, **dependencies: str) -> Stages:
    """Return stages whose dependencies, one each, have this MD5."""
    return {
        name: Stage(name, True, {Path(path): md5}, outputs or {}, {}, frozenset(), {})
        for name, path in dependencies.items()
    }


CHANGED = {"adam": 0.2}
SEARCHES = ("searches, seeds and images", "searches and seeds")
IMAGES = ("seeds and images", "images")
INPUTS = {"download": "data/raw", "train": "requirements.lock", "evaluate": "src/evaluate.py"}


def sourced(found: Review, *noise: str) -> Review:
    """Return a review of which the variants have intervals for this noise, and need no seeds."""
    effects = [
        replace(each, differences=each.differences.assign(noise=own, further_seeds=np.inf))
        for each, own in zip(found.effects, noise, strict=True)
    ]
    return replace(found, effects=effects)


@cache
def reviews() -> dict[str, Review]:
    """Return reviews by what they are."""
    one, two = {"adam": EVEN}, {"adam": EVEN, "gd": EVEN}
    main, same = revision("main", one, {}), revision("workspace", one, {})
    lower = revision("workspace", {"adam": LOW}, CHANGED)
    small = {"adam": [each - 0.0016 for each in EVEN * 5]}
    small["gd"] = [each + 0.0016 for each in EVEN * 5]
    again = {"adam": [0, *LOST], "gd": [0, *EVEN]}
    wide = {"metric": "accuracy", "margins": {"accuracy": 0.5}}
    rules = {"comparison": wide, "convergence": {"patience": 2}}
    looks, last, late = ({"metric": "accuracy", "looks": at} for at in ([5, 10], [5], [10]))
    looked = revision("main", one, {}, comparison=looks)
    later = revision("workspace", {"adam": LOW * 2}, CHANGED, comparison=late)
    few, more = (
        revision(name, {"adam": EVEN * times}, {}, seeds={"count": 5 * times})
        for name, times in (("main", 1), ("workspace", 2))
    )
    other = replace(same, stages=stages("1", {TEST_SPLIT: "2"}, preprocess="data/raw"))
    lost = [each and each + 0.001 for each in LOST]
    inputs = [replace(main, stages=stages(md5, **INPUTS)) for md5 in "12"]
    shown = {"compare": "src/compare.py", "case": "src/case.py"}
    elsewhere = [replace(main, stages=stages(md5, **shown)) for md5 in "12"]
    old = revision("main", two, {"gd": 0.3})
    new = revision("workspace", {"lion": EVEN, "sgd": EVEN}, {"lion": 0.3, "sgd": 0.5})
    best = revision("main", two, {}, "adam")
    next_ = revision("workspace", {**two, "gd": NOISY}, {"gd": 0.2}, "gd")
    edited = {"train@adam": ("params.yaml: variants.adam.learning_rate",)}
    tables = {"compare": tuple(f"src/{name}.py" for name in "abcdefgh")}
    known = [replace(each, commit=f"{md5}0ffee00") for each, md5 in ((main, "c"), (lower, "d"))]
    behind = History(1, "0123456789", uncommitted=["params.yaml"])
    return {
        "One is worse": reviewed(one, {"adam": LOW}, CHANGED),
        "Each verdict": reviewed(two | {"sgd": EVEN}, {"adam": LOW, "gd": HIGH, "sgd": NOISY}),
        "Noise": reviewed(one, {"adam": NOISY}, CHANGED),
        "Other noise": sourced(reviewed(two, {"adam": NOISY, "gd": NOISY}), *SEARCHES),
        "Noise of images": sourced(reviewed(two, {"adam": NOISY, "gd": NOISY}), *IMAGES),
        "Less than the margin": reviewed(dict.fromkeys(two, EVEN * 5), small),
        "Equivalent": reviewed({"adam": EVEN * 9}, {"adam": EVEN[::-1] * 9}),
        "A preview": reviewed({"adam": EVEN[:2], "gd": EVEN[:2]}, {"adam": LOW[:2], "gd": LOW[:2]}),
        "A preview, as one has four seeds": reviewed(one, {"adam": LOW[:4]}, CHANGED),
        "A preview of one seed": reviewed({"adam": [0.9]}, {"adam": [0.5]}, CHANGED),
        "A preview before the first look": reviewed(one, {"adam": LOW}, comparison=late),
        "A seed diverges": reviewed(one, {"adam": LOST}, CHANGED),
        "All seeds diverge": reviewed(one, {"adam": [0] * 5}, CHANGED),
        "A seed diverges, as before": reviewed({"adam": LOST}, {"adam": lost}, CHANGED),
        "More seeds diverge": reviewed({"adam": [0, *EVEN]}, again, CHANGED),
        "Figures without a cause": reviewed(one, {"adam": [each + 1e-4 for each in EVEN]}),
        "Other rules": joined(main, revision("workspace", {"adam": LOW}, CHANGED, comparison=wide)),
        "Only other rules": joined(main, revision("workspace", one, {}, **rules)),
        "A look, and other looks": joined(looked, later),
        "No look is likely to decide": reviewed(one, {"adam": NOISY}, CHANGED, comparison=last),
        "A look that nobody declared": joined(few, more),
        "Another test split": joined(main, other),
        "Data, packages and code": joined(*inputs),
        "Code that is not of variants": joined(*elsewhere),
        "New, gone and renamed": joined(old, new),
        "Another champion": joined(best, next_),
        "Not run since a change": joined(main, replace(lower, stale=edited)),
        "A table is not of its lock": joined(main, replace(same, stale=tables)),
        "The base is ahead": joined(*known, behind),
        "An experiment is ahead": joined(*known, History(2, base_is_named=False)),
        "Nothing differs": joined(main, same),
    }


VERDICTS = {
    "One is worse": "adam worse",
    "Each verdict": "adam worse, gd better, sgd inconclusive",
    "Noise": "adam inconclusive",
    "Less than the margin": "adam equivalent, gd equivalent",
    "A preview": "adam not judged, gd not judged",
    "A preview, as one has four seeds": "adam not judged",
    "A preview before the first look": "adam not judged",
    "A seed diverges": "adam inconclusive",
    # By the margin and by the looks that the head found.
    "Other rules": "adam worse",
    "A look, and other looks": "adam worse",
    "Another test split": "adam incomparable",
    "New, gone and renamed": "adam gone, lion same, sgd new",
    "Not run since a change": "adam stale",
    "A table is not of its lock": "",
}


@pytest.mark.parametrize("case", VERDICTS)
def test_each_variant_has_its_verdict(case: str) -> None:
    """Or what else became of it."""
    effects = [f"{each.variant} {each.verdict or each.kind}" for each in reviews()[case].effects]
    assert ", ".join(effects) == VERDICTS[case]


def test_the_words_of_reviews(golden: Callable[[str, str], None]) -> None:
    """They are those of tests/golden/reviews.md; only the first has details, and the marker."""
    first, *others = [markdown(found) for found in reviews().values()]
    rest = re.compile("<!--.*?-->\n\n|<details>.*</details>\n\n", re.DOTALL)
    texts = [first, *(rest.sub("", text) for text in others)]
    golden("reviews.md", document(dict(zip(reviews(), texts, strict=True))))


def text_of(case: str) -> str:
    """Return a review as text for a terminal."""
    return terminal(reviews()[case], 1000)


@pytest.mark.parametrize("case", [case for case in VERDICTS if "preview" in case])
def test_a_preview_is_told_first_and_judges_nothing(case: str) -> None:
    """However far apart the seeds are, and whichever of the revisions has too few."""
    text = text_of(case)
    assert text.startswith("Preview")
    assert not re.search("regression|leading|champion|worse|confidence left|looks", text)


def test_before_the_first_look_nothing_is_known() -> None:
    """Nor of one seed each, without predictions."""
    for case in ("A preview of one seed", "A preview before the first look"):
        (effect,) = record(reviews()[case])["effects"]
        assert effect["differences"][0]["half_width"] is None
    assert effect["differences"][0]["look"] == 0


def test_seeds_that_diverge_are_told() -> None:
    """Where more do than before; they spread too far to be shown worse."""
    assert [each.variant for each in reviews()["A seed diverges"].diverging] == ["adam"]
    assert "5 → 5 (1 diverged)" in re.sub(" +", " ", text_of("A seed diverges"))
    as_many = reviewed({"adam": [0, *EVEN]}, {"adam": [0, *EVEN[:4], 0.98]}, CHANGED)
    assert as_many.diverging == []


def test_the_type_of_a_column_is_no_difference() -> None:
    """A variant is untouched where another one makes its table's integers numbers with a point."""
    first = revision("main", {"a": EVEN}, {"a": 1})
    second = revision("workspace", {"a": EVEN, "b": EVEN}, {"a": 1, "b": 0.5})
    assert joined(first, second).untouched == ["a"]


def test_the_base_sets_the_rules() -> None:
    """A change of margins or of looks is judged by those that it found."""
    assert " margin of 0.3 points" in text_of("Other rules")
    found = reviews()["A look, and other looks"]
    assert found.effects[0].decisive["look"] == 5
    assert "confidence left" not in terminal(found, 1000)


@pytest.mark.parametrize("count", [1, 40])
def test_a_comment_fits(count: int) -> None:
    """A report of many variants is within the 65,536 characters that GitHub takes."""
    names = [f"variant_of_some_length_{number}" for number in range(count)]
    text = markdown(reviewed(dict.fromkeys(names, EVEN), dict.fromkeys(names, LOW)))
    assert len(text) < 65_536
    assert all(name in text for name in names)


def test_another_kind_of_target_is_no_comparison() -> None:
    """The deciding metric of the base is not in the head: there is nothing to be told of it."""
    base, head = reviews()["Another test split"].base, reviews()["Another test split"].head
    names = dict(zip(("accuracy", "precision", "recall"), ("rmse", "mae", "r2"), strict=True))
    tables = [
        each.drop(columns=["f1", "loss"]).rename(columns=names)
        for each in (head.seeds, head.leaderboard)
    ]
    found = joined(base, replace(head, seeds=tables[0], leaderboard=tables[1]))
    assert [each.kind for each in found.effects] == ["incomparable"]
    assert "→ none" in terminal(found, 1000)
