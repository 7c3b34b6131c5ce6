"""The programs that DVC runs a stage with, wherever it is started from here."""

import os
import sys
from pathlib import Path


def variables() -> dict[str, str]:
    """Return what to set for DVC, as `make` does: this Python first on the path, a plain shell.

    DVC runs a stage by the user's shell, which may be none (`/usr/sbin/nologin`).
    """
    folders = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    return {"PATH": os.pathsep.join(folders), "SHELL": "/bin/sh"}
