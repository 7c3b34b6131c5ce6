"""An experiment's tags: a record of each publication, and what MLflow's UI shows of the newest.

The UI shows the description above all pages of the experiment. A saved view presets the columns of
the run table, which otherwise has neither metrics nor parameters. The UI itself keeps saved views
as tags in this form. Description and view follow from the records alone, so that simultaneous
publishers agree on them.
"""

import json
import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from optledger.analysis.comparisons import against, plain_rows
from optledger.analysis.words import signed
from optledger.core.formats import canonical_json, digest
from optledger.core.params import Comparison
from optledger.tracking.run import Run
from optledger.tracking.standing import OFFICIAL, TRY, Standing

_DESCRIPTION = "mlflow.note.content"

_VIEW = "mlflow.sharedViewState."

_LEADERBOARD = "leaderboard"

# The UI's names of the columns that every run table has.
_NAME, _CREATED, _DURATION = "attributes.`Run Name`", "runDateAndNestInfo", "duration"

_TRAINING = "workflowType=machine_learning"

_RECORD = "optledger.{}."

# How many earlier official results the description lists.
_EARLIER = 4

# The page with variants side by side leaves out those that are far behind: more than _FAR times as
# far as the better ones spread, with a spread of at least _LITTLE. It has _MOST variants at most.
_FAR, _LITTLE, _MOST = 3, 0.01, 20


def own_tags(
    runs: Sequence[Run], ids: Mapping[str, str], standing: Standing, tags: Mapping[str, str]
) -> dict[str, str]:
    """Return the tags that record a publication in its experiment.

    The tag of official results is named after their content. It records the newest commit that has
    them. The tag of a try is named after the try. It records what was published last under the
    name.

    Args:
        runs: the runs of the publication.
        ids: the ids of the runs that the store has, by run key.
        standing: whether the results are official, and where they come from.
        tags: the experiment's present tags. A tag with the right value is not returned again.
    """
    comparison = next((run for run in runs if run.kind == "comparison"), None)
    if comparison is None or comparison.key not in ids:
        return {}
    ranked = _ranked(runs, comparison, ids)
    if not ranked:
        return {}
    record: dict[str, Any] = {
        "answer": comparison.description.split("\n\n")[0],
        "branch": standing.tags.get("optledger.branch", ""),
        "columns": _columns(ranked, comparison.parameters["comparison.metric"], standing),
        "commit": standing.commit or "",
        "compared": [ids[run.key] for run in _near(ranked, comparison)],
        "comparison": ids[comparison.key],
        "verdicts": _verdicts(ranked, ids, comparison),
    }
    if standing.is_official:
        name = f"{_RECORD.format(OFFICIAL)}{comparison.key[:12]}"
        record["age"] = list(standing.age)
        if standing.is_declared:
            record["declared"] = standing.who or "a person"
        if _read(tags.get(name, "")).get("age", []) > record["age"]:
            return {}
        return _other({name: canonical_json(record)}, tags)
    slug = _slug(standing.attempt)
    name = f"{_RECORD.format(TRY)}{slug}"
    record |= {"name": standing.attempt, "published": int(time.time())}
    known = _read(tags.get(name, ""))
    if known == record | {"published": known.get("published")}:
        record = known
    return _other({name: canonical_json(record), f"{_VIEW}{TRY}-{slug}": _view(record)}, tags)


def shown_tags(tags: Mapping[str, str], experiment_id: str) -> dict[str, str]:
    """Return the tags that an experiment lacks, or that differ from what its records say.

    Args:
        tags: the experiment's present tags. A description that a person wrote is left alone.
        experiment_id: the id of the experiment.
    """
    known = official(tags)
    if not known:
        return {}
    shown = {f"{_VIEW}{_LEADERBOARD}": _view(known[0])}
    described = tags.get(_DESCRIPTION, "")
    if not described or leaderboard(experiment_id) in described:
        shown[_DESCRIPTION] = _in_words(known, experiment_id)
    return _other(shown, tags)


