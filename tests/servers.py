"""Real servers: MLflow's, on SQLite or PostgreSQL, and PostgreSQL itself."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import warm

# Where Debian has the programs of PostgreSQL, which are not on the path.
_POSTGRESQL = sorted(Path("/usr/lib/postgresql").glob("*/bin"))

# A folder in memory where there is one: MLflow makes SQLite's tables in a hundred transactions.
MEMORY = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else None

# Seconds; on a busy machine, MLflow takes half of them to create its tables.
_PATIENCE = 120


@contextmanager
def mlflow_server(folder: Path, store: str | None = None) -> Iterator[str]:
    """Run `mlflow server`, with its artifacts in `folder`; yield its URL.

    Args:
        folder: where its files are; it exists.
        store: the URI of the database; SQLite in `folder` by default.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = (
        *(warm.python(), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", "1", "--artifacts-destination", str(folder / "artifacts")),
        *("--backend-store-uri", store or f"sqlite:///{folder / 'server.db'}"),
    )
    inherited = {name: value for name, value in os.environ.items() if name[:7] != "MLFLOW_"}
    # Its job runners are four processes more.
    settings = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    log = folder / "server.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command,
            cwd=folder,
            env=inherited | settings,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _PATIENCE
        while not _answers(f"{url}/health"):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        yield url
    finally:
        # Gone already if it could not start.
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()
        # What it stands for ends with it, and is waited for.
        deadline = time.monotonic() + _PATIENCE
        while _answers(f"{url}/health"):
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)


def postgresql_is_installed() -> bool:
    """Whether there are programs of PostgreSQL, and a user who may run them."""
    return bool(_POSTGRESQL) and (os.geteuid() != 0 or shutil.which("setpriv") is not None)


@contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL server; yield the URI of an empty database."""
    # It refuses to run as root, and its own user cannot enter root's folders.
    user = ("--reuid", "postgres", "--regid", "postgres", "--init-groups")
    switch = ("setpriv", *user, "--") if os.geteuid() == 0 else ()
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="optledger-") as name:
        if switch:
            shutil.chown(name, "postgres")

        def run(program: str, *arguments: str) -> None:
            command = (*switch, str(_POSTGRESQL[-1] / program), *arguments)
            subprocess.run(command, cwd=name, check=True, stdout=subprocess.DEVNULL)

        data, log = f"{name}/data", f"{name}/log"
        run("initdb", "-D", data, "--username=postgres", "--auth=trust", "--no-sync")
        # Nothing of it outlives the block.
        options = f"-c fsync=off -c listen_addresses=127.0.0.1 -c port={port} -k {name}"
        run("pg_ctl", "start", "--wait", "-D", data, "-l", log, "-o", options)
        try:
            yield f"postgresql+psycopg2://postgres@127.0.0.1:{port}/postgres"
        finally:
            run("pg_ctl", "stop", "--wait", "-D", data, "-m", "immediate")


def free_port() -> int:
    """Return a TCP port of this machine that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False
