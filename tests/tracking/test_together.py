"""Publications by several processes at once, to one store."""

import itertools
import json
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path

import pytest

import warm
from publication import SECONDS, contents, differences, make_checkout, without_tries
from servers import MEMORY, mlflow_server
from torture import Bench, go, publisher


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What is published."""
    return make_checkout(tmp_path / "checkout")


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder for a store."""
    with tempfile.TemporaryDirectory(prefix="optledger-", dir=MEMORY) as name:
        yield Path(name)


def publish_at_once(
    checkout: Path,
    root: Path,
    seconds: Sequence[float],
    name: str = "together",
    tries: Sequence[str] = (),
    **variables: str,
) -> Counter[str]:
    """Publish from a process for each of `seconds`, all at once; return what they did in all.

    The first of them are tries, of these names.
    """
    python = warm.python()
    publishers = [
        publisher(checkout, name, root, each, python, attempt, **variables)
        for each, attempt in zip_longest(seconds, tries, fillvalue="")
    ]
    try:
        go(*publishers)
        done: Counter[str] = Counter()
        for process in publishers:
            printed, errors = process.communicate(timeout=300)
            assert process.returncode == 0, errors
            done.update(json.loads(printed.splitlines()[-1]))
        return done
    finally:
        for process in publishers:
            process.kill()
            process.communicate()


def test_eight_publish_to_a_fresh_file(checkout: Path, folder: Path, server: Bench) -> None:
    """Whose tables each finds missing; of their different observations, a run has those of one."""
    took = [0.5 + number for number in range(8)]
    done = publish_at_once(checkout, folder, took)
    assert done["created"] == 5
    assert sum(done.values()) == 8 * 5
    store = contents(f"sqlite:///{folder / 'mlflow.db'}", "together", folder)
    for run in itertools.chain(*store.values()):
        if SECONDS in run.get("metrics", ()):
            ((_, _, value),) = run["metrics"][SECONDS]
            assert value in took
            assert json.loads(run["tags"]["optledger.observed"]) == {SECONDS: value}
            # As the reference has it.
            run["metrics"][SECONDS] = [(0, 0, 0.5)]
            run["tags"]["optledger.observed"] = json.dumps({SECONDS: 0.5}, separators=(",", ":"))
    assert differences(store, server.reference) == []


def test_four_publish_to_a_server_on_postgresql(
    checkout: Path, folder: Path, database: str, server: Bench
) -> None:
    """Nothing is lost or doubled, and two tries among them leave no mark.

    They are of the same results: once one calls them official, they are so. Each try has a record.
    """
    tries = [f"try{number}" for number in range(2)]
    with mlflow_server(folder, database) as uri:
        done = publish_at_once(checkout, folder, [0.5] * 4, tries=tries, MLFLOW_TRACKING_URI=uri)
        store = contents(uri, "together", folder / "artifacts")
    assert sum(done.values()) == 4 * 5
    assert differences(without_tries(store), server.reference) == []
    (experiment,) = store["experiment"]
    assert {f"optledger.try.{name}" for name in tries} <= experiment["tags"].keys()


def test_a_file_that_a_server_reads_is_published_to(
    checkout: Path, folder: Path, server: Bench
) -> None:
    """Two publish to it while someone looks at it in the UI all the time."""
    uri = f"sqlite:///{server.folder / 'server.db'}"
    stop, failures = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                contents(server.server, "together", folder)
            except Exception as error:
                failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        publish_at_once(checkout, folder, [0.5] * 2, MLFLOW_TRACKING_URI=uri)
    finally:
        stop.set()
        reader.join()
    assert failures == []
    assert differences(contents(uri, "together", folder), server.reference) == []
