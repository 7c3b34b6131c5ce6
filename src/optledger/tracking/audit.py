"""Compares what a tracking store holds with a list of runs: all contents, not only keys.

A publication trusts a finished run with the right key. Here every value and every artifact of the
runs is read. What people have added to the runs is ignored.
"""

import hashlib
import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run as MlflowRun
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from optledger.core.breaks import Break, command
from optledger.core.documents import shown
from optledger.core.errors import UserError, first_line, without_credentials
from optledger.core.formats import file_digest
from optledger.tracking.agreement import KEY, OBSERVED, Election, Need, elections, needs
from optledger.tracking.location import database, innermost_reason, rehome
from optledger.tracking.run import Run
from optledger.tracking.store import search, stored_run, write_made

_PUBLISH = command("dvc", "repro", "publish")

# Metrics whose names contain settings that params.yaml had when the run was published.
_AS_ASKED_FOR = re.compile(r"_(to|low|high)_[^_]+$")

_PAGE = 1000


def audit(
    runs: Sequence[Run], uri: str, experiment: str, on_run: Callable[[], object]
) -> Iterator[Break]:
    """Yield a break wherever the store differs from what `runs` say.

    Args:
        runs: each root followed by its children.
        uri: the URI of the store.
        experiment: the name of the experiment that the runs are in.
        on_run: called after each run.
    """
    store = f"{without_credentials(uri)}: {experiment}"
    whole = f"an experiment with {len(runs)} runs"
    path = database(uri)
    if path is not None and not path.exists():
        yield Break(store, f"no file {path}", whole, _PUBLISH)
        return
    try:
        if path is not None:
            rehome(path)
        client = MlflowClient(uri)
        about = client.get_experiment_by_name(experiment)
        if about is None:
            yield Break(store, "no such experiment", whole, _PUBLISH)
        elif about.lifecycle_stage == "deleted":
            yield _deleted(store)
        else:
            roots = [run.key for run in runs if run.parent is None]
            family = [run for root in roots for run in search(client, about.experiment_id, root)]
            stored = [run for run in family if KEY in run.data.tags]
            yield from _Audit(client, stored).breaks(runs, on_run)
    except (UserError, MlflowException, SQLAlchemyError, OSError) as error:
        found = f"no answer ({without_credentials(innermost_reason(error))})"
        yield Break(store, found, f"{whole} at a server that runs", command("optledger", "verify"))


