"""Makes an experiment of an MLflow tracking store agree with a list of runs.

The next call completes a publication that broke off. Every request may be repeated: a second one
changes nothing.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby, zip_longest
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag, ViewType
from mlflow.entities import Run as MlflowRun
from mlflow.exceptions import MlflowException
from tqdm import tqdm

from optledger.core.formats import canonical_json
from optledger.tracking.agreement import (
    COMMITS,
    DUPLICATE_OF,
    KEY,
    KIND,
    METRICS,
    OBSERVED,
    PARENT,
    ROOT,
    Election,
    Need,
    RunCounts,
    StoredRun,
    champion_of,
    counted,
    elections,
    needs,
    run_ids,
)
from optledger.tracking.experiment_tags import newest, own_tags, shown_tags, verdict_tag
from optledger.tracking.location import ARTIFACTS, database, is_by_another_publication, sqlite_uri
from optledger.tracking.run import Input, Run
from optledger.tracking.standing import MARKS, OFFICIAL, STATUS, Standing

Item = TypeVar("Item")

# MLflow's limits on one request: 100 parameters, and 1000 parameters and metrics together.
# https://mlflow.org/docs/latest/rest-api.html#log-batch
_PARAMETERS_A_REQUEST, _METRICS_A_REQUEST = 100, 900

# How many commits fit into a tag, of which MLflow keeps 8000 characters.
_COMMITS = 150

_PAGE = 1000


class Store:
    """The experiment of a tracking store that a publication writes to.

    Attributes:
        client: MLflow's client for the store.
        experiment_id: the experiment's id; None where a person deleted the experiment.
    """

    def __init__(
        self, client: MlflowClient, experiment_id: str | None, standing: Standing, restore: bool
    ) -> None:
        self.client = client
        self.experiment_id = experiment_id
        self._standing = standing
        self._restore = restore
        self._created: set[str] = set()
        self._completed: set[str] = set()
        self._ids: dict[str, str] = {}

    @property
    def changed(self) -> int:
        """How many runs this object has created or completed so far."""
        return len(self._created) + len(self._completed)

    def reconcile(self, runs: Sequence[Run]) -> RunCounts:
        """Make the store hold `runs`, and return what became of them.

        Args:
            runs: each root followed by its children.
        """
        if self.experiment_id is None:
            return RunCounts(deleted=len(runs))
        grouped = groupby(runs, key=lambda run: run.root.key)
        families = tqdm(
            [list(family) for _, family in grouped],
            desc="publish",
            unit="variant",
            leave=False,
            disable=None,
            delay=2,
        )
        settled = [self._reconcile_family(family) for family in families]
        if self._standing.is_official:
            self._register(runs)
        self._show(runs, self.experiment_id)
        return RunCounts(*map(sum, zip(*settled, strict=True)))

    def _reconcile_family(self, runs: Sequence[Run]) -> RunCounts:
        while True:
            found_runs = search(self.client, str(self.experiment_id), runs[0].key)
            stored = list(map(stored_run, found_runs))
            found = elections(stored)
            wanting = {
                run.key: list(needs(run, found, self._standing, self._restore)) for run in runs
            }
            if not any(wanting.values()):
                self._ids |= run_ids(stored)
                return counted(runs, stored, self._created, self._completed)
            absent = [run for run in runs if Need.CREATION in wanting[run.key]]
            for run in absent:
                found[run.key] = Election(self._create(run, found))
            # Create every run before logging to any, so that duplicates are found before the
            # expensive part.
            if not absent:
                for run in runs:
                    for need in wanting[run.key]:
                        self._give(need, run, found)

    def _register(self, runs: Sequence[Run]) -> None:
        """Log and register the champion's model, unless someone deleted the champion's run."""
        champion = champion_of(runs)
        if champion is None or champion.key not in self._ids:
            return
        model = next(run.model for run in runs if run.model)()
        if model is None:
            return
        # This loads parts of MLflow that a publication without a champion does not need.
        from optledger.tracking.registration import publish_champion

        variant = self._ids[champion.key]
        seeds = (run for run in runs if run.parent is champion and run.kind == "seed")
        keys = (run.key for run in seeds if run.content["seed"] == model.seed)
        seed = self._ids.get(next(keys), variant)
        publish_champion(self.client, model, variant, seed, self._restore)

    def _show(self, runs: Sequence[Run], experiment_id: str) -> None:
        """Record the publication, and make the experiment show the newest official results.

        Every publisher reads the records again after it has written. So the last of several
        publishers writes what follows from the records of all.
        """
        tags = self.client.get_experiment(experiment_id).tags
        for name, value in own_tags(runs, self._ids, self._standing, tags).items():
            self._show_tag(name, value)
        shown = None
        while True:
            tags = self.client.get_experiment(experiment_id).tags
            missing = shown_tags(tags, experiment_id)
            record = newest(tags, self._standing.attempt)
            if not missing and shown == record:
                return
            for name, value in missing.items():
                self._show_tag(name, value)
            self._say_verdicts(record)
            shown = record

    def _show_tag(self, name: str, value: str) -> None:
        experiment_id = str(self.experiment_id)
        _again_if_met(partial(self.client.set_experiment_tag, experiment_id, name, value))

    def _say_verdicts(self, record: Mapping[str, Any] | None) -> None:
        name = verdict_tag(self._standing.attempt)
        for run_id, words in record["verdicts"] if record else ():
            run = self.client.get_run(run_id)
            is_told = run.data.tags.get(name, "") == words
            if not is_told and run.info.lifecycle_stage != "deleted":
                _again_if_met(partial(self.client.set_tag, run_id, name, words))

    def _create(self, run: Run, found: dict[str, Election]) -> StoredRun:
        tags = {
            KEY: run.key,
            KIND: run.kind,
            ROOT: run.root.key,
            **run.stored_tags,
            **_observed(run),
            **({} if run.parent else {STATUS: self._standing.status, **self._standing.tags}),
            "mlflow.source.type": "PROJECT",
            "mlflow.source.name": "optledger",
        }
        if run.metrics:
            tags[METRICS] = " ".join(run.metrics)
        if run.description:
            tags["mlflow.note.content"] = run.description
        if run.color:
            tags["mlflow.runColor"] = run.color
        if run.tables:
            shown = [{"path": f"{name}.json", "type": "table"} for name in run.tables]
            tags["mlflow.loggedArtifacts"] = json.dumps(shown)
        if commit := self._standing.tags.get("optledger.commit"):
            tags["mlflow.source.git.commit"] = commit
        if self._standing.who:
            tags["mlflow.user"] = self._standing.who
        if run.parent and (parent := found[run.parent.key].elected):
            tags[PARENT] = parent.run_id
        label = run.label(self._standing.attempt)
        created = self.client.create_run(str(self.experiment_id), tags=tags, run_name=label)
        self._created.add(created.info.run_id)
        return stored_run(created)

    def _give(self, need: Need, run: Run, found: dict[str, Election]) -> None:
        election = found[run.key]
        stored = election.elected or election.removed
        assert stored is not None
        match need:
            case Need.MARK:
                marked = None if self._standing.is_official else election.official
                tags = marked.tags if marked else self._standing.tags
                self.client.update_run(stored.run_id, name=run.label(""))
                for name in MARKS:
                    if name in tags:
                        self._tag(stored, name, tags[name])
                # This tag comes last: it says that all others are written.
                self._tag(stored, STATUS, OFFICIAL)
            case Need.DEDUPLICATION:
                for duplicate in election.duplicates:
                    self._tag(duplicate, DUPLICATE_OF, stored.run_id)
                    self.client.delete_run(duplicate.run_id)
            case Need.RESTORATION:
                self.client.restore_run(stored.run_id)
                self._completed.add(stored.run_id)
            case Need.PARENT:
                parent = found[run.root.key].elected
                assert parent is not None
                self._tag(stored, PARENT, parent.run_id)
            case Need.COMPLETION:
                try:
                    self._complete(stored, run)
                except MlflowException as error:
                    if "Changing param values" not in str(error):
                        raise
                    # Another version of this program began the run.
                    self._tag(stored, DUPLICATE_OF, "begun with other parameters")
                    self.client.delete_run(stored.run_id)
            case Need.METRICS:
                told = stored.tags.get(METRICS, "").split()
                metrics = {name: run.metrics[name] for name in run.metrics if name not in told}
                tag = RunTag(METRICS, " ".join([*told, *metrics]))
                self.client.log_batch(stored.run_id, metrics=_values(metrics, stored), tags=[tag])
            case Need.TAGS:
                for name in run.stored_tags.keys() - stored.tags.keys():
                    self._tag(stored, name, run.stored_tags[name])
            case Need.COMMIT:
                known = stored.tags.get(COMMITS, "").split()
                latest = [str(self._standing.commit), *known][:_COMMITS]
                self._tag(stored, COMMITS, " ".join(latest))

    def _complete(self, stored: StoredRun, run: Run) -> None:
        """Log everything of `run` and end it. Values that were logged before stay the same."""
        run_id = stored.run_id
        # The observed values stay those of the run's creator, whoever completes the run.
        observed = json.loads(stored.tags.get(OBSERVED, "{}"))
        metrics = _values({**run.metrics, **observed}, stored) + _points(run.curves, stored)
        parameters = [Param(name, value) for name, value in run.parameters.items()]
        for some, others in zip_longest(
            _batches(parameters, _PARAMETERS_A_REQUEST),
            _batches(metrics, _METRICS_A_REQUEST),
            fillvalue=(),
        ):
            self.client.log_batch(run_id, metrics=others, params=some)
        if run.inputs:
            self.client.log_inputs(run_id, [_dataset(each) for each in run.inputs])
        with tempfile.TemporaryDirectory() as folder:
            for path in (*run.artifacts, *write_made(run, Path(folder))):
                self.client.log_artifact(run_id, path)
        self._end(stored, observed)
        self._completed.add(run_id)

    def _end(self, stored: StoredRun, observed: Mapping[str, float]) -> None:
        """End a run so that its duration is the training time; 0 if that was not observed."""
        milliseconds = round(1000 * observed.get("training_seconds", 0))
        self.client.set_terminated(stored.run_id, "FINISHED", stored.start_time + milliseconds)

    def _tag(self, stored: StoredRun, name: str, value: str) -> None:
        self.client.set_tag(stored.run_id, name, value)


def open_store(uri: str, experiment: str, root: Path, standing: Standing, restore: bool) -> Store:
    """Open an experiment of a store, and create both if they do not exist.

    Args:
        uri: the URI of the store.
        experiment: the name of the experiment.
        root: the repository, where a local store keeps its artifacts.
        standing: whether the results are official, and where they come from.
        restore: whether to bring back what a person deleted.
    """
    path = database(uri)
    if path is not None and not path.exists():
        _create_database(path)
    client = MlflowClient(uri)
    found = client.get_experiment_by_name(experiment)
    if found is None:
        # A server decides where artifacts go. A local store would use the caller's folder.
        local = (root.resolve() / ARTIFACTS).as_uri() if path is not None else None
        # Makes a UI before 3.17 show training runs, not prompts and traces.
        tags = {"mlflow.experimentKind": "custom_model_development"}
        made = client.create_experiment(experiment, artifact_location=local, tags=tags)
        return Store(client, made, standing, restore)
    if found.lifecycle_stage == "deleted":
        if not restore:
            return Store(client, None, standing, restore)
        client.restore_experiment(found.experiment_id)
    return Store(client, str(found.experiment_id), standing, restore)


def _create_database(path: Path) -> None:
    """Create a store beside `path` and move it there: a half-created one would be useless."""
    # Those who publish to a server do not need this import.
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    artifacts = (path.parent / ARTIFACTS).resolve().as_uri()
    store = SqlAlchemyStore(sqlite_uri(new), artifacts)  # type: ignore[no-untyped-call]
    store.engine.dispose()
    # Keep a store that a server has created meanwhile.
    try:
        path.hardlink_to(new)
    except FileExistsError:
        pass
    except OSError:
        # FAT, exFAT and some network mounts have no hard links. A store that a server creates
        # between this check and the renaming is lost, but nobody has been told of it yet.
        if not path.exists():
            new.rename(path)
    new.unlink(missing_ok=True)


def search(client: MlflowClient, experiment_id: str, root: str) -> Iterator[MlflowRun]:
    """Yield the runs of a family (a root and its children), including deleted ones.

    Args:
        client: MLflow's client for the store.
        experiment_id: the id of the experiment.
        root: the key of the family's root.
    """
    query, token = f"tags.`{ROOT}` = '{root}'", None
    while token != "":
        page = client.search_runs([experiment_id], query, ViewType.ALL, _PAGE, [], token)
        yield from page
        token = page.token or ""


def stored_run(run: MlflowRun) -> StoredRun:
    """Convert a run from MLflow's client to a `StoredRun`."""
    info = run.info
    return StoredRun(
        run_id=info.run_id,
        start_time=info.start_time,
        finished=info.status == "FINISHED",
        deleted=info.lifecycle_stage == "deleted",
        tags=run.data.tags,
    )


