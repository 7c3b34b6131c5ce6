"""Disks that fill up at each write, files that may not grow, folders that cannot be written."""

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from profiles import examples
from programs import COMMANDS, Checkout, Programs
from refusals import assert_sound

_PAGE = 4096

commands = st.sampled_from(list(COMMANDS))
sizes = st.integers(0, 20_000) | st.integers(0, 1_000_000)


@contextmanager
def _mounted(path: Path, *arguments: str) -> Iterator[Path]:
    """Mount something at a path; skip where that is not allowed."""
    path.mkdir()
    done = subprocess.run(["mount", *arguments, path], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"needs root, to mount a file system: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", path], check=True)


@pytest.fixture(scope="module")
def disk(checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A copy of the checkout on a small disk of its own."""
    place = tmp_path_factory.mktemp("disks") / "disk"
    with _mounted(place, "-t", "tmpfs", "-o", "size=64m", "tmpfs") as mounted:
        shutil.copytree(checkout.path, mounted / "project", symlinks=True)
        yield Checkout(mounted / "project")


def _assert_whole(checkout: Checkout, command: tuple[str, ...]) -> None:
    """Assert that nothing is lost or half-written: every file is as it was, or is what no one kept.

    What a stage writes has the bytes that were there. MLflow's store is a projection.
    """
    own = ("mlflow.db", "mlartifacts/", "build/tensorboard/")
    assert not [each for each in checkout.changed() if not each.startswith(own)], command


@pytest.mark.parametrize("new", [False, True], ids=["again", "anew"])
def test_full_disks(new: bool, tally: Counter[str], disk: Checkout, programs: Programs) -> None:
    """What fits is done; else a line says so, and with room again the same command works."""
    filler = disk.path.parent / "filler"

    @examples(test=1, fuzz=60, slow=True)
    @given(commands, sizes, st.booleans())
    def property_(command: tuple[str, ...], size: int, also_temporary: bool) -> None:
        disk.restore()
        if new:
            for each in disk.path.glob("mlflow.db*"):
                each.unlink()
        environment = {"TMPDIR": str(disk.path.parent)} if also_temporary else {}
        free = shutil.disk_usage(disk.path).free
        with filler.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(free - size // _PAGE * _PAGE, 1))
        ended = programs.run(*command, folder=disk.path, environment=environment)
        filler.unlink()
        verifies = command[1:2] == ("verify",)
        assert_sound(tally, ended, verdicts=verifies)
        _assert_whole(disk, command)
        again = programs.run(*command, folder=disk.path)
        # Without the store, that is a verdict.
        assert again.status == int(new and verifies), again
        _assert_whole(disk, command)

    property_()


def test_files_that_may_not_grow(
    tally: Counter[str], checkout: Checkout, programs: Programs
) -> None:
    """As with a quota, or `ulimit -f`."""

    @examples(test=1, fuzz=120, slow=True)
    @given(commands, sizes)
    @example(("optledger", "publish"), 500_000)
    def property_(command: tuple[str, ...], size: int) -> None:
        checkout.restore()
        ended = programs.run(*command, most_bytes=size)
        assert_sound(tally, ended, verdicts=command[1:2] == ("verify",))
        _assert_whole(checkout, command)
        again = programs.run(*command)
        assert again.status == 0, again

    property_()
    checkout.restore()


def test_read_only_folders(
    tally: Counter[str], checkout: Checkout, programs: Programs, tmp_path: Path
) -> None:
    """What needs no writing is done; else a line names what cannot be written."""
    checkout.restore()
    with _mounted(tmp_path / "mounted", "--bind", "-o", "ro", str(checkout.path)) as mounted:

        @examples(test=2, fuzz=30, slow=True)
        @given(commands)
        def property_(command: tuple[str, ...]) -> None:
            ended = programs.run(*command, folder=mounted)
            assert_sound(tally, ended, verdicts=command[1:2] == ("verify",))
            assert not checkout.changed()

        property_()