def official(tags: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the records of official results, the newest first."""
    found = _records(tags, OFFICIAL)
    return sorted(found, key=lambda record: (record["age"], record["comparison"]), reverse=True)


def newest(tags: Mapping[str, str], attempt: str = "") -> dict[str, Any] | None:
    """Return the record of the try `attempt`; if that is empty, of the newest official results.

    Returns None if there is no such record.
    """
    if attempt:
        return next((record for record in tries(tags) if record["name"] == attempt), None)
    return next(iter(official(tags)), None)


def tries(tags: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the records of tries, the last one first."""
    return sorted(_records(tags, TRY), key=lambda record: record["published"], reverse=True)


def verdict_tag(attempt: str = "") -> str:
    """Return the name of the tag that has a variant's verdict, in a try or in official results.

    Each try has a name of its own, because several may share a run.
    """
    return f"verdict.{_slug(attempt)}" if attempt else "verdict"


def leaderboard(experiment_id: str, attempt: str = "") -> str:
    """Return the link to the saved view of the leaderboard, without the server's address.

    The link has to ask for training runs. For a new user, MLflow 3.17 otherwise opens prompts and
    traces, whatever the experiment's tags say.

    Args:
        experiment_id: the id of the experiment.
        attempt: the name of the try; empty for official results.
    """
    runs = f"#/experiments/{experiment_id}/runs"
    view = f"{TRY}-{_slug(attempt)}" if attempt else _LEADERBOARD
    return f"{runs}?{_TRAINING}&viewStateShareKey={view}"


def _records(tags: Mapping[str, str], kind: str) -> list[dict[str, Any]]:
    prefix = _RECORD.format(kind)
    return [
        record
        for name, value in tags.items()
        if name.startswith(prefix) and (record := _read(value))
    ]


def _read(value: str) -> dict[str, Any]:
    """Parse a record; return an empty one if a person has overwritten it."""
    try:
        record = json.loads(value)
    except ValueError:
        return {}
    return record if isinstance(record, dict) and "verdicts" in record else {}


def _slug(attempt: str) -> str:
    """Return a form of a try's name that tags and links allow, different for each name."""
    slug = re.sub(r"[^\w.-]", "-", attempt, flags=re.ASCII)
    return slug if slug == attempt else f"{slug}-{digest(attempt)[:6]}"


def _other(wanted: Mapping[str, str], tags: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in wanted.items() if tags.get(name) != value}


def _ranked(runs: Sequence[Run], comparison: Run, ids: Mapping[str, str]) -> list[Run]:
    """Return the variants' runs that the store has, in the order of the leaderboard."""
    by_name = {run.name: run for run in runs if run.kind == "variant" and run.key in ids}
    names = comparison.tables["leaderboard"]["variant"]
    return [by_name[name] for name in names if name in by_name]


def _near(ranked: Sequence[Run], comparison: Run) -> list[Run]:
    """Return the variants without those so far behind that charts would show little else."""
    metric = comparison.parameters["comparison.metric"]
    known = [run for run in ranked if metric in run.metrics]
    near = list(known[:2])
    for run in known[2:]:
        spread = abs(near[-1].metrics[metric] - near[0].metrics[metric])
        if abs(run.metrics[metric] - near[-1].metrics[metric]) > _FAR * max(spread, _LITTLE):
            break
        near.append(run)
    return near[:_MOST]


def _in_words(known: Sequence[Mapping[str, Any]], experiment_id: str) -> str:
    """Return the description: the answer, which is the line seen before unfolding, and links."""
    newest = known[0]
    table = leaderboard(experiment_id)
    runs, experiments = (quote(json.dumps(each)) for each in (newest["compared"], [experiment_id]))
    side_by_side = f"#/compare-runs?runs={runs}&experiments={experiments}&{_TRAINING}"
    compared = _page(newest, experiment_id)
    before = "".join(
        f"\n- Before{_since(each)}: [{each['answer']}]({_page(each, experiment_id)}?{_TRAINING})"
        for each in known[1 : 1 + _EARLIER]
    )
    return (
        f"{newest['answer']}\n\n"
        f"[The report]({compared}/artifacts/report.html?{_TRAINING}), [the leaderboard]({table}), "
        f"[its curves]({table}&compareRunsMode=CHART), "
        f"[the variants side by side]({side_by_side}), [every pair, and why]"
        f"({compared}?{_TRAINING}). The table without this view has all runs, those of tries "
        f"included.\n\nOfficial{_since(newest)}.{before}"
    )


def _page(record: Mapping[str, Any], experiment_id: str) -> str:
    return f"#/experiments/{experiment_id}/runs/{record['comparison']}"


def _since(record: Mapping[str, Any]) -> str:
    """Return a record's commit and day, and who called the results official, if anybody did."""
    day = datetime.fromtimestamp(record["age"][0], UTC).date()
    branch = f", {record['branch']}" if record["branch"] else ""
    commit = f" at {record['commit'][:7]}" if record["commit"] else ""
    if who := record.get("declared"):
        return f"{commit or ', not committed'}, as {who} says ({day}{branch})"
    return f"{commit} ({day}{branch})" if commit else ""


def _verdicts(ranked: Sequence[Run], ids: Mapping[str, str], comparison: Run) -> list[list[str]]:
    """Return for each variant its run id and its verdict against the champion."""
    champion = comparison.tags.get("champion")
    words = {run.name: "" for run in ranked}
    if champion and "comparisons" in comparison.tables:
        settings = Comparison.model_validate(comparison.content["parameters"])
        metric = settings.metric
        rows = plain_rows(against(comparison.tables["comparisons"], metric, champion))
        words[champion] = "champion"
        words |= {
            name: f"{row['verdict']} ({signed(row['difference'], metric)})"
            for name, row in rows.items()
        }
    return [[ids[run.key], words[run.name]] for run in ranked]


def _columns(ranked: Sequence[Run], metric: str, standing: Standing) -> list[str]:
    """Return the columns of the view: what decides, then parameters in which variants differ."""
    names = dict.fromkeys(name for run in ranked for name in run.metrics)
    cells = dict.fromkeys(name for run in ranked for name in run.cells)
    differing = _differing(ranked)
    rates = [name for name in differing if name == "learning_rate"]
    return [
        f"metrics.`{metric}`",
        *(f"tags.`{name}`" for name in (*cells, verdict_tag(standing.attempt))),
        *(f"params.`{name}`" for name in rates),
        *(f"metrics.`{name}`" for name in names if name.startswith("epochs_to_")),
        *(f"params.`{name}`" for name in differing if name not in rates),
    ]


def _view(record: Mapping[str, Any]) -> str:
    """Return a saved view of the variants, sorted by the deciding metric, as JSON."""
    columns = record["columns"]
    variants = [repr(run_id) for run_id, _ in record["verdicts"]]
    state = {
        "searchFilter": f"attributes.run_id IN ({', '.join(variants)})",
        "orderByKey": columns[0],
        "orderByAsc": False,
        "selectedColumns": columns,
        "columnOrder": [_NAME, *columns, _CREATED, _DURATION],
        "columnWidths": {
            **{column: 7 * len(column) - 26 for column in columns},
            **_widths(columns),
        },
    }
    name = record.get("name", "Leaderboard")
    return canonical_json({"name": name, "createdAt": 0, "state": canonical_json(state)})


def _widths(columns: Sequence[str]) -> dict[str, int]:
    """Return the widths of the first columns, in pixels.

    With the check boxes, they fill the part of a 1440-pixel screen that MLflow's assistant leaves.
    """
    places = {"metrics": 85, "tags": 130, "params": 95}
    widths = {column: places[column.partition(".")[0]] for column in columns[:4]}
    return {_NAME: 222, _CREATED: 70, **widths}


def _differing(variants: Sequence[Run]) -> list[str]:
    """Return the names of the parameters in which variants differ, except those of the search."""
    names = dict.fromkeys(name for run in variants for name in run.parameters)
    return [
        name
        for name in names
        if not name.startswith("search.")
        and len({run.parameters.get(name) for run in variants}) > 1
    ]
