"""Commands in a damaged checkout, or with odd words and variables: right, or a line."""

from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from glob import escape
from os.path import normpath
from typing import Any

import pytest
from damages import damaged, documents, words
from hypothesis import example, given
from hypothesis import strategies as st
from profiles import examples
from programs import COMMANDS, Checkout, Programs
from refusals import assert_sound

from optledger.core.documents import parse_yaml

DOCUMENTS = (
    *("params.yaml", "dvc.yaml", "dvc.lock", "datasets/digits.yaml"),
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


def _lost(checkout: Checkout, command: tuple[str, ...], *damaged: str) -> list[str]:
    """Return what a command changed that it must not: a file of the user's, or what is damaged."""
    allowed = (*COMMANDS[command], *damaged)
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
        return (
            b'[core]\n    remote = far\n[cache]\n    dir = /nowhere\n[remote "far"]\n    url = /x\n'
        )
    return checkout.content(name)


@pytest.mark.parametrize("names", [DOCUMENTS, RESULTS], ids=["documents", "results"])
@pytest.mark.usefixtures("_whole")
def test_damaged_checkouts(
    names: tuple[str, ...], tally: Counter[str], checkout: Checkout, programs: Programs
) -> None:
    """Nothing of the user's is lost; `verify` and `publish` do not pass what is not of the lock."""

    @examples(test=3, fuzz=250, slow=True)
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
    commands = [
        "power",
        "tensorboard",
        "history",
        "review",
        "verify",
        "schema",
        "publish",
        "experiment",
    ]
    lines = st.tuples(st.sampled_from([*commands, ""]), st.lists(words, max_size=4))

    @examples(test=8, fuzz=800, slow=True)
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


VARIABLES = (
    *("OPTLEDGER_WORKERS", "OPTLEDGER_MIRROR", "MLFLOW_TRACKING_URI", "MLFLOW_WORKSPACE"),
    *("DVC_ROOT", "DVC_STAGE", "DVC_GLOBAL_CONFIG_DIR", "DVC_SITE_CACHE_DIR", "DVC_CACHE_DIR"),
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_CONFIG_GLOBAL", "GIT_CEILING_DIRECTORIES"),
    *("GIT_TRACE", "GIT_CONFIG_COUNT", "HOME", "TMPDIR", "PATH", "COLUMNS", "LINES", "NO_COLOR"),
    *("TERM", "FORCE_COLOR", "LANG", "LC_ALL", "TZ", "MPLBACKEND", "MPLCONFIGDIR", "TQDM_DISABLE"),
    *("SOURCE_DATE_EPOCH", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "NO_SUCH_VARIABLE"),
)
FOLDERS = ("DVC_ROOT", "DVC_SITE_CACHE_DIR", "HOME", "MPLCONFIGDIR", "XDG_CACHE_HOME")
values = words | st.sampled_from(["sqlite:///x.db", "http://127.0.0.1:9", "file:x", "odd://", "C"])


@pytest.mark.usefixtures("_whole")
def test_variables(tally: Counter[str], checkout: Checkout, programs: Programs) -> None:
    """Whatever is set: nothing of the user's is lost."""
    environments = st.dictionaries(st.sampled_from(VARIABLES), values, min_size=1, max_size=3)

    @examples(test=2, fuzz=200, slow=True)
    @given(environments, st.sampled_from(list(COMMANDS)))
    def property_(environment: dict[str, str], command: tuple[str, ...]) -> None:
        checkout.restore()
        ended = programs.run(*command, environment=environment)
        assert_sound(tally, ended, verdicts=command[1:2] == ("verify",))
        # Where DVC and others are told to keep what they note down.
        told = (environment.get(name) for name in FOLDERS)
        folders = [f"{escape(normpath(value))}/*" for value in told if value]
        assert not _lost(checkout, command, "x.db*", *folders)

    property_()


@pytest.mark.usefixtures("_whole")
def test_streams(tally: Counter[str], checkout: Checkout, programs: Programs) -> None:
    """Whatever Python is told of streams and languages, a program of its own starts and prints."""
    encodings = st.sampled_from(["ascii", "latin-1", "utf-16", "cp037", "utf-8:strict", ":odd"])
    locales = st.sampled_from(["C", "POSIX", "C.UTF-8", "de_DE", "odd", ""])

    @examples(test=1, fuzz=20, slow=True)
    @given(encodings, locales, st.sampled_from(["0", "1"]), st.sampled_from([["--json"], []]))
    def property_(encoding: str, locale: str, utf8: str, arguments: list[str]) -> None:
        names = ("PYTHONIOENCODING", "LC_ALL", "PYTHONUTF8")
        environment = dict(zip(names, (encoding, locale, utf8), strict=True))
        assert_sound(tally, programs.start("review", "HEAD", *arguments, **environment))

    property_()
