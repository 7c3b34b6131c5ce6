import fcntl
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from optledger.core.formats import digest
from optledger.trials.observations import FinishedTrial, observe
from optledger.trials.places import Folder
from optledger.trials.store import Store, pack
from optledger.trials.trial import Divergence, Epoch, TrialResult

DOCUMENT = {"trial": {"learning_rate": 0.1, "seed": 3, "specification": {}}, "code": {"a": "1"}}
KEY = digest(DOCUMENT)


def finished(value: float = 1 / 3) -> FinishedTrial:
    """A trial of two epochs, the last one without validation metrics."""
    result = TrialResult(
        learning_rate=0.1,
        seed=3,
        weights={"00_kernel": np.full((3, 2), value, np.float32)},
        history=[Epoch(value, 0.5, 0.25, 1.0), Epoch(value / 7, 1.0, np.nan, np.nan)],
        kept_epoch=1,
        divergence=None,
    )
    return FinishedTrial(result, observe(0.25, 600, "AVX2", 1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A place with one entry."""
    Store(Folder(tmp_path / "trials")).put(DOCUMENT, finished())
    return tmp_path / "trials"


def entry(folder: Path) -> Path:
    """The file of the entry."""
    return folder / f"{KEY}.trial"


def test_what_is_kept_is_what_was_put(folder: Path) -> None:
    """The weights' bytes, the exact history, and what the machine took."""
    found = Store(Folder(folder)).trial(KEY)
    assert found is not None
    assert found.observation == finished().observation
    assert found.result.weights["00_kernel"].tobytes() == (
        finished().result.weights["00_kernel"].tobytes()
    )
    assert repr(found.result.history) == repr(finished().result.history)
    assert (found.result.learning_rate, found.result.seed, found.result.kept_epoch) == (0.1, 3, 1)
    header = Store(Folder(folder)).header(KEY)
    assert header is not None
    assert header.document == DOCUMENT
    assert header.finished.result.weights == {}


def test_a_diverged_trial_is_a_result(tmp_path: Path) -> None:
    """It is not tried again."""
    result = TrialResult(0.1, 3, {}, [], 0, Divergence(1, 7))
    Store(Folder(tmp_path)).put(DOCUMENT, FinishedTrial(result, None))
    assert Store(Folder(tmp_path)).trial(KEY) == FinishedTrial(result, None)


def damaged() -> Iterator[tuple[str, bytes]]:
    """Yield ways in which an entry can be spoilt."""
    content = pack(DOCUMENT, finished())
    yield "empty", b""
    for size in (1, 20, 90, 200, len(content) // 2, len(content) - 1):
        yield f"cut at {size}", content[:size]
    for place in (5, 30, 100, 300, len(content) - 30):
        flipped = bytearray(content)
        flipped[place] ^= 4
        yield f"flipped at {place}", bytes(flipped)
    yield "foreign", b"PK\x03\x04 something else"
    yield "another version", content.replace(b"trial 1 ", b"trial 9 ", 1)
    yield "another trial", pack({**DOCUMENT, "code": {"a": "2"}}, finished())


@pytest.mark.parametrize(("how", "content"), list(damaged()), ids=lambda each: str(each)[:20])
def test_a_damaged_entry_is_a_line_and_trained_again(
    how: str, content: bytes, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Whatever its damage; what is then put takes its place."""
    entry(folder).write_bytes(content)
    store = Store(Folder(folder))
    assert store.trial(KEY) is None
    assert store.trial(KEY) is None
    assert re.fullmatch(
        rf"{entry(folder)}: found .*; it is trained again\n", capfd.readouterr().err
    )
    assert Store(Folder(folder)).damage(KEY)
    store.put(DOCUMENT, finished())
    assert Store(Folder(folder)).trial(KEY) is not None


def test_a_folder_in_the_place_of_an_entry_is_a_line(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither reading nor writing ends anything."""
    entry(folder).unlink()
    entry(folder).mkdir()
    store = Store(Folder(folder))
    assert store.trial(KEY) is None
    store.put(DOCUMENT, finished())
    assert capfd.readouterr().err == (
        f"{folder}: Is a directory; finished trials are trained again\n"
        f"{folder}: Is a directory; finished trials are not kept\n"
    )
    assert sorted(path.name for path in folder.iterdir()) == [entry(folder).name]


def test_an_entry_that_is_removed_meanwhile_is_trained_again(folder: Path) -> None:
    """Without a word: somebody pruned."""
    store = Store(Folder(folder))
    entry(folder).unlink()
    assert store.trial(KEY) is None


def test_a_place_that_cannot_be_a_folder_costs_two_lines(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """However many trials there are."""
    (tmp_path / "file").write_text("a file")
    store = Store(Folder(tmp_path / "file/trials"))
    for seed in range(3):
        store.put({**DOCUMENT, "seed": seed}, finished())
    told = capfd.readouterr().err.splitlines()
    assert [re.sub(".*/file/trials: ", "", line) for line in told] == [
        "Not a directory; finished trials are not looked up",
        "Not a directory; finished trials are not kept",
    ]


@pytest.mark.parametrize("options", ["size=16k", "ro"])
def test_a_full_or_read_only_disk_costs_a_line(
    options: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """And nothing is left half-written."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        # A full disk has to be a real one; .ci/run runs as root where it may.
        pytest.skip("needs root, to mount a file system")
    try:
        store = Store(Folder(disk))
        result = finished().result.with_weights({"00_kernel": np.ones(100_000, np.float32)})
        for _ in range(2):
            store.put(DOCUMENT, FinishedTrial(result, None))
        cause = {"size=16k": "No space left on device", "ro": "Read-only file system"}[options]
        told = f"{disk}: {cause}; finished trials are not kept\n"
        assert capfd.readouterr().err == told
        assert list(disk.iterdir()) == []
        assert KEY not in Store(Folder(disk))
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_without_a_place_nothing_is_kept() -> None:
    """As where OPTLEDGER_TRIALS is empty."""
    store = Store(None)
    store.put(DOCUMENT, finished())
    assert KEY not in store
    assert store.trial(KEY) is None


def test_two_writers_at_once_leave_one_sound_entry(tmp_path: Path) -> None:
    """And readers meanwhile find either nothing or all of it."""
    stores = [Store(Folder(tmp_path)) for _ in range(2)]

    def write(store: Store) -> None:
        for _ in range(50):
            store.put(DOCUMENT, finished())

    threads = [threading.Thread(target=write, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        reader = Store(Folder(tmp_path))
        assert KEY not in reader or reader.trial(KEY) is not None
    assert [path.name for path in tmp_path.iterdir()] == [f"{KEY}.trial"]


WRITER = """
import sys
from pathlib import Path
from optledger.trials.places import Folder

folder = Folder(Path(sys.argv[1]))
while True:
    folder.write("a", b"1" * 10_000_000)
    print("written", flush=True)
"""


def test_what_a_killed_writer_leaves_is_removed_by_the_next(tmp_path: Path) -> None:
    """What somebody else is writing stays."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        while not list(tmp_path.glob(".writing-*")):
            assert writer.poll() is None
        writer.kill()
    (tmp_path / ".writing-abandoned").write_bytes(b"1")
    with (tmp_path / ".writing-busy").open("wb") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        Store(Folder(tmp_path)).put(DOCUMENT, finished())
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {".writing-busy", "a.trial", f"{KEY}.trial"}
