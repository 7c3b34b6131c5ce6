import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from boards import boards, seed_table
from golden import document
from optledger.analysis import planning
from optledger.analysis.comparisons import comparisons, family_alpha
from optledger.analysis.planning import POWER, needed_seeds, plan
from optledger.analysis.results import samples_of_seeds
from optledger.analysis.statistics import seeds_needed
from optledger.core.errors import UserError
from optledger.core.formats import write_csv, write_json, write_npz
from optledger.core.params import Comparison, Params, load
from optledger.core.paths import PREDICTIONS, PREPARED, RESULTS, TEST
from project import DIGITS_PARAMS
from stored import summary

HIGH, MIDDLE = [0.9, 0.91, 0.92, 0.905, 0.915], [0.895, 0.915, 0.905, 0.9, 0.91]
LOW = [0.1, 0.13, 0.12, 0.11, 0.12]
ACCURACY = Comparison(metric="accuracy")


def results(comparison: Comparison = ACCURACY, **accuracies: list[float]) -> Params:
    """Leave the results of these accuracies in the working directory; return the parameters."""
    seeds = seed_table(**accuracies)
    write_csv(RESULTS / "seeds.csv", seeds)
    write_csv(RESULTS / "leaderboard.csv", boards(seeds, comparison)[0])
    path = Path("params.yaml")
    looks = f"accuracy, looks: {list(comparison.looks)}"
    text = DIGITS_PARAMS.replace("count: 2", "count: 5").replace(
        "metric: accuracy", f"metric: {looks}"
    )
    path.write_text(text)
    return load(path)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_words_of_plans(golden: Callable[[str, str], None]) -> None:
    """They are those of tests/golden/power.md."""
    looks = Comparison(metric="accuracy", looks=(5, 20, 100))
    close = {"adam": HIGH, "sgd": MIDDLE}
    three = {**close, "lion": [*MIDDLE[:4], 0.93]}
    steady = {"adam": HIGH, "lion": [0.91] * 5, "sgd": [0.91] * 5}
    few = {"adam": [0.9, 0.901], "gd": [0.8, 0.801]}
    said = {
        case: plan(results(comparison, **accuracies), [], size, power)
        for case, comparison, accuracies, size, power in (
            ("More seeds are needed", ACCURACY, close, 0.02, 0.9),
            ("Three variants", ACCURACY, three, 0.03, 0.8),
            ("The seeds suffice", ACCURACY, close, 0.5, 0.8),
            ("A preview", ACCURACY, few, 0.5, 0.8),
            ("Less than the margin", ACCURACY, close, 9e-4, 0.8),
            ("More than can be asked for", ACCURACY, close, 2e-4, 0.8),
            ("No number is enough", ACCURACY, close, 1e-5, 0.8),
            ("No number is enough for some", ACCURACY, steady, 1e-5, 0.8),
            ("A look that is declared", looks, close, 0.02, 0.8),
            ("No look is enough", looks, close, 1e-3, 0.8),
        )
    }
    golden("power.md", document(said))


