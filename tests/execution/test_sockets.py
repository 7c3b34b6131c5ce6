import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from optledger.core.errors import UserError
from optledger.execution import sockets

PROGRAM = """
from multiprocessing.connection import Listener
from optledger.execution import sockets
for _ in range(2):
    sockets.place()
print(Listener(family="AF_UNIX").address)
"""


def address(temporary: Path) -> Path:
    """Return where a process with this TMPDIR has its sockets."""
    environment = os.environ | {"TMPDIR": str(temporary)}
    command = [sys.executable, "-c", PROGRAM]
    return Path(subprocess.check_output(command, text=True, env=environment).strip())


@pytest.fixture
def short() -> "tempfile.TemporaryDirectory[str]":
    """A folder with a short path, which pytest's own may not have."""
    return tempfile.TemporaryDirectory(dir="/tmp")


def test_a_short_place_is_used_as_it_is(short: "tempfile.TemporaryDirectory[str]") -> None:
    """What TMPDIR says is followed, and nothing stays there."""
    with short as folder:
        assert address(Path(folder)).is_relative_to(folder)
        assert list(Path(folder).iterdir()) == []


def test_a_place_that_is_too_deep_or_missing_is_replaced(
    short: "tempfile.TemporaryDirectory[str]",
) -> None:
    """A socket's path has at most 107 bytes; nothing is left in either."""
    with short as folder:
        deep = Path(folder) / ("a" * 90)
        deep.mkdir()
        for temporary in (deep, Path(folder) / "missing"):
            found = address(temporary)
            assert not found.is_relative_to(folder)
            assert not found.parent.exists()
        assert list(deep.iterdir()) == []


def test_no_place_at_all_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It names the variable, what was tried and why that is none."""
    deep = tmp_path / ("a" * 90)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    monkeypatch.setattr(sockets, "_SHORT", (str(tmp_path / "none"),))
    with pytest.raises(UserError) as raised:
        sockets.place()
    assert str(raised.value) == (
        f"TMPDIR: no folder for sockets ({deep}: AF_UNIX path too long; {tmp_path}/none: No such "
        "file or directory); set it to one that can have them"
    )
