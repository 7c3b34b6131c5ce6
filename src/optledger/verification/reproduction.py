"""Runs the committed pipeline again, from scratch, in a temporary clone."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from optledger.core import git
from optledger.core.errors import UserError
from optledger.core.paths import LOCK, RESULTS
from optledger.pipeline import lock, toolchain
from optledger.pipeline.description import reproducible
from optledger.trials import places

_GRACE_SECONDS = 15


@contextmanager
def reproduced() -> Iterator[tuple[Path, Path]]:
    """Run HEAD's pipeline except its publication, without DVC's cache and run cache.

    Yields:
        A folder with the lock and the results of the commit, and the clone with those of the second
        run. Both are deleted afterwards, also if the block or the run is interrupted.

    Raises:
        UserError: HEAD has no lock or no outputs, or the run failed and has printed why.
    """
    # On SIGTERM, clean up as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    head = git.run("rev-parse", "HEAD")
    if git.run("status", "--porcelain"):
        print(
            f"verify: note: uncommitted changes are left out; HEAD, {head[:12]}, is run",
            file=sys.stderr,
        )
    with tempfile.TemporaryDirectory(prefix="optledger-", ignore_cleanup_errors=True) as folder:
        clone, committed = Path(folder) / "clone", Path(folder) / "committed"
        git.run("clone", "--quiet", "--no-checkout", ".", str(clone))
        git.run("checkout", "--quiet", "--detach", head, checkout=clone)
        if not (clone / LOCK).exists():
            raise UserError(f"{LOCK}: HEAD has no such file; run dvc repro and commit it")
        if not outputs(clone):
            raise UserError(f"{LOCK}: HEAD's has no outputs; run dvc repro and commit it")
        committed.mkdir()
        for path in (LOCK, RESULTS):
            if (clone / path).exists():
                # Without these, no stage is up to date.
                shutil.move(clone / path, committed / path)
        _repro(clone, Path(folder))
        yield committed, clone


def outputs(root: Path) -> dict[Path, str]:
    """Return the MD5 of each output that a checkout's lock records, in the lock's order."""
    stages = lock.outputs(root / LOCK).values()
    return {path: md5 for outs in stages for path, md5 in outs.items()}


def _repro(clone: Path, folder: Path) -> None:
    command = [sys.executable, "-m", "dvc", "repro", "--no-run-cache", "--no-commit"]
    process = subprocess.Popen(
        [*command, *reproducible(clone)],
        cwd=clone,
        env=_environment(clone, folder),
        stdin=subprocess.DEVNULL,
        stdout=sys.stderr,
    )
    try:
        status = process.wait()
    except KeyboardInterrupt:
        _end(process)
        raise
    if status:
        raise UserError("verify --reproduce: dvc repro failed in the clone, as it says above")


def _environment(clone: Path, folder: Path) -> dict[str, str]:
    """Return this environment without what belongs to this checkout, this user or this machine.

    It also writes the clone's local DVC settings, which give it a cache of its own.
    """
    foreign = ("DVC_", "MLFLOW_", "GIT_", "PYTHONPATH")
    own = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    (clone / ".dvc/config.local").write_text(f"['cache']\n    dir = {folder / 'cache'}\n")
    return {
        **own,
        **toolchain.variables(),
        "DVC_NO_ANALYTICS": "true",
        # Without a store of finished trials, every trial is trained again.
        places.VARIABLE: "",
        "DVC_SITE_CACHE_DIR": str(folder / "site"),
        "DVC_GLOBAL_CONFIG_DIR": str(folder / "global"),
        "DVC_SYSTEM_CONFIG_DIR": str(folder / "system"),
        # No stage should publish. If one did, it would publish here.
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}",
    }


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End DVC, its stage and the stage's workers before their folder is deleted."""
    try:
        parent = psutil.Process(process.pid)
        family = [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for each in family:
        _signal(each, signal.SIGTERM)
    _, alive = psutil.wait_procs(family, timeout=_GRACE_SECONDS)
    for each in alive:
        _signal(each, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=_GRACE_SECONDS)


def _signal(process: psutil.Process, number: int) -> None:
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)
