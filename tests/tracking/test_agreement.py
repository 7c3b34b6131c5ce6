"""What a run is wanting, told from what a store holds of it."""

from itertools import permutations

import pytest

from optledger.tracking.agreement import (
    COMMITS,
    DUPLICATE_OF,
    KEY,
    METRICS,
    PARENT,
    Need,
    RunCounts,
    StoredRun,
    counted,
    elections,
    needs,
)
from optledger.tracking.run import Run
from optledger.tracking.standing import OFFICIAL, STATUS, TRY, Standing

PARENT_RUN = Run(content={"kind": "variant"}, name="adam")
CHILD = Run(content={"kind": "seed"}, name="adam seed 0", parent=PARENT_RUN)


def stored(
    run_id: str,
    run: Run = PARENT_RUN,
    finished: bool = True,
    deleted: bool = False,
    **tags: str,
) -> StoredRun:
    """Return a run as a store holds it."""
    names = {
        **{"duplicate_of": DUPLICATE_OF, "parent": PARENT},
        **{"commits": COMMITS, "metrics": METRICS, "status": STATUS},
    }
    named = {names[name]: value for name, value in tags.items()}
    return StoredRun(run_id, 0, finished, deleted, {KEY: run.key, **named})


def wants(
    run: Run,
    *held: StoredRun,
    commit: str | None = None,
    restore: bool = False,
    attempt: str = "a try",
) -> list[Need]:
    """Return what `run` is wanting where a store holds `held`."""
    standing = Standing(attempt, commit=commit)
    return list(needs(run, elections(held), standing, restore))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_publishers_elect_the_same(order: tuple[int, ...]) -> None:
    """The lowest id of what is active and no duplicate, in whatever order they are found."""
    held = [stored("b", finished=False), stored("c"), stored("a", deleted=True, duplicate_of="b")]
    election = elections(held[place] for place in order)[PARENT_RUN.key]
    assert election.elected is held[0]
    assert election.duplicates == (held[1],)
    assert election.removed is None


def test_what_is_absent_is_created() -> None:
    """Also where all that is left are duplicates that were deleted."""
    assert wants(PARENT_RUN) == [Need.CREATION]
    assert wants(PARENT_RUN, stored("a", deleted=True, duplicate_of="b")) == [Need.CREATION]
    assert wants(CHILD, stored("a")) == [Need.CREATION]


def test_what_is_unfinished_is_completed() -> None:
    """Whoever began it."""
    assert wants(PARENT_RUN, stored("a", finished=False)) == [Need.COMPLETION]


def test_a_duplicate_gives_way() -> None:
    """Also one that a publisher marked and did not come to delete, and one that was restored."""
    assert wants(PARENT_RUN, stored("a"), stored("b")) == [Need.DEDUPLICATION]
    assert wants(PARENT_RUN, stored("b"), stored("a", duplicate_of="b")) == [Need.DEDUPLICATION]
    removed = stored("b", deleted=True)
    assert wants(PARENT_RUN, removed, stored("a", duplicate_of="b")) == [Need.DEDUPLICATION]
    # All that is there, after the one that it was a duplicate of was purged.
    assert wants(PARENT_RUN, stored("a", duplicate_of="b")) == []


def test_what_a_person_deleted_is_brought_back_if_asked() -> None:
    """With its children, those that it never had as well."""
    removed = stored("a", deleted=True)
    assert wants(PARENT_RUN, removed) == []
    assert wants(PARENT_RUN, removed, restore=True) == [Need.RESTORATION]
    assert wants(CHILD, removed) == []
    assert wants(CHILD, removed, restore=True) == [Need.CREATION]


def test_a_child_follows_its_elected_parent() -> None:
    """By the tag that MLflow draws the tree by."""
    child = stored("c", CHILD, parent="b")
    assert wants(CHILD, stored("a"), stored("b"), child) == [Need.PARENT]
    assert wants(CHILD, stored("b"), child) == []


def test_a_commit_is_added_to_a_root_once() -> None:
    """And to no child, which is where its root is."""
    assert wants(PARENT_RUN, stored("a"), commit="x") == [Need.COMMIT]
    assert wants(PARENT_RUN, stored("a", commits="y x"), commit="x") == []
    assert wants(CHILD, stored("a"), stored("c", CHILD, parent="a"), commit="x") == []


def test_what_becomes_official_is_marked_once() -> None:
    """The root, whether a try or an earlier version made it; no try makes it one again."""
    for before in (stored("a"), stored("a", status=TRY)):
        assert wants(PARENT_RUN, before, attempt="") == [Need.MARK]
    assert wants(PARENT_RUN, stored("a", status=OFFICIAL), attempt="") == []
    assert wants(PARENT_RUN, stored("a", status=OFFICIAL)) == []
    assert wants(CHILD, stored("a"), stored("c", CHILD, parent="a"), attempt="") == []


def test_a_try_that_takes_the_place_of_an_official_run_is_marked_before_that_goes() -> None:
    """Two create the same run, and the lowest id, which is elected, is the try's."""
    held = [stored("a", status=TRY), stored("b", status=OFFICIAL)]
    assert wants(PARENT_RUN, *held) == [Need.MARK, Need.DEDUPLICATION]
    gone = stored("b", deleted=True, duplicate_of="a", status=OFFICIAL)
    assert wants(PARENT_RUN, held[0], gone) == [Need.MARK]


def test_tags_of_later_versions_are_added() -> None:
    """To a run that a store has had for long."""
    run = Run(content={"kind": "variant"}, name="adam", tags={"seeds": "10"})
    assert wants(run, stored("a")) == [Need.TAGS]


def test_metrics_of_another_name_are_added() -> None:
    """As of other targets: a finished run has those that it was published with."""
    run = Run(content={"kind": "variant"}, name="adam", metrics={"a": 1.0, "b": 2.0})
    assert wants(run, stored("a", metrics="a")) == [Need.METRICS]
    assert wants(run, stored("a", metrics="b a c")) == []
    assert wants(run, stored("a", finished=False)) == [Need.COMPLETION]


def test_a_run_without_its_key_is_none() -> None:
    """A person may delete a tag."""
    assert elections([StoredRun("a", 0, True, False, {})]) == {}


def test_a_publication_counts_each_run_once() -> None:
    """As what it did first of all; a run that someone deleted is none."""
    held = [stored("a"), stored("c", CHILD, parent="a")]
    assert wants(PARENT_RUN, *held) == wants(CHILD, *held) == []
    runs = [PARENT_RUN, CHILD]
    assert counted(runs, held) == RunCounts(present=2)
    assert counted(runs, held, ["a", "lost"], ["a", "c"]) == RunCounts(created=1, completed=1)
    assert counted(runs, held[:1]) == RunCounts(present=1, deleted=1)
