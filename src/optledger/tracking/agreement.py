"""Computes what a tracking store still lacks, from its current contents.

MLflow has no unique keys, and a request whose answer was lost may be carried out twice. So a run
may exist more than once. Every publisher then keeps the same copy. It marks the others as
duplicates before it deletes them, which distinguishes them from runs that a person deleted.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

from optledger.tracking.run import Run
from optledger.tracking.standing import OFFICIAL, STATUS, Standing

KEY, KIND, ROOT = "optledger.key", "optledger.kind", "optledger.root"
DUPLICATE_OF, COMMITS = "optledger.duplicate_of", "optledger.commits"
METRICS, OBSERVED = "optledger.metrics", "optledger.observed"
PARENT = "mlflow.parentRunId"


@dataclass(frozen=True)
class StoredRun:
    """A run that a store holds.

    Attributes:
        run_id: the run's id in the store.
        start_time: when the run was created, in milliseconds since 1970.
        finished: whether everything was logged.
        deleted: whether the run was deleted, by a person or as a duplicate.
        tags: all tags of the run.
    """

    run_id: str
    start_time: int
    finished: bool
    deleted: bool
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Election:
    """The choice of one run among those with the same key.

    A run is active unless it was deleted.

    Attributes:
        elected: the run to keep: the active one with the lowest id, so that all publishers agree.
            Runs not marked as duplicates come first. None if `removed` is set or none is active.
        duplicates: the other active runs.
        removed: the run that a person deleted, where every active run is marked as a duplicate or
            none is active.
        official: the run, deleted or not, that is marked as official.
    """

    elected: StoredRun | None = None
    duplicates: tuple[StoredRun, ...] = ()
    removed: StoredRun | None = None
    official: StoredRun | None = None


class Need(Enum):
    """Something that a run still needs in the store."""

    CREATION = auto()
    RESTORATION = auto()
    MARK = auto()
    DEDUPLICATION = auto()
    COMPLETION = auto()
    METRICS = auto()
    TAGS = auto()
    PARENT = auto()
    COMMIT = auto()


class RunCounts(NamedTuple):
    """What became of the runs of a publication, as counts.

    Attributes:
        created: runs that the publication created.
        completed: runs that another publication had begun, and runs that were restored.
        present: runs that were there already.
        deleted: runs that are missing because a person deleted them.
    """

    created: int = 0
    completed: int = 0
    present: int = 0
    deleted: int = 0


def elections(stored: Iterable[StoredRun]) -> dict[str, Election]:
    """Elect a run for each run key; return the elections by key."""
    by_key = defaultdict(list)
    for run in stored:
        if KEY in run.tags:
            by_key[run.tags[KEY]].append(run)
    return {key: _elect(runs) for key, runs in by_key.items()}


def run_ids(stored: Iterable[StoredRun]) -> dict[str, str]:
    """Return the ids of the elected runs, by run key."""
    found = elections(stored).items()
    return {key: election.elected.run_id for key, election in found if election.elected}


def needs(
    run: Run, found: Mapping[str, Election], standing: Standing | None, restore: bool = False
) -> Iterator[Need]:
    """Yield what `run` still needs in the store, in the order in which it can be done.

    Args:
        run: the run that the store should hold.
        found: elections by key, including those of the run and of its root.
        standing: the standing of the results; None to ignore marks and commits.
        restore: whether to bring back what a person deleted.
    """
    own, root = found.get(run.key, Election()), found.get(run.root.key, Election())
    if own.elected and not run.parent and standing and _lacks_mark(own, standing):
        # Before duplicates are deleted: the official run may be one of them.
        yield Need.MARK
    if own.duplicates:
        yield Need.DEDUPLICATION
    if own.removed or (root.removed and not own.elected):
        if restore:
            yield Need.RESTORATION if own.removed else Need.CREATION
        return
    elected = own.elected
    if elected is None:
        yield Need.CREATION
        return
    if run.parent and root.elected and elected.tags.get(PARENT) != root.elected.run_id:
        yield Need.PARENT
    if not elected.finished:
        yield Need.COMPLETION
    # Metrics are named after targets and confidence. Other settings bring further metrics.
    elif not run.metrics.keys() <= {*elected.tags.get(METRICS, "").split()}:
        yield Need.METRICS
    # Runs of an earlier version of this program lack some tags.
    if not run.stored_tags.keys() <= elected.tags.keys():
        yield Need.TAGS
    commit = standing.commit if standing and not run.parent else None
    if commit and commit not in elected.tags.get(COMMITS, "").split():
        yield Need.COMMIT


def _lacks_mark(election: Election, standing: Standing) -> bool:
    """Whether a run still has to be marked as official. An official run stays official."""
    elected = election.elected
    official = standing.is_official or election.official
    return bool(official and elected and elected.tags.get(STATUS) != OFFICIAL)


def counted(
    runs: Sequence[Run],
    stored: Iterable[StoredRun],
    created: Collection[str] = (),
    completed: Collection[str] = (),
) -> RunCounts:
    """Count what became of `runs`, once they need nothing more.

    Args:
        runs: the runs of a publication.
        stored: the runs that the store holds of them.
        created: the ids of the runs that the publication created.
        completed: the ids of the runs that it completed.
    """
    found = elections(stored)
    elected = [found.get(run.key, Election()).elected for run in runs]
    ids = {each.run_id for each in elected if each}
    made, ended = len(ids & {*created}), len(ids & {*completed} - {*created})
    return RunCounts(made, ended, len(ids) - made - ended, len(runs) - len(ids))


def champion_of(runs: Sequence[Run]) -> Run | None:
    """Return the champion's run, whose model is to be registered; None if there is no champion."""
    for comparison in runs:
        if comparison.model is not None:
            name = comparison.tags["champion"]
            return next((run for run in runs if run.kind == "variant" and run.name == name), None)
    return None


def _elect(runs: Sequence[StoredRun]) -> Election:
    """Elect one run among those with the same key.

    A run that is marked as a duplicate stays a duplicate, even if someone restores it. If all runs
    are marked, for example after a clean-up of deleted runs, an active one of them is elected.
    """
    ordered = sorted(runs, key=lambda run: (DUPLICATE_OF in run.tags, run.run_id))
    active = [run for run in ordered if not run.deleted]
    removed = [run for run in ordered if run.deleted and DUPLICATE_OF not in run.tags]
    official = next((run for run in ordered if run.tags.get(STATUS) == OFFICIAL), None)
    if removed and all(DUPLICATE_OF in run.tags for run in active):
        return Election(None, tuple(active), removed[0], official)
    return Election(active[0] if active else None, tuple(active[1:]), official=official)
