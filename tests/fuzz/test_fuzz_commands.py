"""Real commands in a checkout that is damaged, or with odd words and variables: right, or a line."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from damages import damaged, documents, words
from optledger.documents import parse_yaml
from optledger.errors import UserError
from profiles import examples
from programs import Checkout, Programs
from refusals import assert_sound

COMMANDS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("optledger", "power"): (),
    ("optledger", "tensorboard"): ("build/tensorboard/*",),
    ("optledger", "verify"): (),
    ("optledger", "publish"): ("mlflow.db*", "mlartifacts/*"),
    ("optledger", "review", "HEAD"): (),
    ("optledger", "review", "workspace", "HEAD", "--json"): (),
    ("stages.preprocess",): ("data/prepared/*",),
    ("stages.compare",): ("results/*.csv", "results/*.md"),
    ("stages.report",): ("results/report.*", "results/answer.svg"),
    ("stages.case", "linear_regression"): ("results/cases/linear_regression/*",),
}
"""Each with what it may write."""

DOCUMENTS = (
    *("params.yaml", "dvc.yaml", "dvc.lock", "src/optledger/datasets/registry.yaml"),
    *(".dvc/config", ".dvc/config.local", ".dvcignore", ".gitignore"),
)
RESULTS = (
    *("results/seeds.csv", "results/leaderboard.csv", "results/comparisons.csv"),
    *("results/curves.csv", "results/metrics.json", "results/test/split.json"),
    *("results/test/labels.npz", "results/predictions/gd.npz", "results/trials/gd/history.csv"),
    *("data/prepared/summary.json", "data/raw/test-labels", "results/report.html"),
)


@pytest.fixture
def _whole(checkout: Checkout) -> Iterator[None]:
    """Leave the checkout as it was."""
    yield
    checkout.restore()


def _lost(checkout: Checkout, command: tuple[str, ...], damaged: str) -> list[str]:
    """Return what a command changed that it must not: a file of the user's, or what is damaged."""
    allowed = (*COMMANDS[command], damaged)
    return [each for each in checkout.changed() if not any(fnmatch(each, own) for own in allowed)]


def _damaged_file(checkout: Checkout, names: tuple[str, ...]) -> st.SearchStrategy[Any]:
    """Return the name of a file and what becomes of it."""

    def of(name: str) -> st.SearchStrategy[Any]:
        content = _content(checkout, name)
        odd = documents(content) if name.endswith(".yaml") else damaged(content)
        return st.tuples(st.just(name), odd)

    return st.one_of(map(of, names))


def _content(checkout: Checkout, name: str) -> bytes:
    if name.endswith(".local"):
        return b'[core]\n    remote = far\n[cache]\n    dir = /nowhere\n[remote "far"]\n    url = /x\n'
    return checkout.content(name)


@pytest.mark.parametrize("names", [DOCUMENTS, RESULTS], ids=["documents", "results"])
@pytest.mark.usefixtures("_whole")
def test_damaged_checkouts(
    names: tuple[str, ...], tally: Counter[str], checkout: Checkout, programs: Programs
) -> None:
    """Nothing of the user's is lost; `verify` and `publish` do not pass what is not of the lock."""

    @examples(test=6, fuzz=350)
    @given(_damaged_file(checkout, names), st.sampled_from(list(COMMANDS)))
    def property_(file: tuple[str, bytes], command: tuple[str, ...]) -> None:
        name, content = file
        checkout.restore()
        (checkout.path / name).write_bytes(content)
        ended = programs.run(*command)
        assert_sound(tally, ended, verdicts=command[1:2] == ("verify",))
        assert not _lost(checkout, command, name)
        if command[-1] in ("verify", "publish") and ended.status == 0:
            assert names is DOCUMENTS or content == checkout.content(name)
            assert name != "dvc.lock" or _outputs(content) == _outputs(checkout.content(name))

    property_()


def _outputs(lock: bytes) -> Any:
    """Return what a lock records of the outputs that are published."""
    stages = parse_yaml(lock, "dvc.lock")["stages"]
    return {name: stage["outs"] for name, stage in stages.items() if "outs" in stage}


@pytest.mark.usefixtures("_whole")
def test_command_lines(tally: Counter[str], checkout: Checkout, programs: Programs) -> None:
    """Whatever is typed: nothing but what a command writes is written."""
    checkout.restore()
    whole = checkout.path / "build/tensorboard-of-mine"
    whole.mkdir(parents=True)
    (whole / "notes.txt").write_text("mine")
    commands = ["power", "tensorboard", "review", "verify", "schema", "publish", "experiment"]
    lines = st.tuples(st.sampled_from([*commands, ""]), st.lists(words, max_size=4))

    @examples(test=12, fuzz=1000)
    @given(lines)
    @example(("tensorboard", ["build/tensorboard-of-mine"]))
    def property_(line: tuple[str, list[str]]) -> None:
        command, arguments = line
        ended = programs.run("optledger", command, *arguments)
        assert_sound(tally, ended, verdicts=command in ("verify", "review"))
        assert (whole / "notes.txt").read_text() == "mine"
        lost = {"results/", "data/", "src/", ".git/", "params.yaml", "dvc."}
        assert not [each for each in checkout.changed() if each.startswith(tuple(lost))]

    property_()
