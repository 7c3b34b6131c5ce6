"""The environment in which this package starts DVC."""

import os
import sys
from pathlib import Path


def variables() -> dict[str, str]:
    """Return the variables to set for DVC, as `make` does: this Python first, and a plain shell.

    DVC runs stages in the user's shell, which may run nothing at all (`/usr/sbin/nologin`).
    """
    folders = [str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    return {"PATH": os.pathsep.join(folders), "SHELL": "/bin/sh"}
