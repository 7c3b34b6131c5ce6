from pathlib import Path

import numpy as np
import pytest

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
    assert {name for name, row in rows.items() if row.span is None} == {"c", "d"}
    assert rows["d"].interval == "unknown"
    assert " to " in rows["c"].interval
    low, high = tables.axis(results.leaderboard, params.comparison)
    own = results.leaderboard.set_index("variant").loc["a"]
    span = rows["a"].span
    assert span is not None
    ends = own["accuracy_low"], own["accuracy_high"]
    expected = [100 * (end - low) / (high - low) for end in ends]
    assert [span.low, span.low + span.width] == pytest.approx(expected, abs=0.02)


def test_a_preview_shows_spread_and_distance_and_nobody_marked(tmp_path: Path) -> None:
    """In place of verdicts and badges; what diverged is out all the same."""
    results, params = make(tmp_path, ["a", "b", "c"], seeds=2, diverged=["c"])
    rows = tables.ranks(results.leaderboard, results.comparisons, params.comparison)
    assert [row.badges for row in rows] == [[]] * 3
    assert [row.verdict for row in rows] == ["0.00 points", rows[1].verdict, "out"]
    apart = 100 * (rows[0].mean - rows[1].mean)
    assert rows[1].verdict == f"{apart:.2f} points"
    assert rows[0].spread == f"± {results.leaderboard['accuracy_std'].iloc[0]:.4f}"


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
