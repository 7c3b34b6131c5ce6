"""Publications by several processes at once, to one store."""

import json
import threading
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from publication import contents, differences, make_checkout
from servers import mlflow_server
from torture import Bench, go, publisher

SECONDS = "seconds_per_epoch"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What is published."""
    return make_checkout(tmp_path / "checkout")


def publish_at_once(
    checkout: Path, root: Path, seconds: Sequence[float], **environment: str
) -> Counter[str]:
    """Publish from a process for each of `seconds`, all at once; return what they did in all."""
    publishers = [publisher(checkout, "e", root, str(each), **environment) for each in seconds]
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


def test_eight_publish_to_a_fresh_file(checkout: Path, tmp_path: Path, server: Bench) -> None:
    """Whose tables each finds missing; of their different observations, a run has those of one."""
    took = [0.5 + number for number in range(8)]
    done = publish_at_once(checkout, tmp_path, took)
    assert done["created"] == 5
    assert sum(done.values()) == 8 * 5
    store = contents(f"sqlite:///{tmp_path / 'mlflow.db'}", "e", tmp_path)
    for (run,) in store["active"].values():
        if SECONDS in run["metrics"]:
            ((_, _, value),) = run["metrics"][SECONDS]
            assert value in took
            assert json.loads(run["tags"]["optledger.observed"]) == {SECONDS: value}
            # As the reference has it.
            run["metrics"][SECONDS] = [(0, 0, 0.5)]
            run["tags"]["optledger.observed"] = json.dumps({SECONDS: 0.5}, separators=(",", ":"))
    assert differences(store, server.reference) == []


def test_eight_publish_to_a_server_on_postgresql(
    checkout: Path, tmp_path: Path, database: str, server: Bench
) -> None:
    """Nothing is lost, and nothing doubled."""
    with mlflow_server(tmp_path, database) as uri:
        done = publish_at_once(checkout, tmp_path, [0.5] * 8, MLFLOW_TRACKING_URI=uri)
        store = contents(uri, "e", tmp_path / "artifacts")
    assert differences(store, server.reference) == []
    assert sum(done.values()) == 8 * 5
    # Two may have created the same, of which one was deleted.
    print(done, {key: len(runs) for key, runs in store["deleted"].items()})


def test_a_file_that_a_server_reads_is_published_to(
    checkout: Path, tmp_path: Path, server: Bench
) -> None:
    """Two publish to it while someone looks at it in the UI all the time."""
    uri = f"sqlite:///{server.folder / 'server.db'}"
    stop, failures = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            try:
                contents(server.server, "e", tmp_path)
            except Exception as error:
                failures.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        publish_at_once(checkout, tmp_path, [0.5] * 2, MLFLOW_TRACKING_URI=uri)
    finally:
        stop.set()
        reader.join()
    assert failures == []
    assert differences(contents(uri, "e", tmp_path), server.reference) == []
