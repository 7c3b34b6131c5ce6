import os
import sys
from pathlib import Path

import pytest

from optledger.pipeline import toolchain


def test_stages_get_this_python_and_a_plain_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is first on the user's path, and whatever the user's shell."""
    monkeypatch.setenv("PATH", "/elsewhere")
    monkeypatch.setenv("SHELL", "/usr/sbin/nologin")
    path = f"{Path(sys.executable).parent}{os.pathsep}/elsewhere"
    assert toolchain.variables() == {"PATH": path, "SHELL": "/bin/sh"}
