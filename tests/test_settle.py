"""From look to look, through the real pipeline."""

import re

from optledger.settle import with_count
from project import Project

LOOKS = "{metric: accuracy, looks: [2, 3, 4, 50], margins: {accuracy: 0.0001}}"


def test_only_the_number_of_seeds_is_written() -> None:
    """Whatever stands around it."""
    text = "# Seeds.\nseeds: # of them\n  first: 7\n  count: 10 # for now\nother: {count: 10}\n"
    assert with_count(text, 25) == text.replace("count: 10 #", "count: 25 #")
    flow = "seeds: {count: 5, first: 0}\n"
    assert with_count(flow, 10) == "seeds: {count: 10, first: 0}\n"


def test_each_look_trains_its_new_seeds_until_nothing_is_open(project: Project) -> None:
    """Gd is far behind, so that the first look settles it; what it costs is told before."""
    project.edit("params.yaml", "{metric: accuracy}", LOOKS)
    project.run("dvc", "repro")
    printed = project.run("optledger", "settle", "--dry-run")
    assert "The look at 2 seeds, of 2, 3, 4 and 50:" in printed
    assert "open     " in printed
    trainings = re.findall(r"The next look, at 3 seeds: (\d+) trainings", printed)
    assert trainings == ["2"]
    assert b"count: 2" in project.read("params.yaml")
    printed = project.run("optledger", "settle")
    assert "Nothing that matters is open." in printed
    reached = re.findall(r"The look at (\d+) seeds", printed)
    assert reached[0] == "2"
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
    project.edit("params.yaml", "count: 2", "count: 3")
    printed = project.run("optledger", "settle", "--dry-run", check=False)
    assert "results/leaderboard.csv: found 2 seeds; allowed: 3, as params.yaml says" in printed


def test_a_search_whose_seed_a_look_needs_is_told_before(project: Project) -> None:
    """Nothing is written."""
    project.edit("params.yaml", "{metric: accuracy}", LOOKS)
    project.edit("params.yaml", "  adam: {optimizer: Adam, learning_rate: 0.01}", ADAM)
    project.edit("params.yaml", "seed: 1000", "seed: 2")
    project.run("dvc", "repro")
    printed = project.run("optledger", "settle", "--dry-run", check=False)
    assert "params.yaml: search.seed: found 2; allowed: a seed that the final trials do" in printed
    assert b"count: 2" in project.read("params.yaml")


ADAM = "  adam: {optimizer: Adam, learning_rate: [0.005, 0.01]}"
