"""An experiment's tags: its description, which is the answer, and a saved view of the variants.

The UI shows the description above all pages of the experiment. The view presets the run table,
which otherwise has neither metrics nor parameters; the UI keeps one in this form.
"""

import json
from collections.abc import Mapping, Sequence
from urllib.parse import quote

from optledger.core.formats import canonical_json
from optledger.tracking.run import Run

_DESCRIPTION = "mlflow.note.content"

_VIEW = "leaderboard"

# What the UI calls the columns that every table has.
_NAME, _CREATED, _DURATION = "attributes.`Run Name`", "runDateAndNestInfo", "duration"


def missing_tags(
    runs: Sequence[Run], ids: Mapping[str, str], experiment_id: str, tags: Mapping[str, str]
) -> dict[str, str]:
    """Return the tags that an experiment lacks, or has with another comparison than that of `runs`.

    Args:
        runs: of one publication.
        ids: by run key, of those that the store has.
        experiment_id: of the experiment.
        tags: that it has; a description that a person wrote is left alone.
    """
    comparison = next((run for run in runs if run.kind == "comparison"), None)
    if comparison is None or comparison.key not in ids:
        return {}
    by_name = {run.name: run for run in runs if run.kind == "variant" and run.key in ids}
    names = comparison.tables["leaderboard"]["variant"]
    ranked = [by_name[name] for name in names if name in by_name]
    if not ranked:
        return {}
    variants = [ids[run.key] for run in ranked]
    shown = {f"mlflow.sharedViewState.{_VIEW}": _view(comparison, ranked, variants)}
    described = tags.get(_DESCRIPTION, "")
    if not described or leaderboard(experiment_id) in described:
        shown[_DESCRIPTION] = _in_words(comparison, ids[comparison.key], variants, experiment_id)
    return {name: value for name, value in shown.items() if tags.get(name) != value}


def leaderboard(experiment_id: str) -> str:
    """Return where a server shows the saved view, without the server's address.

    It has to say that it is of training runs: for a new user, MLflow 3.17 opens an experiment's
    prompts and traces, whatever its tags say.
    """
    runs = f"#/experiments/{experiment_id}/runs"
    return f"{runs}?workflowType=machine_learning&viewStateShareKey={_VIEW}"


def _in_words(
    comparison: Run, comparison_id: str, variants: Sequence[str], experiment_id: str
) -> str:
    """Return the answer, the one line that is seen until one asks for more, and links."""
    answer = comparison.description.split("\n\n")[0]
    table, training = leaderboard(experiment_id), "workflowType=machine_learning"
    runs, experiments = (quote(json.dumps(each)) for each in (variants, [experiment_id]))
    side_by_side = f"#/compare-runs?runs={runs}&experiments={experiments}&{training}"
    compared = f"#/experiments/{experiment_id}/runs/{comparison_id}"
    return (
        f"{answer}\n\n"
        f"[Leaderboard]({table}), [its curves]({table}&compareRunsMode=CHART), "
        f"[the variants side by side]({side_by_side}), [every pair, and why]"
        f"({compared}?{training}), [the report]({compared}/artifacts/report.html?{training}). "
        "Of what was published last; the table without this view has all runs."
    )


def _view(comparison: Run, ranked: Sequence[Run], variants: Sequence[str]) -> str:
    """Return a saved view of the variants by the deciding metric, with what differs."""
    metric = comparison.parameters["comparison.metric"]
    names = dict.fromkeys(name for run in ranked for name in run.metrics)
    shown = [name for name in names if name.startswith((metric, "epochs_to_"))]
    # Also where this machine did not observe it: the view is the same from whichever.
    columns = [f"metrics.`{name}`" for name in (*shown, "seconds_per_epoch")]
    columns += [f"params.`{name}`" for name in _differing(ranked)]
    state = {
        "searchFilter": f"attributes.run_id IN ({', '.join(map(repr, variants))})",
        "orderByKey": f"metrics.`{metric}`",
        "orderByAsc": False,
        "selectedColumns": columns,
        "columnOrder": [_NAME, *columns, _CREATED, _DURATION],
        # In pixels; a name and the arrow of sorting fit.
        "columnWidths": {column: 7 * len(column) - 26 for column in columns},
    }
    return canonical_json({"name": "Leaderboard", "createdAt": 0, "state": canonical_json(state)})


def _differing(variants: Sequence[Run]) -> list[str]:
    """Return in which parameters variants differ, but not in what they were searched for."""
    names = dict.fromkeys(name for run in variants for name in run.parameters)
    return [
        name
        for name in names
        if not name.startswith("search.")
        and len({run.parameters.get(name) for run in variants}) > 1
    ]
