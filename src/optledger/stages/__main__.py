"""Run a stage of this checkout: `python -I src/optledger/stages STAGE [ARGUMENT]`.

`-I` keeps what the user has set for Python out of this process, which then runs the stage's module
in an environment without it. Any shell understands this command.
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
"""What changes no result: where bytecode goes, and how output is written."""

_KEPT_LOCK = ".dvc/tmp/optledger.lock"


def main() -> None:
    """Become the stage that the first argument names."""
    if importlib.util.find_spec("dvc") is None:
        print(
            f"{sys.executable}: found no DVC beside this Python; allowed: the environment's, "
            "which `source .venv/bin/activate` puts first on the path",
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
    # DVC starts a stage at the root. A relative path is right whatever the root's name holds.
    environment["PYTHONPATH"] = "src"
    command = [sys.executable, "-s", "-P", "-m", f"optledger.stages.{stage}", *arguments]
    os.execve(sys.executable, command, environment)


def _keep_lock() -> None:
    """Keep dvc.lock as it is while DVC waits for a stage: complete.

    `optledger.pipeline.interrupted` puts it back where DVC is killed while it writes another.
    """
    temporary = f"{_KEPT_LOCK}.{os.getpid()}"
    with contextlib.suppress(OSError):
        shutil.copyfile("dvc.lock", temporary)
        os.replace(temporary, _KEPT_LOCK)  # noqa: PTH105 # pathlib takes time to import


if __name__ == "__main__":
    main()
