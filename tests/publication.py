"""A small publication that has something of everything, and what a store holds of it.

    python tests/publication.py NAME ROOT SECONDS TRY

publishes it, as a try if that has a name: prints `ready`, waits for a line, and prints what it did.
"""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import numpy as np
import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run as MlflowRun
from mlflow.entities import ViewType

# So that what is timed and killed is the publication.
import optledger.tracking.store  # noqa: F401
from digits import INTERFACE
from optledger.core import errors
from optledger.core.formats import file_digest, write_npz
from optledger.core.params import Comparison, Component, Publish
from optledger.tracking.agreement import DUPLICATE_OF, KEY, RunCounts
from optledger.tracking.champion import ChampionModel
from optledger.tracking.publication import publish_runs
from optledger.tracking.registration import registered_name
from optledger.tracking.run import Input, Run
from optledger.tracking.standing import standing

SECONDS = "seconds_per_epoch"

Contents = dict[str, list[dict[str, Any]]]

# As links have it, and lists in links.
_EXPERIMENT_ID = r"(?<=/experiments/)\d+|(?<=%22)\d+(?=%22)"

# Of the file that describes a model, those with ids and times.
_OWN_LINES = (b"artifact_path", b"model_id", b"model_uuid", b"run_id", b"utc_time_created")


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
    for command in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["commit", "-q", "--message", "state"],
    ):
        subprocess.run(["git", *command], cwd=path, env=os.environ | variables, check=True)
    return path


def runs(name: str, seconds: float | None) -> list[Run]:
    """A variant with two seeds and a search trial, and a comparison; of the checkout here.

    Args:
        name: of the dataset of the model, and so of its registered model.
        seconds: what the machine took, which is part of no key; None if that is not known.
    """
    # More parameters and points than a request may hold.
    curves = pd.DataFrame({"epoch": range(1, 601), "train_loss": 0.5, "validation_loss": 0.25})
    observed = {} if seconds is None else {SECONDS: seconds}
    test = Path("test.npz")
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
        inputs=(Input("mnist test", "test", test, 3, file_digest(test, "md5")),),
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
        name="comparison",
        size="1 variant",
        parameters={"comparison.metric": "accuracy"},
        metrics={"accuracy.adam": 0.9},
        tags={"champion": "adam"},
        description="adam leads.",
        tables={"leaderboard": pd.DataFrame({"variant": ["adam"]})},
        model=lambda: champion(name),
    )
    return [variant, *children, comparison]


def champion(name: str) -> ChampionModel:
    """Return the model of the second seed."""
    labels = np.arange(20, dtype=np.uint8) % 10
    return ChampionModel(
        dataset=name,
        variant="adam",
        seed=1,
        seeds=2,
        model=Component.model_validate({"name": "mlp", "hidden_units": [4]}),
        interface=INTERFACE,
        columns=(),
        names=None,
        weights={
            "00_kernel": np.ones((64, 4), np.float32),
            "01_bias": np.zeros(4, np.float32),
            "02_kernel": np.ones((4, 10), np.float32),
            "03_bias": np.zeros(10, np.float32),
        },
        input_example=np.zeros((3, 8, 8), np.uint8),
        predictions={
            "classes": np.stack([labels, labels]),
            "losses": np.ones((2, 20), np.float32),
            "labels": labels,
        },
        test_digest="aa",
        comparison=Comparison(metric="accuracy"),
    )


def publish_all(name: str, root: Path, seconds: float | None = 0.5, attempt: str = "") -> RunCounts:
    """Publish it from the checkout here, as the experiment `name`.

    Args:
        name: the experiment's.
        root: the folder of the store, if MLFLOW_TRACKING_URI names no other.
        seconds: what the machine took; None if that is not known.
        attempt: the name of the DVC experiment that it is a try of; empty if it is official.
    """
    told = standing(Publish(), "a digest", attempt)
    return publish_runs(runs(name, seconds), name, root, told=told)


