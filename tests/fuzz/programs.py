"""Commands of a checkout in a tenth of their time: forked from a process that has imported them."""

import fcntl
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

CPU_SECONDS = 10
"""What a command may compute, whatever else the machine does; longer is a hang."""
_WALL_SECONDS = 120
_MOST_PRINTED = 1 << 20

_IMPORTED = (
    *("optledger.cli", "optledger.report.event_files", "optledger.verification.verify"),
    *("optledger.review.judging", "optledger.review.record", "optledger.review.report"),
    "optledger.review.history_report",
    *("optledger.stages.compare", "optledger.stages.report", "optledger.stages.case"),
    *("optledger.stages.evaluate", "optledger.stages.preprocess", "optledger.tracking.audit"),
    *("configobj", "dulwich.ignore", "dvc.cachemgr", "dvc.data_cloud", "dvc.ignore", "dvc.rwlock"),
    *("dvc.parsing.context", "dvc.render", "matplotlib.backends.backend_svg", "matplotlib.pyplot"),
    *("dvc_render", "flatten_dict", "platformdirs", "scmrepo.fs", "mlflow.store.db.utils"),
    *("mlflow", "pyarrow.pandas_compat", "pygit2", "scmrepo.git", "tabulate", "typer.rich_utils"),
)

COMMANDS: dict[tuple[str, ...], tuple[str, ...]] = {
    ("optledger", "power"): (),
    ("optledger", "tensorboard"): ("build/tensorboard/*",),
    ("optledger", "verify"): (),
    ("optledger", "publish"): ("mlflow.db*", "mlartifacts/*"),
    ("optledger", "history"): (),
    ("optledger", "review", "HEAD"): (),
    ("optledger", "review", "workspace", "HEAD", "--json"): (),
    ("stages.preprocess",): ("data/prepared/*",),
    ("stages.compare",): ("results/*.csv", "results/*.md"),
    ("stages.report",): ("results/report.*", "results/answer.svg"),
    ("stages.case", "linear_regression"): ("results/cases/linear_regression/*",),
}
"""Each with what it may write."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: its status, negative for a signal, and what it printed."""

    status: int
    stdout: str
    stderr: str


class Programs:
    """A server that has imported the code of a checkout, and forks for each command."""

    def __init__(self, checkout: Path) -> None:
        """Start the server."""
        self.checkout = checkout
        outer = ("DVC_", "MLFLOW_", "OPTLEDGER_", "GIT_", "PYTHONPATH")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(outer)}
        self.environment = {
            **kept,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(checkout / "src"),
            "DVC_SITE_CACHE_DIR": str(checkout.parent / "site cache"),
            "DVC_NO_ANALYTICS": "true",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUTF8": "1",
        }
        self._server = subprocess.Popen(
            [sys.executable, __file__],
            cwd=checkout,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self,
        *command: str,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        most_bytes: int | None = None,
    ) -> Ended:
        """Run `optledger ARGUMENTS`, or a stage as `stages.NAME ARGUMENTS`.

        Args:
            command: the program and its arguments.
            folder: where, if not in the checkout.
            environment: variables to add.
            most_bytes: how large a file may become that it writes.
        """
        request = [command, str(folder or self.checkout), dict(environment or {}), most_bytes]
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        return Ended(*json.loads(self._server.stdout.readline()))

    def start(self, *arguments: str, **environment: str) -> Ended:
        """Run `optledger ARGUMENTS` as a program of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "optledger", *arguments],
            cwd=self.checkout,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="backslashreplace",
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def close(self) -> None:
        """End the server."""
        with self._server:
            self._server.kill()


class Checkout:
    """A checkout that is damaged and put back, file by file."""

    def __init__(self, path: Path) -> None:
        """Remember what is there."""
        self.path = path
        self._whole = dict(self._files())

    def changed(self) -> set[str]:
        """Return the files that are not as they were, that are lost, or that are new."""
        now = dict(self._files())
        names = now.keys() | self._whole.keys()
        return {name for name in names if now.get(name) != self._whole.get(name)}

    def restore(self) -> None:
        """Put everything back."""
        for name in self.changed():
            path = self.path / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
            if name in self._whole:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(self._whole[name])

    def content(self, name: str) -> bytes:
        """Return what a file held."""
        return self._whole[name]

    def _files(self) -> Iterator[tuple[str, bytes]]:
        for folder, _, names in os.walk(self.path):
            for name in names:
                path = Path(folder, name)
                relative = path.relative_to(self.path).as_posix()
                # What Git and DVC note down for themselves.
                if not relative.startswith((".dvc/tmp/", ".git/index", ".git/logs/")):
                    link = str(path.readlink()).encode() if path.is_symlink() else None
                    yield relative, link or path.read_bytes()


def _serve() -> None:
    """Import everything once, then answer each line of standard input with how it ended."""
    for module in _IMPORTED:
        import_module(module)
    output = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        output.write(json.dumps(_ended(*json.loads(line))) + "\n")
        output.flush()


def _ended(*request: Any) -> tuple[int, str, str]:
    # No files, whose size may be limited; large enough for all that is printed.
    pipes = [os.pipe2(os.O_NONBLOCK) for _ in ("stdout", "stderr")]
    for _, end in pipes:
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, _MOST_PRINTED)
    printed = [end for _, end in pipes]
    child = os.fork()
    if not child:
        _become(printed, *request)
    until = time.monotonic() + _WALL_SECONDS
    done = status = 0
    while not done:
        done, status = os.waitpid(child, os.WNOHANG)
        if not done and time.monotonic() > until:
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.002)
    for end in printed:
        os.close(end)
    texts = []
    for end, _ in pipes:
        with os.fdopen(end, "rb") as file:
            texts.append((file.read() or b"").decode(errors="backslashreplace"))
    output, errors = texts
    return os.waitstatus_to_exitcode(status), output, errors


def _become(
    printed: list[int],
    command: Sequence[str],
    folder: str,
    environment: Mapping[str, str],
    most_bytes: int | None,
) -> None:
    """Be the command, as a process of its own."""
    os.setsid()
    os.environ.update(environment)
    os.chdir(folder)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    for number, file in enumerate([os.open(os.devnull, os.O_RDONLY), *printed]):
        os.dup2(file, number)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
    sys.stdout = sys.__stdout__ = io.TextIOWrapper(io.FileIO(1, "w", closefd=False))
    sys.stderr = sys.__stderr__ = io.TextIOWrapper(
        io.FileIO(2, "w", closefd=False), errors="backslashreplace", write_through=True
    )
    if most_bytes is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    sys.argv = list(command)
    status = 70
    try:
        _program(command[0])()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    finally:
        os._exit(status)


def _program(name: str) -> Callable[[], None]:
    """Return what a program's script calls."""
    if name == "optledger":
        main: Callable[[], None] = import_module("optledger.__main__").main
        return main
    stages, module = import_module("optledger.stages"), import_module(f"optledger.{name}")
    return lambda: stages.run(module.main)


if __name__ == "__main__":
    _serve()