class _Audit:
    """Compares stored runs with those that there should be."""

    def __init__(self, client: MlflowClient, stored: Sequence[MlflowRun]) -> None:
        self._client = client
        self._stored = {run.info.run_id: run for run in stored}
        self._elections = elections(map(stored_run, stored))

    def breaks(self, runs: Sequence[Run], on_run: Callable[[], object]) -> Iterator[Break]:
        for run in runs:
            election = self._elections.get(run.key, Election())
            yield from self._structure(run, election)
            if election.elected and election.elected.finished and not election.duplicates:
                yield from self._content(run, self._stored[election.elected.run_id])
            on_run()

    def _content(self, run: Run, stored: MlflowRun) -> Iterator[Break]:
        """Yield one break if the content differs: replacing the run mends all differences."""
        differences = list(self._differences(run, stored))
        if not differences:
            return
        what, found, expected = differences[0]
        more = f" (and {len(differences) - 1} more that differ)" if differences[1:] else ""
        run_id = stored.info.run_id
        # A value that was logged cannot be changed, so the run has to be replaced.
        remedy = command("optledger", "publish", "--replace", run_id)
        yield Break(f"run {run.name} ({run_id}): {what}{more}", found, expected, remedy)

    def _structure(self, run: Run, election: Election) -> Iterator[Break]:
        where = f"run {run.name}"
        if election.removed:
            yield _deleted(where)
        ids = [each.run_id for each in (election.elected, *election.duplicates) if each]
        if len(ids) > 1:
            # What else is wrong can be seen once only one run is left.
            expected = f"one of key {run.key}"
            yield Break(where, f"runs {', '.join(ids)}", expected, _PUBLISH)
            return
        for need in needs(run, self._elections, standing=None):
            if need == Need.CREATION:
                yield Break(where, "nothing", f"a run of key {run.key}", _PUBLISH)
            elif need == Need.COMPLETION:
                status = self._stored[ids[0]].info.status
                yield Break(f"{where} ({ids[0]})", status, "FINISHED", _PUBLISH)
            elif need == Need.TAGS:
                yield Break(f"{where} ({ids[0]})", "fewer tags", "all of them", _PUBLISH)
            elif need == Need.PARENT and not self._elections[run.root.key].duplicates:
                expected = f"that of {run.root.name}"
                yield Break(f"{where} ({ids[0]})", "another parent", expected, _PUBLISH)

    def _differences(self, run: Run, stored: MlflowRun) -> Iterator[tuple[str, str, str]]:
        """Yield what differs, what was found and what was expected."""
        data = stored.data
        observed = json.loads(data.tags.get(OBSERVED, "{}"))
        # The versions are those of the first publisher's packages.
        tags = {
            name: value
            for name, value in run.stored_tags.items()
            # The next publication adds tags that are missing.
            if name != "optledger.versions" and name in data.tags
        }
        yield from _other_values("tag", data.tags, tags)
        yield from _other_values("parameter", data.params, run.parameters)
        yield from _other_values("metric", data.metrics, {**run.metrics, **observed})
        yield from self._other_curves(run.curves, stored)
        logged = stored.inputs
        used = [each.dataset for each in logged.dataset_inputs] if logged else []
        digests = {each.name: each.digest for each in used}
        inputs = {each.name: each.checksum for each in run.inputs}
        yield from _other_values("input", digests, inputs)
        with tempfile.TemporaryDirectory() as folder:
            for path in (*run.artifacts, *write_made(run, Path(folder))):
                yield from self._other_artifact(path, stored, run)

    def _other_curves(
        self, curves: pd.DataFrame, stored: MlflowRun
    ) -> Iterator[tuple[str, str, str]]:
        for name in curves.columns.drop("epoch", errors="ignore"):
            rows = curves[["epoch", name]].dropna().itertuples(index=False)
            expected = {int(epoch): float(value) for epoch, value in rows}
            history = self._client.get_metric_history(stored.info.run_id, name) if expected else []
            points = [(point.step, point.value) for point in history]
            others = list(_other_values(f"curve {name} at epoch", dict(points), expected))
            if others:
                # The first difference stands for the whole curve.
                what, found, value = others[0]
                rest = f" (and at {len(others) - 1} other epochs)" if others[1:] else ""
                yield f"{what}{rest}", found, value
            elif len(points) > len(expected):
                yield f"curve {name}", f"{len(points)} points", f"{len(expected)} of them"

    def _other_artifact(
        self, path: Path, stored: MlflowRun, run: Run
    ) -> Iterator[tuple[str, str, str]]:
        what, expected = f"artifact {path.name}", f"sha256 {file_digest(path)}"
        with tempfile.TemporaryDirectory() as folder:
            try:
                copy = download_artifacts(
                    artifact_uri=f"{stored.info.artifact_uri}/{path.name}",
                    # Without a folder, a local store would return its own file, not a copy.
                    dst_path=folder,
                    tracking_uri=self._client.tracking_uri,
                )
                content = Path(copy).read_bytes()
            except (MlflowException, OSError) as error:
                yield what, f"nothing that can be read ({first_line(error)})", expected
                return
        found = f"sha256 {hashlib.sha256(content).hexdigest()}"
        if path.name == "content.json":
            expected = f"sha256 {run.key}, its run key"
        # Another version of Matplotlib draws the same figure in other bytes.
        if path.suffix != ".svg" and not expected.startswith(found):
            yield what, found, expected


def _deleted(where: str) -> Break:
    remedy = command("optledger", "publish", "--restore")
    return Break(where, "was deleted in MLflow", "to restore it", remedy, is_note=True)


def _other_values(
    kind: str, found: Mapping[Any, Any], expected: Mapping[Any, Any]
) -> Iterator[tuple[str, str, str]]:
    for name, value in expected.items():
        if name not in found and kind == "metric" and _AS_ASKED_FOR.search(name):
            continue
        if found.get(name) != value:
            yield f"{kind} {name}", shown(found.get(name)), shown(value)
