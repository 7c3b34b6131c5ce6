"""The workflows of a hosted service: what each job may do, and that what it calls is there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from project import REPOSITORY

WORKFLOWS = sorted((REPOSITORY / ".github/workflows").glob("*"))


def jobs(path: Path) -> Iterator[Any]:
    """The jobs of a workflow."""
    yield from YAML(typ="safe").load(path)["jobs"].values()


def steps() -> Iterator[Any]:
    """The steps of every job."""
    for path in WORKFLOWS:
        for job in jobs(path):
            yield from job["steps"]


def checks_out(job: Any) -> bool:
    """Whether a job has the change's code."""
    return any(step.get("uses", "").startswith("actions/checkout@") for step in job["steps"])


def test_actions_are_pinned() -> None:
    """Each by the hash of its commit, with the version beside it, the same wherever it is used."""
    pins = {}
    for path in WORKFLOWS:
        for line in path.read_text().splitlines():
            if "uses:" in line:
                pin = re.search(r"uses: (actions/[\w-]+)\S*@([0-9a-f]{40}) # (v[0-9.]+)$", line)
                assert pin, line
                assert pins.setdefault(pin[1], pin.groups()) == pin.groups()
    assert len(pins) == 5


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_change_cannot_write_with_its_code(path: Path) -> None:
    """A job that has the change's code may read it, sees no secret and keeps no token."""
    workflow = path.read_text()
    assert "pull_request_target" not in workflow
    assert "secrets" not in workflow
    assert YAML(typ="safe").load(path)["permissions"] == {}
    for job in filter(checks_out, jobs(path)):
        assert job["permissions"] == {"contents": "read"}
        assert "github.token" not in str(job)
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_what_may_write_runs_no_code_of_the_change() -> None:
    """The job that comments has no checkout: it downloads the report and posts it."""
    (job,) = [job for path in WORKFLOWS for job in jobs(path) if not checks_out(job)]
    assert job["permissions"] == {"pull-requests": "write"}
    assert [step.get("uses", "").partition("@")[0] for step in job["steps"]] == [
        "actions/download-artifact",
        "",
    ]


def test_no_expression_is_pasted_into_a_script() -> None:
    """What a branch or a title is called is never run."""
    assert not [step for step in steps() if "${{" in step.get("run", "")]


def test_the_targets_exist() -> None:
    """Whatever `make` is asked for is in the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    called = {
        name for step in steps() for name in re.findall(r"\bmake ([a-z]+)", step.get("run", ""))
    }
    assert called == {"setup", "check", "test", "review"}
    assert called <= targets