def numbers(text: str) -> dict[tuple[str, str], float]:
    """Return the seeds that the table of a plan has for each pair."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| ") and "variant" not in line
    ]
    numbers = {"no number": math.inf}
    return {(row[0], row[1]): numbers.get(row[3]) or float(row[3]) for row in rows}


def test_those_that_lead_are_planned_for() -> None:
    """The number is that of the statistics, with the confidence that all pairs share."""
    text = plan(results(a=HIGH, b=MIDDLE, c=LOW), [], size=0.02, power=0.9)
    samples = samples_of_seeds(["a", "b"], seed_table(a=HIGH, b=MIDDLE))
    first, second = (each["accuracy"] for each in samples.values())
    needed = seeds_needed(first, second, 0.02, family_alpha(3, ACCURACY), 0.9)
    assert numbers(text) == {("a", "b"): needed}
    assert text.endswith(f": dvc exp run -S seeds.count={needed:g}")
    assert f" {2 * needed:g} trainings" in text


def test_named_variants_are_planned_for() -> None:
    """The margin is the difference unless another is given; the most seeds are the advice."""
    settings = results(a=HIGH, b=MIDDLE, c=LOW)
    text = plan(settings, ["c", "a", "b"], size=None, power=0.8)
    found = numbers(text)
    assert list(found) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert " 0.3 points " in text
    assert text.endswith(f"seeds.count={max(found.values()):g}")


@pytest.mark.parametrize(("size", "count"), [(0.5, 3), (2e-4, 24_530), (1e-5, math.inf)])
def test_no_command_is_given_where_none_helps(size: float, count: float) -> None:
    """Neither where seeds suffice nor beyond what params.yaml takes, and a million is no number."""
    text = plan(results(a=HIGH, b=MIDDLE), [], size, power=0.8)
    assert numbers(text) == {("a", "b"): count}
    assert "seeds.count" not in text


def test_declared_looks_are_what_is_planned_for() -> None:
    """The first that shows it, at its own level; or none."""
    looked = Comparison(metric="accuracy", looks=(5, 20, 100))
    settings = results(looked, a=HIGH, b=MIDDLE)
    text = plan(settings, [], size=0.02, power=0.8)
    assert numbers(text) == {("a", "b"): 20}
    assert text.endswith("seeds.count=20")
    assert " % are left" not in text
    text = plan(settings, [], size=0.001, power=0.8)
    assert numbers(text) == {("a", "b"): math.inf}


def test_predictions_add_the_noise_of_the_images() -> None:
    """Where they are at hand, more seeds are needed."""
    settings = results(a=HIGH, b=MIDDLE)
    without = numbers(plan(settings, [], size=0.05, power=0.8))["a", "b"]
    rng = np.random.default_rng(0)
    labels = np.zeros(200, np.uint8)
    write_npz(TEST / "labels.npz", {"labels": labels})
    write_json(PREPARED / "summary.json", summary(classes=2))
    for name, values in {"a": HIGH, "b": MIDDLE}.items():
        order = rng.permutation(200)
        wrong = [order >= round(200 * accuracy) for accuracy in values]
        arrays = {"classes": np.array(wrong, np.uint8), "losses": np.zeros((5, 200), np.float32)}
        write_npz(PREDICTIONS / f"{name}.npz", arrays)
    text = plan(settings, [], size=0.05, power=0.8)
    assert numbers(text)["a", "b"] > without
    assert "data/prepared" not in text
    # As where Git has switched to another branch, and DVC has not.
    write_npz(PREDICTIONS / "a.npz", arrays)
    with pytest.raises(UserError, match=r"^results/predictions: a has other .* run dvc checkout$"):
        plan(settings, [], size=0.05, power=0.8)


def test_a_variant_that_diverged_is_not_planned_for() -> None:
    """Its spread is that of the divergence; names that look like numbers stay as they are."""
    settings = results(**{"007": HIGH, "1e3": LOW, "out": [*HIGH[:3], 0.0, 0.0]})
    assert list(numbers(plan(settings, [], 0.1, 0.8))) == [("007", "1e3")]
    with pytest.raises(UserError, match=r"found 'out', of which 2 seeds diverged; allowed: "):
        plan(settings, ["out", "007"], 0.1, 0.8)


@pytest.mark.parametrize(
    ("names", "size", "power", "line"),
    [
        (["d"], None, 0.8, "found 'd'; allowed: variants of results/leaderboard.csv: a, b"),
        (["a"], None, 0.8, "found 'a' alone; allowed: two or more variants, of a, b"),
        ([], 0.0, 0.8, "--difference: found 0; allowed: above 0, up to 1"),
        ([], math.nan, 0.8, "--difference: found nan; allowed: above 0, up to 1"),
        ([], None, 1.0, "--power: found 1; allowed: between 0 and 1"),
    ],
)
def test_a_mistake_is_one_line(
    names: list[str], size: float | None, power: float, line: str
) -> None:
    """It names what was found and what is allowed."""
    settings = results(a=HIGH, b=MIDDLE)
    with pytest.raises(UserError) as caught:
        plan(settings, names, size, power)
    assert str(caught.value) == f"optledger power: {line}"


def test_without_results_there_is_nothing_to_plan_with() -> None:
    """Neither before the pipeline has run, nor with one seed."""
    settings = results(a=[0.9], b=[0.8])
    with pytest.raises(UserError, match=r"^results/seeds.csv: found one seed of a variant; allow"):
        plan(settings, [], None, 0.8)
    (RESULTS / "seeds.csv").unlink()
    with pytest.raises(UserError, match=r"^results/seeds.csv: does not exist; run dvc repro"):
        plan(settings, [], None, 0.8)
    (RESULTS / "leaderboard.csv").unlink()
    with pytest.raises(UserError, match=r"^results/leaderboard.csv: does not exist; run dvc repro"):
        plan(settings, [], None, 0.8)


@pytest.mark.parametrize(
    ("name", "old", "new", "line"),
    [
        ("leaderboard", "rank", "<<<<<<< HEAD\nrank", "line 1: has a merge conflict"),
        ("leaderboard", "\n1,", "\n1,a,1,1,", "line 2: found a row of length "),
        ("seeds", "a,0", "a,1", "line 3: is a second row of a, 1"),
        ("seeds", "a,0,0.001", "a,0,x", "line 2: column learning_rate: found 'x'; allowed: "),
        ("seeds", "b,", "c,", "has no b, which is a variant of results/leaderboard.csv; "),
    ],
)  # fmt: skip
def test_nothing_is_planned_with_a_damaged_table(name: str, old: str, new: str, line: str) -> None:
    """Neither with rows too many nor with texts."""
    settings = results(a=HIGH, b=MIDDLE)
    path = RESULTS / f"{name}.csv"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UserError) as caught:
        plan(settings, [], 0.1, 0.8)
    assert str(caught.value).startswith(f"{path}: {line}")


def test_predictions_of_other_images_are_not_planned_with() -> None:
    """One line names the file, and what it would have to hold."""
    settings = results(a=HIGH, b=MIDDLE)
    write_npz(TEST / "labels.npz", {"labels": np.zeros(200, np.uint8)})
    write_json(PREPARED / "summary.json", summary(classes=2))
    for name in ("a", "b"):
        arrays = {"classes": np.zeros((3, 199), np.uint8), "losses": np.zeros((3, 199), np.float32)}
        write_npz(PREDICTIONS / f"{name}.npz", arrays)
    with pytest.raises(UserError, match=r"^results/predictions/a.npz: found .* by 200 items; dvc"):
        plan(settings, [], 0.1, 0.8)


def test_sizes_around_the_margin_are_tabulated_for_each_pair() -> None:
    """As `power` plans them; what diverged is left out, and counts in the family all the same."""
    accuracies = {"a": HIGH, "b": MIDDLE, "c": [0.1, 0, 0.12, 0.11, 0.12]}
    seeds = seed_table(**accuracies)
    samples = samples_of_seeds(list(accuracies), seeds)
    table = needed_seeds(samples, ACCURACY, comparisons(samples, ACCURACY), {"c"})
    assert table["difference"].tolist() == [0.001, 0.002, 0.003, 0.005, 0.01]
    assert set(zip(table["variant"], table["against"], strict=True)) == {("a", "b")}
    settings = results(**accuracies)
    for row in table.to_dict("records"):
        text = plan(settings, ["a", "b"], row["difference"], POWER)
        assert numbers(text) == {("a", "b"): row["seeds"]}


def test_looks_widen_intervals_by_what_is_tabulated() -> None:
    """The price is that of the look that is reached, and there is none of who looks once."""
    seeds = seed_table(a=HIGH, b=MIDDLE)
    looking = ACCURACY.model_copy(update={"looks": (3, 5, 10)})
    once, again = (
        samples_of_seeds(["a", "b"], seeds, comparison.looks) for comparison in (ACCURACY, looking)
    )
    alone, pairs = comparisons(once, ACCURACY), comparisons(again, looking)
    assert needed_seeds(once, ACCURACY, alone, ())["widened"].isna().all()
    (widened,) = set(needed_seeds(again, looking, pairs, ())["widened"])
    assert pairs["look"][0] == 5
    assert widened == pytest.approx(pairs["half_width"][0] / alone["half_width"][0])
    assert widened > 1


@pytest.mark.parametrize(("count", "baseline"), [(2, None), (5, None), (5, "v4")])
def test_the_best_and_the_baseline_are_tabulated(
    count: int, baseline: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As each pair takes a moment."""
    monkeypatch.setattr(planning, "MOST_PLANNED", 3)
    seeds = seed_table(**{f"v{place}": HIGH for place in range(count)})
    comparison = ACCURACY.model_copy(update={"baseline": baseline, "metric": "accuracy"})
    names = seeds["variant"].unique().tolist()
    samples = samples_of_seeds(names, seeds)
    pairs = comparisons(samples, comparison).assign(half_width=0.01)
    found = {*needed_seeds(samples, comparison, pairs, ())["variant"]}
    assert len(found) == min(count, 3 + (baseline is not None)) - 1


def test_without_a_margin_sizes_are_around_what_is_hardly_seen() -> None:
    """Of one seed nothing is known, and there is no table."""
    samples = samples_of_seeds(["a", "b"], seed_table(a=HIGH, b=MIDDLE))
    margins = ACCURACY.margins.model_copy(update={"accuracy": 0.0})
    comparison = ACCURACY.model_copy(update={"margins": margins})
    pairs = comparisons(samples, comparison)
    width = pairs.loc[pairs["metric"] == "accuracy", "half_width"].item()
    sizes = needed_seeds(samples, comparison, pairs, ())["difference"]
    assert sizes.min() < width < sizes.max()
    one = samples_of_seeds(["a", "b"], seed_table(a=[0.9], b=[0.8]))
    assert needed_seeds(one, ACCURACY, comparisons(one, ACCURACY), ()).empty
