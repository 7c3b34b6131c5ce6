"""What is wanting until a tracking store agrees with a list of runs, told from what it holds.

MLflow has no key that must be unique, and a request whose answer was lost may be carried out twice.
So every publisher of a run that is there more than once keeps the same one, and marks the others as
duplicates before it deletes them, that they be told from what a person deleted.
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
        run_id: by which the store knows it.
        start_time: of the run, in milliseconds since 1970: when it was created.
        finished: whether all of it was logged.
        deleted: whether it was deleted, by a person or as a duplicate.
        tags: all of them.
    """

    run_id: str
    start_time: int
    finished: bool
    deleted: bool
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Election:
    """Which of the runs with one key is the one.

    Attributes:
        elected: of those that are active, the one with the lowest id, on which all publishers
            agree; None where there is none.
        duplicates: the others that are active.
        removed: what a person deleted, where no run is active.
        official: that of the runs with the key, deleted or not, which is marked as official.
    """

    elected: StoredRun | None = None
    duplicates: tuple[StoredRun, ...] = ()
    removed: StoredRun | None = None
    official: StoredRun | None = None


class Need(Enum):
    """What a run is wanting."""

    CREATION = auto()
    RESTORATION = auto()
    MARK = auto()
    DEDUPLICATION = auto()
    COMPLETION = auto()
    METRICS = auto()
    TAGS = auto()
    PARENT = auto()
    COMMIT = auto()


class Published(NamedTuple):
    """What became of the runs of a publication.

    Attributes:
        created: those that it made.
        completed: those that another one had begun, and those that it brought back.
        present: those that were there.
        deleted: those that a person deleted, and that are therefore not there.
    """

    created: int = 0
    completed: int = 0
    present: int = 0
    deleted: int = 0


def elections(stored: Iterable[StoredRun]) -> dict[str, Election]:
    """Return the election of each run key."""
    by_key = defaultdict(list)
    for run in stored:
        if KEY in run.tags:
            by_key[run.tags[KEY]].append(run)
    return {key: _elect(runs) for key, runs in by_key.items()}


def run_ids(stored: Iterable[StoredRun]) -> dict[str, str]:
    """Return the ids of the elected runs by run key."""
    found = elections(stored).items()
    return {key: election.elected.run_id for key, election in found if election.elected}


def needs(
    run: Run, found: Mapping[str, Election], standing: Standing | None, restore: bool = False
) -> Iterator[Need]:
    """Yield what `run` is wanting, in the order in which it can be given.

    Args:
        run: what the store is to hold.
        found: the elections of its key and of its root's.
        standing: of the results; None where it is not asked what runs say of that.
        restore: whether to bring back what a person deleted.
    """
    own, root = found.get(run.key, Election()), found.get(run.root.key, Election())
    if own.elected and not run.parent and standing and _lacks_mark(own, standing):
        # Before duplicates go, one of which may be the one that has it.
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
    # As of other targets, or of another confidence: they are named by those.
    elif not run.metrics.keys() <= {*elected.tags.get(METRICS, "").split()}:
        yield Need.METRICS
    # As of an earlier version of this program.
    if not run.stored_tags.keys() <= elected.tags.keys():
        yield Need.TAGS
    commit = standing.commit if standing and not run.parent else None
    if commit and commit not in elected.tags.get(COMMITS, "").split():
        yield Need.COMMIT


def _lacks_mark(election: Election, standing: Standing) -> bool:
    """Whether a run is to be marked as official; once it is, nothing makes it a try again."""
    elected = election.elected
    official = standing.is_official or election.official
    return bool(official and elected and elected.tags.get(STATUS) != OFFICIAL)


def counted(
    runs: Sequence[Run],
    stored: Iterable[StoredRun],
    created: Collection[str] = (),
    completed: Collection[str] = (),
) -> Published:
    """Count what became of `runs`, which want nothing any more.

    Args:
        runs: what a publication was of.
        stored: what the store holds of them.
        created: the ids of the runs that the publication made.
        completed: the ids of those that it completed.
    """
    found = elections(stored)
    elected = [found.get(run.key, Election()).elected for run in runs]
    ids = {each.run_id for each in elected if each}
    made, ended = len(ids & {*created}), len(ids & {*completed} - {*created})
    return Published(made, ended, len(ids) - made - ended, len(runs) - len(ids))


def champion_of(runs: Sequence[Run]) -> Run | None:
    """Return the run of the variant whose model is to be registered; None where there is none."""
    for comparison in runs:
        if comparison.model is not None:
            name = comparison.tags["champion"]
            return next((run for run in runs if run.kind == "variant" and run.name == name), None)
    return None


def _elect(runs: Sequence[StoredRun]) -> Election:
    """Elect one run of those with the same key.

    What is marked as a duplicate is none again if someone restores it. Without any that is not,
    as after a clean-up of deleted runs, one of them has to do.
    """
    ordered = sorted(runs, key=lambda run: (DUPLICATE_OF in run.tags, run.run_id))
    active = [run for run in ordered if not run.deleted]
    removed = [run for run in ordered if run.deleted and DUPLICATE_OF not in run.tags]
    official = next((run for run in ordered if run.tags.get(STATUS) == OFFICIAL), None)
    if removed and all(DUPLICATE_OF in run.tags for run in active):
        return Election(None, tuple(active), removed[0], official)
    return Election(active[0] if active else None, tuple(active[1:]), official=official)
