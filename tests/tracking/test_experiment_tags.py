"""An experiment's description and saved view, made from runs."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
from mlflow import MlflowClient

from optledger.tracking.experiment_tags import newest, own_tags, shown_tags, tries
from optledger.tracking.location import tracking_uri
from optledger.tracking.publication import publish_runs
from optledger.tracking.run import Run
from optledger.tracking.standing import STATUS, TRY, Standing

ADAM = Run(
    content={"kind": "variant", "name": "adam"},
    name="adam",
    parameters={"dataset": "mnist", "learning_rate": "0.001", "search.learning_rate": "[0.001]"},
    metrics={"accuracy": 0.9, "accuracy_std": 0.1, "loss": 1.0, "epochs_to_0.9": 2.0},
    cells={"accuracy_95": "0.88 to 0.92"},
)
GD = Run(
    content={"kind": "variant", "name": "gd"},
    name="gd",
    parameters={"dataset": "mnist", "learning_rate": "0.3", "search.learning_rate": "[0.3]"},
    metrics={"accuracy": 0.8, "accuracy_std": 0.1, "loss": 2.0},
)
COMPARISON = Run(
    content={"kind": "comparison", "variants": ["adam", "gd"]},
    name="comparison",
    parameters={"comparison.metric": "accuracy"},
    description="adam leads.\n\n| rank |",
    tables={"leaderboard": pd.DataFrame({"variant": ["adam", "gd"]})},
)
RUNS = [GD, ADAM, COMPARISON]
OTHER = replace(
    COMPARISON,
    content={"kind": "comparison", "variants": ["gd"]},
    description="gd leads.",
)
IDS = {GD.key: "1d", ADAM.key: "2d", COMPARISON.key: "3d", OTHER.key: "4d"}
NOTE, VIEW = "mlflow.note.content", "mlflow.sharedViewState.leaderboard"
HEAVIER = Standing("heavier", "the DVC experiment heavier")


def commit(name: str, seconds: int) -> Standing:
    """The standing of a commit of the official branch."""
    return Standing(commit=name, age=(seconds, 1), tags={"optledger.commit": name})


def after(
    *publications: tuple[list[Run], Standing], tags: dict[str, str] | None = None
) -> dict[str, str]:
    """The tags of an experiment after publications."""
    tags = dict(tags or {})
    for runs, standing in publications:
        tags |= own_tags(runs, IDS, standing, tags)
        tags |= shown_tags(tags, "7")
    return tags


def view(tags: dict[str, str], name: str = VIEW) -> dict[str, object]:
    """The state of the run table in a saved view, as the UI reads it."""
    return json.loads(json.loads(tags[name])["state"])


def test_the_view_has_what_decides_first() -> None:
    """The mean, its interval, the verdict, the learning rate; nothing of what all share."""
    state = view(after((RUNS, Standing())))
    assert state["searchFilter"] == "attributes.run_id IN ('2d', '1d')"
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`accuracy`", False)
    assert state["selectedColumns"] == [
        "metrics.`accuracy`",
        "tags.`accuracy_95`",
        "tags.`verdict`",
        "params.`learning_rate`",
        "metrics.`epochs_to_0.9`",
    ]


def test_the_description_is_the_answer_and_links() -> None:
    """To the report first, to the view, and to the variants in the order of rank."""
    answer, links, official = after((RUNS, commit("abcdefghij", 86400)))[NOTE].split("\n\n")
    assert answer == "adam leads."
    assert links.startswith("[The report](#/experiments/7/runs/3d/artifacts/report.html?")
    assert "(#/experiments/7/runs?workflowType=machine_learning&viewStateShareKey=" in links
    assert "(#/compare-runs?runs=%5B%222d%22%2C%20%221d%22%5D&experiments=%5B%227%22%5D&" in links
    assert official == "Official at abcdefg (1970-01-02)."


def test_who_is_far_behind_is_not_beside_the_others() -> None:
    """Charts of them would show nothing but that; two are always there."""
    last = replace(GD, content={"kind": "variant", "name": "last"}, name="last")
    last = replace(last, metrics={"accuracy": 0.1})
    table = {"leaderboard": pd.DataFrame({"variant": ["adam", "gd", "last"]})}
    ids = IDS | {last.key: "5d"}
    tags = own_tags([GD, ADAM, last, replace(COMPARISON, tables=table)], ids, Standing(), {})
    record = newest(tags)
    assert record["compared"] == ["2d", "1d"]
    assert [run_id for run_id, _ in record["verdicts"]] == ["2d", "1d", "5d"]


def test_the_newest_official_results_are_shown() -> None:
    """Whichever is published last; those before are told of, and a return to them is newest."""
    old, new = (RUNS, commit("a", 1)), ([GD, ADAM, OTHER], commit("b", 2))
    tags = after(old, new)
    assert tags == after(new, old)
    assert tags[NOTE].startswith("gd leads.")
    assert "- Before at a (1970-01-01): [adam leads.](#/experiments/7/runs/3d?" in tags[NOTE]
    assert after(old, new, (RUNS, commit("c", 3)))[NOTE].startswith("adam leads.")


def test_a_try_changes_nothing_that_others_see() -> None:
    """It has a record and a view of its own, also where nothing is official yet."""
    tried = ([GD, ADAM, OTHER], HEAVIER)
    tags = after((RUNS, Standing()))
    with_try = after(tried, tags=tags)
    assert with_try.items() >= tags.items()
    assert [record["name"] for record in tries(with_try)] == ["heavier"]
    assert view(with_try, "mlflow.sharedViewState.try-heavier")["selectedColumns"][1:3] == [
        "tags.`accuracy_95`",
        "tags.`verdict.heavier`",
    ]
    assert NOTE not in after(tried)
    assert VIEW not in after(tried)


def test_a_try_of_the_same_name_takes_its_place() -> None:
    """And the same results again leave all as it was, the time included."""
    tags = after((RUNS, HEAVIER))
    assert own_tags(RUNS, IDS, HEAVIER, tags) == {}
    again = after(([GD, ADAM, OTHER], HEAVIER), tags=tags)
    assert newest(again, "heavier")["answer"] == "gd leads."
    assert len(tries(again)) == 1


def test_what_is_there_is_not_wanted() -> None:
    """Another publication's words are replaced; a person's own stay."""
    tags = after((RUNS, Standing()))
    assert own_tags(RUNS, IDS, Standing(), tags) == shown_tags(tags, "7") == {}
    assert shown_tags({**tags, NOTE: "Ours."}, "7") == {}


def test_what_was_deleted_is_not_shown() -> None:
    """A variant; all of it, if it is the comparison or the last one."""
    own = {ADAM.key: "2d", COMPARISON.key: "3d"}
    assert newest(own_tags(RUNS, own, Standing(), {}))["verdicts"] == [["2d", ""]]
    assert own_tags(RUNS, {ADAM.key: "2d"}, Standing(), {}) == {}
    assert own_tags(RUNS, {COMPARISON.key: "3d"}, Standing(), {}) == {}


def test_a_record_that_a_person_overwrote_is_none() -> None:
    """It is written anew."""
    tags = after((RUNS, Standing()))
    name = next(name for name in tags if name.startswith("optledger.official."))
    for value in ("mine", "{}", "[]"):
        assert after((RUNS, Standing()), tags={**tags, name: value}) == tags


def test_a_publication_leaves_it(root: Path) -> None:
    """And makes up for it where it is missing although all runs are there."""
    publish_runs(RUNS, "e", root)
    client = MlflowClient(tracking_uri(root))
    experiment = client.get_experiment_by_name("e")
    assert experiment.tags[NOTE].startswith("adam leads.")
    client.delete_experiment_tag(experiment.experiment_id, NOTE)
    assert publish_runs(RUNS, "e", root).present == 3
    assert client.get_experiment_by_name("e").tags == experiment.tags


def test_a_try_is_published_beside_what_is_official(root: Path) -> None:
    """Its own runs have its name until they are official, and are the same runs then."""
    publish_runs(RUNS, "e", root)
    client = MlflowClient(tracking_uri(root))
    experiment = client.get_experiment_by_name("e")
    tried = [GD, ADAM, OTHER]

    def names() -> dict[str, str]:
        found = client.search_runs([experiment.experiment_id])
        return {run.info.run_name: run.info.run_id for run in found}

    publish_runs(tried, "e", root, told=HEAVIER)
    assert names().keys() == {"gd", "adam", "comparison", "comparison · heavier"}
    assert client.get_experiment_by_name("e").tags.items() >= experiment.tags.items()
    run_id = names()["comparison · heavier"]
    assert client.get_run(run_id).data.tags[STATUS] == TRY
    publish_runs(tried, "e", root, told=commit("b", 2))
    run = client.get_run(run_id)
    assert (run.info.run_name, run.data.tags[STATUS]) == ("comparison", "official")
    assert client.get_experiment_by_name("e").tags[NOTE].startswith("gd leads.")


def test_what_a_person_calls_official_says_so() -> None:
    """With who it was, and without the commit that does not have it."""
    standing = Standing(age=(86400, 1), who="Sara", is_declared=True)
    assert after((RUNS, standing))[NOTE].split("\n\n")[2] == (
        "Official, not committed, as Sara says (1970-01-02)."
    )
    committed = replace(standing, commit="abcdefghij", who="")
    assert after((RUNS, committed))[NOTE].split("\n\n")[2] == (
        "Official at abcdefg, as a person says (1970-01-02)."
    )


def test_tries_whose_names_look_alike_in_an_address_are_two() -> None:
    """As `a/b` and `a-b` do."""
    runs = ((RUNS, replace(HEAVIER, attempt=name)) for name in ("a/b", "a-b", "π/b", "ξ/b"))
    assert sorted(record["name"] for record in tries(after(*runs))) == ["a-b", "a/b", "ξ/b", "π/b"]
