from pathlib import Path

import numpy as np
import pytest

from optledger.analysis.comparisons import against
from optledger.report import tables
from reports import make


def test_a_verdict_matrix_is_the_comparisons_seen_from_both_sides(tmp_path: Path) -> None:
    """What is better from one side is worse from the other; against itself a variant has none."""
    results, params = make(tmp_path, ["a", "b", "c"], far=["c"])
    names = results.leaderboard["variant"].tolist()
    kinds = [
        [cell.kind for cell in row]
        for row in tables.verdicts(results.comparisons, names, params.comparison)
    ]
    pairs = results.comparisons[results.comparisons["metric"] == "accuracy"]
    opposite = {"better": "worse", "worse": "better"}
    for pair in pairs.to_dict("records"):
        row, column = names.index(pair["variant"]), names.index(pair["against"])
        assert kinds[row][column] == pair["verdict"]
        assert kinds[column][row] == opposite.get(pair["verdict"], pair["verdict"])
    assert [kinds[place][place] for place in range(3)] == ["self"] * 3


def test_numbers_stand_in_a_small_matrix_only(tmp_path: Path) -> None:
    """In a large one they are what a cell says of itself."""
    for count in (3, tables.FEW + 1):
        folder = tmp_path / str(count)
        folder.mkdir()
        results, params = make(folder, [f"v{number}" for number in range(count)], seeds=2)
        names = results.leaderboard["variant"].tolist()
        cell = tables.verdicts(results.comparisons, names, params.comparison)[0][-1]
        assert any(map(str.isdigit, cell.text)) == (count <= tables.FEW)
        assert "points" in cell.title


def test_intervals_that_are_far_away_or_unknown_are_not_drawn(tmp_path: Path) -> None:
    """The others have the width of the column; all have theirs in words."""
    results, params = make(tmp_path, ["a", "b", "c", "d"], far=["c"], diverged=["d"])
    rows = {
        row.variant: row
        for row in tables.ranks(results.leaderboard, results.comparisons, params.comparison)
    }
    held = tables.page_reference(results.leaderboard, params.comparison)
    other = "b" if held == "a" else "a"
    # The reference is not drawn against itself; what is far away is off the axis.
    assert {name for name, row in rows.items() if row.bar.middle is None} == {held, "c", "d"}
    assert rows["d"].interval == "unknown"
    assert " to " in rows["c"].interval
    assert rows["c"].difference
    beside = against(results.comparisons, "accuracy", held)
    low, high = tables.axis(beside.drop("d"), params.comparison)
    bar, own = rows[other].bar, beside.loc[other]
    assert bar.outer is not None
    expected = [100 * (own[end] - low) / (high - low) for end in ("low", "high")]
    assert [bar.outer[0], sum(bar.outer)] == pytest.approx(expected, abs=0.1)


def test_the_baseline_is_what_others_are_held_against(tmp_path: Path) -> None:
    """Unless a seed of it diverged; without one it is the best."""
    results, params = make(tmp_path, ["a", "b", "c"], diverged=["c"])
    best = results.leaderboard["variant"].iloc[0]
    for baseline, held in ((None, best), ("b", "b"), ("c", best)):
        comparison = params.comparison.model_copy(update={"baseline": baseline})
        assert tables.page_reference(results.leaderboard, comparison) == held