def _again_if_met(write: Callable[[], object]) -> None:
    """Write a tag, and try once more if another publisher has just created the same tag."""
    try:
        write()
    except MlflowException as error:
        if not is_by_another_publication(error):
            raise
        write()


def _observed(run: Run) -> dict[str, str]:
    """Return the values that were observed of a machine, as tags.

    Publishers may have observed different values. Each logs the values in the tags as metrics, so
    that two publishers log the same points.
    """
    if not run.observed:
        return {}
    machine = {"optledger.machine": run.machine} if run.machine else {}
    return {OBSERVED: canonical_json(run.observed), **machine}


def _values(metrics: Mapping[str, float], stored: StoredRun) -> list[Metric]:
    # Every point has the run's start time, so that logging a point twice leaves one point.
    return [Metric(name, value, stored.start_time, 0) for name, value in metrics.items()]


def _points(curves: pd.DataFrame, stored: StoredRun) -> list[Metric]:
    return [
        Metric(str(name), float(row[name]), stored.start_time, int(row["epoch"]))
        for row in curves.to_dict("records")
        for name in row
        if name != "epoch" and pd.notna(row[name])
    ]


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _dataset(each: Input) -> DatasetInput:
    return DatasetInput(
        Dataset(
            name=each.name,
            digest=each.checksum,
            source_type="local",
            source=json.dumps({"uri": each.path.as_posix()}),
            profile=json.dumps({"examples": each.examples}),
        ),
        [InputTag("mlflow.data.context", each.context)],
    )


def write_made(run: Run, folder: Path) -> Iterator[Path]:
    """Write the artifacts that are not files in results/, and yield their paths.

    These are the content of a root, and tables. A table is in the format of
    `MlflowClient.log_table`, which itself would append the rows to those of an earlier attempt.
    """
    if run.parent is None:
        path = folder / "content.json"
        path.write_text(canonical_json(run.content))
        yield path
    for name, table in run.tables.items():
        path = folder / f"{name}.json"
        table.to_json(path, orient="split", index=False)
        yield path
