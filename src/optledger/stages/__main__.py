"""Run a stage of this checkout: `python -I src/optledger/stages STAGE [ARGUMENT]`.

`-I` keeps the user's Python settings out of this process, which then runs the stage's module in an
environment without most of them. Any shell understands this command.
"""

import contextlib
import importlib.util
import os
import shutil
import sys

_KEPT = {
    *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"),
    *("PYTHONIOENCODING", "PYTHONUNBUFFERED", "PYTHONFAULTHANDLER"),
}
"""Variables that change no result: they say where bytecode goes, and how output is written."""

_KEPT_LOCK = ".dvc/tmp/optledger.lock"


def main() -> None:
    """Replace this process by the stage that the first argument names."""
    if importlib.util.find_spec("dvc") is None:
        print(
            f"{sys.executable}: DVC is not installed for this Python; activate the environment "
            "first: source .venv/bin/activate",
            file=sys.stderr,
        )
        sys.exit(2)
    if "DVC_STAGE" in os.environ:
        _keep_lock()
    stage, *arguments = sys.argv[1:]
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTHON") or name in _KEPT
    }
    # DVC starts a stage at the root. A relative path works even if the root's name has a colon.
    environment["PYTHONPATH"] = "src"
    command = [sys.executable, "-s", "-P", "-m", f"optledger.stages.{stage}", *arguments]
    os.execve(sys.executable, command, environment)


def _keep_lock() -> None:
    """Keep a copy of dvc.lock, which is complete while DVC waits for a stage.

    `optledger.pipeline.interrupted` restores it if DVC is killed while writing the next one.
    """
    temporary = f"{_KEPT_LOCK}.{os.getpid()}"
    with contextlib.suppress(OSError):
        shutil.copyfile("dvc.lock", temporary)
        os.replace(temporary, _KEPT_LOCK)  # noqa: PTH105 # pathlib takes time to import


if __name__ == "__main__":
    main()