def test_pairs_are_counted_by_what_is_known_of_them(tmp_path: Path) -> None:
    """And each has the seeds that would show a difference."""
    results, params = make(tmp_path, ["a", "b", "c"], far=["c"])
    pairs = tables.pairs(results.comparisons, results.power, params.comparison)
    counted = "2 of 3 pairs told apart"
    assert tables.lead_and_pairs(pairs, ["a", "b"]) == ("a and b are not told apart", counted)
    assert tables.lead_and_pairs(pairs, ["a"]) == ("a leads alone", counted)
    same = [pair._replace(verdict="equivalent") for pair in pairs]
    counted = "0 of 3 pairs told apart, 3 shown to be equivalent"
    assert tables.lead_and_pairs(same, ["a", "b", "c"]) == ("a, b and c are equivalent", counted)
    none = [pair._replace(verdict="not judged") for pair in pairs]
    assert tables.lead_and_pairs(none, ["a", "b"]) == ("0 of 0 pairs told apart", "")
    sizes = tables.sizes(results.power, params.comparison)
    assert sizes == ["0.1", "0.2", "0.3", "0.5", "1"]
    counts = tables.needed(pairs, ["a", "b", "c"], "a")
    assert counts["a"] == []
    assert len(counts["b"]) == len(counts["c"]) == len(sizes)


def test_a_preview_shows_spread_and_distance_and_nobody_marked(tmp_path: Path) -> None:
    """In place of verdicts and badges; what diverged is out all the same."""
    results, params = make(tmp_path, ["a", "b", "c"], seeds=2, diverged=["c"])
    rows = tables.ranks(results.leaderboard, results.comparisons, params.comparison)
    assert [row.badges for row in rows] == [[]] * 3
    assert [row.verdict for row in rows] == ["", "", "out"]
    apart = 100 * (rows[1].mean - rows[0].mean)
    assert rows[1].difference.startswith(f"{apart:+.2f} (")
    said = tables.sentence(rows, rows[0].variant, None, preview=True)
    assert said == f"Against {rows[0].variant}: {rows[1].variant} {apart:+.2f}; c out."
    assert rows[0].spread == f"{results.leaderboard['accuracy_std'].iloc[0]:.4f}"


def test_the_heat_map_is_stronger_where_more_is_wrong(tmp_path: Path) -> None:
    """And shows F1 in percent."""
    results, _ = make(tmp_path, ["a", "b"], far=["b"])
    cells = np.array(
        tables.heat_map(results.per_class, ["a", "b"], list(results.per_class["class"].unique())),
        dtype=object,
    )
    f1 = results.per_class.pivot(index="variant", columns="class", values="f1").to_numpy()
    assert cells[:, :, 0].tolist() == [[f"{100 * value:.1f}" for value in row] for row in f1]
    shares = cells[:, :, 3].astype(float)
    assert np.array_equal(np.argsort(shares.ravel()), np.argsort(-f1.ravel()))


def test_a_confusion_matrix_has_the_counts_and_colours_the_mistakes(tmp_path: Path) -> None:
    """What is right is not coloured, and what does not occur is empty."""
    results, _ = make(tmp_path, ["a", "b"])
    rows = tables.confusion(results.confusion, "b", list(results.per_class["class"].unique()))
    own = results.confusion[results.confusion["variant"] == "b"]
    counts = own.pivot(index="actual", columns="predicted", values="count").to_numpy()
    assert [[cell.text for cell in row] for row in rows] == [
        [str(count) if count else "" for count in row] for row in counts
    ]
    assert all(rows[place][place] == (rows[place][place])._replace(share=0.0) for place in range(4))
    assert max(cell.share for row in rows for cell in row) == 100


def test_parameters_are_those_that_differ_and_those_that_do_not(tmp_path: Path) -> None:
    """Every one of them is in one of the two places."""
    _, params = make(tmp_path, ["a", "b"])
    adam = params.variants["a"]
    other = adam.model_copy(update={"epochs": 99, "l2": 0.1})
    changed = params.model_copy(update={"variants": {"a": adam, "b": other}})
    differing, shared = tables.parameters(changed, ["accuracy", "loss"])
    assert differing.to_dict("list") == {
        "variant": ["a", "b"],
        "epochs": ["6", "99"],
        "l2": ["0", "0.1"],
    }
    assert shared["optimizer"] == "Adam"
    assert shared["learning_rate"] == "0.001, 0.01, 0.1"
    assert shared["search.strategy"] == "grid"
    assert "epochs" not in shared
