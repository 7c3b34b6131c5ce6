"""What a team sees in MLflow, of which each member tries something."""

from pathlib import Path

from mlflow import MlflowClient

from optledger.tracking.experiment_tags import official, tries
from project import Project
from servers import mlflow_server
from team import experiment, steps

TEAM = ("slower", "faster")

SHOWN = ("mlflow.note.content", "mlflow.sharedViewState.leaderboard")


def test_only_a_merge_changes_what_is_official(
    judged: Project, tmp_path: Path, database: str
) -> None:
    """Each try stands once, under its name; who publishes an older commit changes nothing."""
    shown, names, aliases = {}, {}, {}
    with mlflow_server(tmp_path, database) as uri:
        client = MlflowClient(uri)
        for step in steps(judged, tmp_path, uri, TEAM):
            now = experiment(uri)
            shown[step.name] = [now.tags[name] for name in SHOWN]
            runs = client.search_runs([now.experiment_id], "tags.optledger.kind = 'comparison'")
            names[step.name] = sorted(run.info.run_name for run in runs)
            registered = client.search_registered_models()
            aliases[step.name] = [each.aliases for each in registered]
            assert len(official(now.tags)) == (1 if step.name in ("official", "tries") else 2)
    comparison = "comparison · 2 variants"
    of_tries = {name: f"comparison · {name} · 2 variants" for name in TEAM}
    assert names["official"] == [comparison]
    assert names["tries"] == sorted([comparison, *of_tries.values()])
    assert names["merged"] == sorted([comparison, comparison, of_tries["faster"]])
    assert names["stale"] == names["merged"]
    assert shown["tries"] == shown["official"] != shown["merged"] == shown["stale"]
    assert aliases["tries"] == aliases["official"] == [{"champion": "1"}]
    assert {record["name"] for record in tries(now.tags)} == set(TEAM)
