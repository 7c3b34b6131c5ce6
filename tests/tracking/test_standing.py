"""Which results are official, told by real checkouts."""

import os
import time
from pathlib import Path

import pytest

from optledger.core.params import Publish
from optledger.tracking.standing import Standing, standing
from project import Project


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A committed checkout on the branch main, which is the working directory."""
    project = Project(tmp_path / "checkout")
    project.path.mkdir()
    project.begin()
    (project.path / "dvc.lock").write_text("one")
    project.commit()
    monkeypatch.chdir(project.path)
    return project


def told(experiment: str = "", official: bool | None = None, **settings: object) -> Standing:
    """Return what the results of the working directory are."""
    return standing(Publish.model_validate(settings), "c0ffee", experiment, official)


def test_a_commit_of_the_branch_is_official(checkout: Project) -> None:
    """Whatever else lies about, and also in a clone whose head is detached."""
    (checkout.path / "notes.txt").write_text("of mine")
    found = told()
    assert found.is_official
    assert found.tags["optledger.branch"] == "main"
    assert found.commit == found.tags["optledger.commit"]
    assert found.who == "Tests"
    clone = checkout.path.parent / "clone"
    checkout.run("git", "clone", "--quiet", ".", str(clone))
    os.chdir(clone)
    Project(clone).run("git", "checkout", "--quiet", "--detach")
    assert told().is_official
    assert told(branch="release").reason == "their commit is not on release"


def test_what_is_not_committed_is_a_try(checkout: Project) -> None:
    """A change of a file that Git has, or a result that it does not have; named by content."""
    (checkout.path / "dvc.lock").write_text("two")
    found = told()
    assert (found.attempt, found.reason) == ("main+c0ffee", "they are not committed")
    assert (found.status, found.tags["optledger.dirty"]) == ("try", "yes")
    assert found.commit is None
    checkout.run("git", "checkout", "--quiet", "dvc.lock")
    assert told().is_official
    (checkout.path / "results").mkdir()
    (checkout.path / "results/leaderboard.csv").write_text("")
    assert told().attempt == "main+c0ffee"


def test_another_branch_is_a_try_until_it_is_merged(checkout: Project) -> None:
    """Under its own name, which any commit of it has."""
    checkout.run("git", "switch", "--quiet", "--create", "lars/heavier")
    (checkout.path / "dvc.lock").write_text("two")
    checkout.commit()
    found = told()
    assert (found.attempt, found.reason) == ("lars/heavier", "their commit is not on main")
    checkout.run("git", "checkout", "--quiet", "main")
    checkout.run("git", "merge", "--quiet", "lars/heavier")
    merged = told()
    assert merged.is_official
    assert merged.commit == found.commit


def test_an_experiment_is_a_try(checkout: Project) -> None:
    """Even of a commit on the branch."""
    found = told("heavier")
    assert (found.attempt, found.reason) == ("heavier", "the DVC experiment heavier")
    assert found.tags["optledger.experiment"] == "heavier"


def test_a_person_may_say_otherwise(checkout: Project) -> None:
    """What they call official is newer than the commit that it is based on."""
    assert told(official=False).attempt == "main"
    commit = told()
    (checkout.path / "dvc.lock").write_text("two")
    forced = told(official=True)
    assert forced.is_official
    assert forced.age >= commit.age
    assert "optledger.try" not in forced.tags
    # No commit has them.
    assert (forced.commit, forced.is_declared) == (None, True)


def test_what_was_called_official_by_mistake_is_taken_back(checkout: Project) -> None:
    """By whoever calls the right results official, later."""
    old = ("git", "commit", "--quiet", "--amend", "--no-edit")
    checkout.run(*old, GIT_COMMITTER_DATE="2020-01-01T00:00:00")
    (checkout.path / "dvc.lock").write_text("two")
    mistaken = told(official=True)
    checkout.run("git", "checkout", "--quiet", "dvc.lock")
    assert told().age < mistaken.age
    right = told(official=True)
    assert right.age >= mistaken.age
    assert not right.is_declared
    assert right.commit


def test_a_clock_that_is_ahead_shuts_nobody_out(checkout: Project) -> None:
    """A commit is no newer than the moment in which it is published."""
    command = ("git", "commit", "--quiet", "--allow-empty", "--message", "later")
    checkout.run(*command, GIT_COMMITTER_DATE="2090-01-01T00:00:00")
    assert told().age[0] <= time.time()


def test_the_branch_of_a_commit_is_the_one_that_the_team_agreed_on(checkout: Project) -> None:
    """Whichever of those that have it is checked out."""
    checkout.run("git", "switch", "--quiet", "--create", "feature")
    assert told().tags["optledger.branch"] == "main"
    checkout.run("git", "checkout", "--quiet", "--detach")
    assert told().tags["optledger.branch"] == "main"


def test_later_commits_are_newer(checkout: Project) -> None:
    """Also those of the same second."""
    first = told()
    checkout.run("git", "commit", "--quiet", "--allow-empty", "--message", "later")
    assert told().age > first.age


def test_nobody_is_named_who_does_not_want_to_be(checkout: Project) -> None:
    """By one setting of the team."""
    assert told(who=False).who == ""


def test_without_git_results_are_a_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which their content names; so are those before the first commit."""
    monkeypatch.chdir(tmp_path)
    assert (told().attempt, told().reason) == ("no commit+c0ffee", "no commit has them")
    Project(tmp_path).run("git", "init", "--quiet", "--initial-branch", "main")
    assert told().attempt == "main+c0ffee"
