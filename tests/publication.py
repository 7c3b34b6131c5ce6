"""A small publication that has something of everything, and what a store holds of it.

    python publication.py NAME FOLDER ROOT [SECONDS]

publishes it: prints `ready`, waits for a line, and then prints what it did.
"""

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import ViewType

from optledger import errors
from optledger.tracking.runs import Run
from optledger.tracking.store import Published, publish

KEY, DUPLICATE = "optledger.key", "optledger.duplicate_of"

# More points than a request may hold.
CURVES = pd.DataFrame({"epoch": range(1, 601), "train_loss": 0.5, "validation_loss": 0.25})

# A field of a run that is only in the store's own terms.
_IDENTITIES = ("mlflow.parentRunId", DUPLICATE)


def runs(folder: Path, seconds: float = 0.5) -> list[Run]:
    """A variant with two seeds and a search trial, and a comparison.

    Args:
        folder: an existing one, for the artifacts.
        seconds: what a machine observed, which no key covers.
    """
    history, table, empty = folder / "history.csv", folder / "table.md", folder / "empty.csv"
    history.write_text("epoch,loss\n" + "1,0.5\n" * 2000)
    table.write_text("| rank |\n")
    empty.write_text("")
    variant = Run(
        key="variant",
        kind="variant",
        name="adam",
        # More than a request may hold.
        parameters={f"parameter_{number}": "1" for number in range(150)},
        metrics={"accuracy": 0.9, "seconds_per_epoch": seconds},
        curves=CURVES,
        tags={"variant": "adam"},
        artifacts=(history, empty),
        description="Adam, in words.",
    )
    children = [
        Run(
            key=key,
            kind=kind,
            name=f"adam {key}",
            parent="variant",
            parameters={"learning_rate": "0.001"},
            metrics={"accuracy": 0.9, "seconds_per_epoch": seconds},
            curves=CURVES[:3],
        )
        for key, kind in (("seed 0", "seed"), ("seed 1", "seed"), ("search", "search"))
    ]
    comparison = Run(
        key="comparison",
        kind="comparison",
        name="comparison of 1 variants",
        metrics={"accuracy.adam": 0.9},
        artifacts=(table,),
    )
    return [variant, *children, comparison]


def publish_all(name: str, folder: Path, root: Path, seconds: float = 0.5) -> Published:
    """Publish it as the experiment `name` to the store of the environment or of `root`."""
    return publish(runs(folder, seconds), name, root)


def contents(uri: str, name: str, files: Path) -> dict[str, Any]:
    """Return all that a store holds of the publication `name`, in terms that repeat.

    Run ids are replaced by keys, and times by their distance from the run's start.

    Args:
        uri: the store, not the proxy before it.
        name: the experiment.
        files: the folder of the artifacts that a server keeps for its clients.

    Returns:
        `active` and `deleted`: the runs by key, each a list, as there may be several.
    """
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return {"active": {}, "deleted": {}}
    found = client.search_runs([experiment.experiment_id], "", ViewType.ALL, 1000)
    keys = {run.info.run_id: run.data.tags.get(KEY, "none") for run in found}
    store: dict[str, Any] = {"active": {}, "deleted": {}}
    for run in found:
        run_id, start = run.info.run_id, run.info.start_time
        tags = run.data.tags
        content = {
            "status": run.info.status,
            "name": run.info.run_name,
            "parameters": run.data.params,
            "metrics": {
                metric: sorted(
                    (point.step, point.timestamp - start, point.value)
                    for point in client.get_metric_history(run_id, metric)
                )
                for metric in run.data.metrics
            },
            "tags": {
                tag: keys.get(value, value) if tag in _IDENTITIES else value
                for tag, value in tags.items()
            },
            "artifacts": _files(run.info.artifact_uri, files),
        }
        state = store[run.info.lifecycle_stage]
        state.setdefault(keys[run_id], []).append(content)
    return store


def differences(store: dict[str, Any], reference: dict[str, Any]) -> list[str]:
    """Return in words how `store` is not as `reference`, which an undisturbed publication left.

    Deleted runs that are marked as duplicates may be there besides.
    """
    found = []
    for key in sorted({*store["active"], *reference["active"]}):
        here, there = store["active"].get(key, []), reference["active"].get(key, [])
        if len(here) != len(there):
            found.append(f"{key}: {len(here)} runs instead of {len(there)}")
        for run in here:
            found += [
                f"{key}: {part} {_shown(run[part], there[0][part])}"
                for part in (run if there else ())
                if run[part] != there[0][part]
            ]
    for key, deleted in store["deleted"].items():
        unmarked = [run for run in deleted if run["tags"].get(DUPLICATE) != key]
        if unmarked:
            found.append(f"{key}: {len(unmarked)} deleted runs not marked as duplicates")
    return found


def _shown(here: Any, there: Any) -> str:
    if not isinstance(here, dict):
        return f"{here!r} instead of {there!r}"
    wrong = sorted(name for name in {*here, *there} if here.get(name) != there.get(name))
    sizes = [
        f"{name} ({_size(here.get(name))} instead of {_size(there.get(name))})"
        for name in wrong[:3]
    ]
    return f"of {len(wrong)}: {', '.join(sizes)}"


def _size(value: Any) -> str:
    if isinstance(value, list | bytes):
        return f"{len(value)} {'points' if isinstance(value, list) else 'bytes'}"
    return repr(value)


def _files(uri: str, files: Path) -> dict[str, bytes]:
    scheme, _, path, _, _ = urlsplit(uri)
    folder = files / path.lstrip("/") if scheme == "mlflow-artifacts" else Path(url2pathname(path))
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def main(arguments: list[str]) -> None:
    """Publish when told to."""
    name, folder, root, *seconds = arguments
    print("ready", flush=True)
    sys.stdin.readline()
    done = publish_all(name, Path(folder), Path(root), *map(float, seconds))
    print(json.dumps(done._asdict()), flush=True)


if __name__ == "__main__":
    errors.run(lambda: main(sys.argv[1:]))
