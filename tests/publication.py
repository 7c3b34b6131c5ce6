"""A small publication that has something of everything, and what a store holds of it.

    python tests/publication.py NAME ROOT SECONDS

publishes it: prints `ready`, waits for a line, and then prints what it did.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import ViewType

# So that what is timed and killed is the publication.
import optledger.tracking.store  # noqa: F401
from optledger import errors
from optledger.formats import write_npz
from optledger.tracking.agreement import DUPLICATE_OF, KEY, PARENT, Published
from optledger.tracking.publication import publish_runs
from optledger.tracking.run import Input, Run

SECONDS = "seconds_per_epoch"

# Tags that name another run.
_IDENTITIES = (PARENT, DUPLICATE_OF)


def make_checkout(path: Path) -> Path:
    """Make a clean Git checkout of files to publish, in a new folder; return the folder.

    Its commit is always the same.
    """
    path.mkdir()
    (path / "history.csv").write_text("epoch,loss\n" + "1,0.5\n" * 2000)
    (path / "empty.csv").write_text("")
    write_npz(path / "test.npz", {"labels": np.arange(3)})
    identity = {"NAME": "Tests", "EMAIL": "tests@localhost", "DATE": "2026-01-01T00:00Z"}
    variables = {
        f"GIT_{role}_{name}": value
        for role in ("AUTHOR", "COMMITTER")
        for name, value in identity.items()
    }
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "--message", "state"]):
        subprocess.run(["git", *command], cwd=path, env=os.environ | variables, check=True)
    return path


def runs(seconds: float | None) -> list[Run]:
    """A variant with two seeds and a search trial, and a comparison; of the checkout here.

    Args:
        seconds: what the machine took, which is part of no key; None if that is not known.
    """
    # More parameters and points than a request may hold.
    curves = pd.DataFrame({"epoch": range(1, 601), "train_loss": 0.5, "validation_loss": 0.25})
    observed = {} if seconds is None else {SECONDS: seconds}
    variant = Run(
        content={"kind": "variant", "name": "adam"},
        name="adam",
        parameters={f"parameter_{number}": "1" for number in range(150)},
        metrics={"accuracy": 0.9},
        observed=observed,
        machine="a processor",
        curves=curves,
        tags={"variant": "adam"},
        description="Adam, in words.",
        artifacts=(Path("history.csv"), Path("empty.csv")),
        tables={"per_class": pd.DataFrame({"class": [0, 1], "recall": [0.5, 1.0]})},
        inputs=(Input("mnist test", "test", Path("test.npz")),),
    )
    children = [
        Run(
            content={"kind": kind, "variant": variant.key, "seed": seed},
            name=f"adam {kind} {seed}",
            parent=variant,
            parameters={"seed": str(seed)},
            metrics={"accuracy": 0.9},
            observed=observed,
            curves=curves[:3],
        )
        for kind, seed in (("search", 1000), ("seed", 0), ("seed", 1))
    ]
    comparison = Run(
        content={"kind": "comparison", "variants": {"adam": variant.key}},
        name="comparison of 1 variants",
        metrics={"accuracy.adam": 0.9},
        tables={"leaderboard": pd.DataFrame({"variant": ["adam"]})},
    )
    return [variant, *children, comparison]


def publish_all(name: str, root: Path, seconds: float | None = 0.5) -> Published:
    """Publish it from the checkout here, as the experiment `name`.

    Args:
        name: the experiment's.
        root: the folder of the store, if MLFLOW_TRACKING_URI names no other.
        seconds: what the machine took; None if that is not known.
    """
    return publish_runs(runs(seconds), name, root)


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
    keys = {
        run.info.run_id: f"{run.info.run_name} {run.data.tags.get(KEY, 'without a key')[:8]}"
        for run in found
    }
    store: dict[str, Any] = {"active": {}, "deleted": {}}
    for run in found:
        run_id, start = run.info.run_id, run.info.start_time
        tags = run.data.tags
        content = {
            "status": run.info.status,
            "ended": run.info.end_time and run.info.end_time - start,
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
            "inputs": [each.to_dictionary() for each in run.inputs.dataset_inputs],
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
        unmarked = [run for run in deleted if run["tags"].get(DUPLICATE_OF) != key]
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
    name, root, seconds = arguments
    print("ready", flush=True)
    sys.stdin.readline()
    done = publish_all(name, Path(root), float(seconds))
    print(json.dumps(done._asdict()), flush=True)


if __name__ == "__main__":
    errors.run(lambda: main(sys.argv[1:]))
