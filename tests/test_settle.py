"""From look to look, through the real pipeline."""

import re

from optledger.settle import with_count, with_left_behind
from project import Project

LOOKS = "{metric: accuracy, looks: [2, 5, 8, 50], margins: {accuracy: 0.0001}}"


def test_only_the_number_of_seeds_is_written() -> None:
    """Whatever stands around it."""
    text = "# Seeds.\nseeds: # of them\n  first: 7\n  count: 10 # for now\nother: {count: 10}\n"
    assert with_count(text, 25) == text.replace("count: 10 #", "count: 25 #")
    flow = "seeds: {count: 5, first: 0}\n"
    assert with_count(flow, 10) == "seeds: {count: 10, first: 0}\n"


def test_who_is_left_behind_is_written_beside_it() -> None:
    """In a mapping of either style; what has been left before stays, and the rest of the file."""
    text = "# Seeds.\nseeds: # of them\n  first: 7\n  count: 10 # for now\n\nother: {count: 10}\n"
    left = "  count: 10 # for now\n  left_behind: {gd: 5}\n"
    assert with_left_behind(text, {"gd": 5}) == text.replace("  count: 10 # for now\n", left)
    again = with_left_behind(with_left_behind(text, {"gd": 5}), {"gd": 5, "sgd": 10})
    assert again == text.replace("  count: 10 # for now\n", left.replace("5}", "5, sgd: 10}"))
    flow = "seeds: {count: 5, first: 0}"
    assert with_left_behind(flow, {"gd": 5}) == "seeds: {count: 5, left_behind: {gd: 5}, first: 0}"
    block = "seeds:\n  count: 20\n  left_behind:\n    gd: 5\n\n# Then.\nother: 1\n"
    assert "left_behind: {a: 5, gd: 5}\n" in with_left_behind(block, {"a": 5, "gd": 5})
    assert with_left_behind(block, {"gd": 5}).endswith("\n\n# Then.\nother: 1\n")
    assert with_left_behind("seeds:\r\n  count: 5", {"a": 5}).startswith("seeds:\r\n  count: 5")


def test_who_is_left_behind_trains_no_further_seeds(project: Project) -> None:
    """It is judged at the looks that both had, and what is open stays so."""
    looks = "{metric: accuracy, looks: [2, 5, 6], margins: {accuracy: 0.0001}}"
    project.edit("params.yaml", "{metric: accuracy}", looks)
    project.edit("params.yaml", "count: 2", "count: 5, left_behind: {gd: 2}")
    printed = project.run("optledger", "sweep", "--dry-run")
    assert "gd: 2 trials: 2 kept" in printed
    project.run("dvc", "repro")
    table = project.read("results/comparisons.csv").decode().splitlines()
    assert table[1].startswith("accuracy,adam,gd,2,")
    board = project.read("results/leaderboard.md").decode()
    assert board.startswith("Preview of 2 to 5 seeds ")
    assert "| gd        | 2 " in board
    assert project.run("optledger", "verify", PYTHONPATH="src").endswith("0 breaks\n")
    project.edit("params.yaml", "left_behind: {gd: 2}", "left_behind: {gd: 5}")
    printed = project.run("optledger", "sweep", "--dry-run", check=False)
    assert "params.yaml: seeds.left_behind.gd: found 5; allowed: one of comparison.looks" in printed


def test_each_look_trains_its_new_seeds_until_nothing_is_open(project: Project) -> None:
    """A look of two seeds is a preview, and settles nothing; what the next costs is told before."""
    project.edit("params.yaml", "{metric: accuracy}", LOOKS)
    project.run("dvc", "repro", "compare")
    printed = project.run("optledger", "settle", "--dry-run")
    assert "  open " in printed
    # Or fewer, if another test has trained them.
    assert re.search(r"The next look, at 5 seeds: [0-6] trainings", printed)
    assert b"count: 2" in project.read("params.yaml")
    printed = project.run("optledger", "settle")
    assert "  open " not in printed.rpartition("The look at ")[2]
    reached = re.findall(r"The look at (\d+) seeds", printed)
    assert reached[:2] == ["2", "5"]
    assert f"count: {reached[-1]}".encode() in project.read("params.yaml")
    assert int(reached[-1]) < 50
    again = project.run("optledger", "settle")
    assert re.findall(r"The look at (\d+) seeds", again) == reached[-1:]


def test_without_looks_there_is_nothing_to_settle(project: Project) -> None:
    """One line."""
    printed = project.run("optledger", "settle", check=False)
    assert "params.yaml: comparison.looks: found []; allowed: numbers of seeds" in printed


def test_results_of_another_number_of_seeds_are_told(project: Project) -> None:
    """A dry run trains nothing, and so has nothing to say of them."""
    project.edit("params.yaml", "{metric: accuracy}", LOOKS)
    project.edit("params.yaml", "count: 2", "count: 5")
    printed = project.run("optledger", "settle", "--dry-run", check=False)
    assert "results/leaderboard.csv: has 2 seeds, but params.yaml asks for 5" in printed


def test_a_search_whose_seed_a_look_needs_is_told_before(project: Project) -> None:
    """Nothing is written."""
    project.edit("params.yaml", "{metric: accuracy}", LOOKS)
    project.edit("params.yaml", "  adam: {optimizer: Adam, learning_rate: 0.01}", ADAM)
    project.edit("params.yaml", "seed: 1000", "seed: 2")
    project.run("dvc", "repro", "compare")
    printed = project.run("optledger", "settle", "--dry-run", check=False)
    assert "params.yaml: search.seed: found 2; allowed: a seed that the final trials do" in printed
    assert b"count: 2" in project.read("params.yaml")


ADAM = "  adam: {optimizer: Adam, learning_rate: [0.005, 0.01]}"