def contents(uri: str, name: str, files: Path) -> Contents:
    """Return all that a store holds of the publication `name`, in terms that repeat.

    Runs and models are named instead of by ids, and times are distances from the run's start.

    Args:
        uri: the store, not the proxy before it.
        name: the experiment, by a word that is nowhere else.
        files: the folder of the artifacts that a server keeps for its clients.

    Returns:
        By name, runs, models and versions of models, and the experiment: each a list of all that
        are there, as there may be several. Names of deleted runs begin with `deleted`.
    """
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        return {}
    runs = client.search_runs([experiment.experiment_id], "", ViewType.ALL, 1000)
    models = client.search_logged_models([experiment.experiment_id])
    names = {
        run.info.run_id: f"{run.info.run_name} {run.data.tags.get(KEY, 'without a key')[:8]}"
        for run in runs
    }
    names |= {model.model_id: f"model {model.name}" for model in models}
    names[name] = "NAME"
    found: Contents = defaultdict(list)
    found["experiment"].append({"tags": experiment.tags})
    for run in runs:
        prefix = "deleted " if run.info.lifecycle_stage == "deleted" else ""
        found[prefix + names[run.info.run_id]].append(_run(client, run, files))
    for model in models:
        found[names[model.model_id]].append(
            {
                "status": str(model.status),
                "source": model.source_run_id,
                "parameters": model.params,
                "metrics": [(metric.key, metric.value, metric.step) for metric in model.metrics],
                "tags": model.tags,
                "artifacts": _files(model.artifact_location, files),
            }
        )
    for registered in client.search_registered_models(f"name='{registered_name(name)}'"):
        # A number of one client is text of another.
        aliases = {alias: int(number) for alias, number in registered.aliases.items()}
        about = {"tags": registered.tags, "aliases": aliases}
        found["registered"].append(about | {"description": registered.description})
    for version in client.search_model_versions(f"name='{registered_name(name)}'"):
        about = {"tags": version.tags, "source": version.run_id, "model": version.model_id}
        found["version"].append(about | {"description": version.description})
    return {each: _named(what, names) for each, what in found.items()}


def without_tries(store: Contents) -> Contents:
    """Return what a store holds, without what tells that a try of the same results came first."""
    return {
        what: [
            {**each, "tags": {name: tag for name, tag in each["tags"].items() if not _TRY(name)}}
            for each in every
        ]
        for what, every in store.items()
    }


_TRY = re.compile(r"optledger\.(try|experiment)\b|verdict\.|mlflow\.sharedViewState\.try-").match


def _run(client: MlflowClient, run: MlflowRun, files: Path) -> dict[str, Any]:
    start = run.info.start_time
    return {
        "status": run.info.status,
        "ended": run.info.end_time and run.info.end_time - start,
        "parameters": run.data.params,
        "metrics": {
            metric: sorted(
                (point.step, point.timestamp - start, point.value)
                for point in client.get_metric_history(run.info.run_id, metric)
            )
            for metric in run.data.metrics
        },
        "tags": run.data.tags,
        "inputs": [each.to_dictionary() for each in run.inputs.dataset_inputs],
        "outputs": [each.model_id for each in run.outputs.model_outputs],
        "artifacts": _files(run.info.artifact_uri, files),
    }


def _named(value: Any, names: Mapping[str, str]) -> Any:
    """Put names for ids, wherever they are."""
    if isinstance(value, dict):
        return {key: _named(each, names) for key, each in value.items()}
    if isinstance(value, list):
        return [_named(each, names) for each in value]
    if isinstance(value, str):
        for identity, name in names.items():
            value = value.replace(identity, name)
        return re.sub(_EXPERIMENT_ID, "EXPERIMENT", value)
    return value


def differences(store: Contents, reference: Contents) -> list[str]:
    """Return in words how `store` is not as `reference`, which an undisturbed publication left.

    Deleted runs that are marked as duplicates may be there besides.
    """
    found = []
    for name in sorted({*store, *reference}):
        here, there = store.get(name, []), reference.get(name, [])
        if name.startswith("deleted"):
            # By the key that names end with: a try's duplicate keeps the try's name.
            key = name.split()[-1]
            unmarked = [
                run for run in here if run["tags"].get(DUPLICATE_OF, "")[-len(key) :] != key
            ]
            found += [f"{name}: not marked as a duplicate"] * len(unmarked)
            continue
        if len(here) != len(there):
            found.append(f"{name}: {len(here)} instead of {len(there)}")
        for each in here if there else ():
            found += [
                f"{name}: {part} {_shown(each[part], value)}"
                for part, value in there[0].items()
                if each[part] != value
            ]
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
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    if "MLmodel" in found:
        lines = found["MLmodel"].splitlines()
        found["MLmodel"] = b"\n".join(line for line in lines if not line.startswith(_OWN_LINES))
    return found


def main(arguments: list[str]) -> None:
    """Publish when told to."""
    name, root, seconds, attempt = arguments
    print("ready", flush=True)
    sys.stdin.readline()
    done = publish_all(name, Path(root), float(seconds), attempt)
    print(json.dumps(done._asdict()), flush=True)


if __name__ == "__main__":
    errors.run(lambda: main(sys.argv[1:]))
