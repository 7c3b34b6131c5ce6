"""An experiment's description and saved view, made from runs."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
from mlflow import MlflowClient

from optledger.tracking.experiment_tags import missing_tags
from optledger.tracking.location import tracking_uri
from optledger.tracking.publication import publish_runs
from optledger.tracking.run import Run

ADAM = Run(
    content={"kind": "variant", "name": "adam"},
    name="adam",
    parameters={"dataset": "mnist", "learning_rate": "0.001", "search.learning_rate": "[0.001]"},
    metrics={"accuracy": 0.9, "accuracy_std": 0.1, "loss": 1.0, "epochs_to_0.9": 2.0},
)
GD = Run(
    content={"kind": "variant", "name": "gd"},
    name="gd",
    parameters={"dataset": "mnist", "learning_rate": "0.3", "search.learning_rate": "[0.3]"},
    metrics={"accuracy": 0.8, "accuracy_std": 0.1, "loss": 2.0},
)
COMPARISON = Run(
    content={"kind": "comparison", "variants": ["adam", "gd"]},
    name="comparison of 2 variants",
    parameters={"comparison.metric": "accuracy"},
    description="adam leads.\n\n| rank |",
    tables={"leaderboard": pd.DataFrame({"variant": ["adam", "gd"]})},
)
RUNS = [GD, ADAM, COMPARISON]
IDS = {GD.key: "1d", ADAM.key: "2d", COMPARISON.key: "3d"}
NOTE, VIEW = "mlflow.note.content", "mlflow.sharedViewState.leaderboard"


def view(tags: dict[str, str]) -> dict[str, object]:
    """The state of the run table in a saved view, as the UI reads it."""
    return json.loads(json.loads(tags[VIEW])["state"])


def test_the_view_has_the_variants_and_what_differs() -> None:
    """Of metrics the deciding one, with its spread, and speed; nothing of what all share."""
    state = view(missing_tags(RUNS, IDS, "7", {}))
    assert state["searchFilter"] == "attributes.run_id IN ('2d', '1d')"
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`accuracy`", False)
    metrics = ("accuracy", "accuracy_std", "epochs_to_0.9", "seconds_per_epoch")
    assert state["selectedColumns"] == [
        *(f"metrics.`{name}`" for name in metrics),
        "params.`learning_rate`",
    ]


def test_the_description_is_the_answer_and_links() -> None:
    """To the view, and to the variants in the order of rank."""
    answer, links = missing_tags(RUNS, IDS, "7", {})[NOTE].split("\n\n")
    assert answer == "adam leads."
    assert "(#/experiments/7/runs?workflowType=machine_learning&viewStateShareKey=" in links
    assert "(#/compare-runs?runs=%5B%222d%22%2C%20%221d%22%5D&experiments=%5B%227%22%5D&" in links


def test_what_is_there_is_not_wanted() -> None:
    """Another publication's words are replaced; a person's own stay."""
    tags = missing_tags(RUNS, IDS, "7", {})
    assert missing_tags(RUNS, IDS, "7", tags) == {}
    other = replace(COMPARISON, description="gd leads.")
    assert missing_tags([GD, ADAM, other], IDS, "7", tags).keys() == {NOTE}
    assert missing_tags(RUNS, IDS, "7", {**tags, NOTE: "Ours."}) == {}


def test_what_was_deleted_is_not_shown() -> None:
    """A variant; all of it, if it is the comparison or the last one."""
    assert "1d" not in missing_tags(RUNS, {ADAM.key: "2d", COMPARISON.key: "3d"}, "7", {})[VIEW]
    assert missing_tags(RUNS, {ADAM.key: "2d"}, "7", {}) == {}
    assert missing_tags(RUNS, {COMPARISON.key: "3d"}, "7", {}) == {}


def test_a_publication_leaves_it(root: Path) -> None:
    """And makes up for it where it is missing although all runs are there."""
    publish_runs(RUNS, "e", root)
    client = MlflowClient(tracking_uri(root))
    experiment = client.get_experiment_by_name("e")
    assert experiment.tags[NOTE].startswith("adam leads.")
    client.delete_experiment_tag(experiment.experiment_id, NOTE)
    assert publish_runs(RUNS, "e", root).present == 3
    assert client.get_experiment_by_name("e").tags == experiment.tags
