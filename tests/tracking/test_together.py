"""Publications by several processes at once, to one store."""

import json
import threading
from collections import Counter
from pathlib import Path

import pytest

from publication import contents, differences, make_checkout
from servers import mlflow_server
from torture import Bench, go, publisher


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What is published."""
    return make_checkout(tmp_path / "checkout")


def publish_at_once(
    checkout: Path, root: Path, seconds: list[str], **environment: str
) -> Counter[str]:
    """Publish from a process for each of `seconds`, all at once; return what they did in all."""
    publishers = [publisher(checkout, "e", root, each, **environment) for each in seconds]
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
    """Whose tables each of them finds missing."""
    done = publish_at_once(checkout, tmp_path, ["0.5"] * 8)
    store = contents(f"sqlite:///{tmp_path / 'mlflow.db'}", "e", tmp_path)
    assert differences(store, server.reference) == []
    assert done["created"] == 5
    assert sum(done.values()) == 40


def test_eight_publish_to_a_server_on_postgresql(
    checkout: Path, tmp_path: Path, database: str, server: Bench
) -> None:
    """Nothing is lost, and nothing doubled."""
    with mlflow_server(tmp_path, database) as uri:
        publish_at_once(checkout, tmp_path, ["0.5"] * 8, MLFLOW_TRACKING_URI=uri)
        store = contents(uri, "e", tmp_path / "artifacts")
    assert differences(store, server.reference) == []


def test_of_two_observations_a_run_has_one(checkout: Path, tmp_path: Path) -> None:
    """Two machines that took different times for the same trials publish them at once."""
    publish_at_once(checkout, tmp_path, ["0.5", "2.5"])
    store = contents(f"sqlite:///{tmp_path / 'mlflow.db'}", "e", tmp_path)
    assert [len(found) for found in store["active"].values()] == [1] * 5
    for (run,) in store["active"].values():
        if "seconds_per_epoch" in run["metrics"]:
            ((_, _, value),) = run["metrics"]["seconds_per_epoch"]
            assert value in (0.5, 2.5)


def test_a_file_that_a_server_reads_is_published_to(
    checkout: Path, tmp_path: Path, server: Bench
) -> None:
    """The UI is open on it, and asks all the time."""
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    stop = threading.Event()
    failures: list[Exception] = []

    def read(url: str) -> None:
        while not stop.is_set():
            try:
                contents(url, "e", tmp_path)
            except Exception as error:
                failures.append(error)

    with mlflow_server(tmp_path, uri) as url:
        reader = threading.Thread(target=read, args=[url])
        reader.start()
        try:
            publish_at_once(checkout, tmp_path, ["0.5"] * 2)
        finally:
            stop.set()
            reader.join()
        store = contents(uri, "e", tmp_path)
    assert failures == []
    assert differences(store, server.reference) == []
