"""Python that starts in milliseconds: a process that has imported what is heavy, and forks.

A test of the pipeline starts dozens of Pythons, each of which takes seconds to import the same
libraries. `commands` is a folder to put first on the path. What it has by the names of `python`,
`dvc` and `optledger` hands its arguments, environment, folder and files to a server, whose child
runs the code that the real one would: that of the checkout that it is started in.

What a child could not do as a Python of its own would (other options, other settings of what is
read when an interpreter or a library starts) a real one does; so does all of it without Linux.
"""

import atexit
import contextlib
import fcntl
import gc
import importlib.machinery
import importlib.util
import json
import os
import pkgutil
import runpy
import selectors
import shutil
import signal
import socket
import sys
import sysconfig
import tempfile
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import warm_client

VARIABLE = "OPTLEDGER_TESTS_WARM"
"""The variable that names the folder that all processes of one run of the tests share."""

NAMES = ("python", "python3", "dvc", "optledger")

SCRIPTS = Path(sysconfig.get_path("scripts"))

LAZY = (
    *("dvc.cli", "dvc.commands.repro", "dvc.repo.reproduce", "dvc.repo.push", "dvc.repo.status"),
    *("dvc.stage.run", "dvc.stage.cache", "dvc.parsing", "dvc.render.match", "dvc.repo.plots"),
    *("dvc.repo.experiments.executor.local", "dvc.repo.experiments.queue.tempdir"),
    *("dvc.repo.experiments.queue.workspace", "dvc.utils.hydra", "dvc.scm", "dvc.fs.dvc"),
    *("mlflow.store.tracking.sqlalchemy_store", "mlflow.store.model_registry.sqlalchemy_store"),
    *("dvc.cli.parser", "dvc.repo.stage", "dvc.repo.index", "dvc.repo.datasets", "dvc.repo.trie"),
    *("dvc.repo.artifacts", "dvc.repo.graph", "dvc.repo.brancher", "dvc.repo.open_repo"),
    *("dvc.cachemgr", "dvc.data_cloud", "dvc.analytics", "dvc.compare", "dvc.utils.strictyaml"),
    *("dvc_data.hashfile.db.local", "dvc_data.hashfile.status", "dvc_data.index.checkout"),
    *("dulwich.porcelain", "pygit2", "scmrepo.fs", "scmrepo.git.backend.pygit2.filter"),
    *("networkx", "tabulate", "wcwidth", "celery", "fsspec.implementations.memory"),
    *("alembic.command", "sqlalchemy.dialects.sqlite", "pyarrow.pandas_compat"),
    *("mlflow.store.tracking.sqlalchemy_workspace_store", "mlflow.store.workspace_aware_mixin"),
    *("mlflow.cli", "fastapi", "flask", "graphene", "uvicorn"),
    *("mlflow.pyfunc", "matplotlib.pyplot", "matplotlib.backends.backend_svg"),
    *("multiprocessing.popen_forkserver", "PIL.JpegImagePlugin", "PIL.PpmImagePlugin"),
    *("pandas.core.methods.to_dict", "pandas.core.reshape.reshape", "pandas.io.formats.csvs"),
    *("scipy.stats", "sklearn.datasets", "typer._adapters", "xml.etree.ElementTree"),
)
"""What a command imports once it comes to it, beside what this project's modules import."""


def search_seldom() -> None:
    """Search for garbage as seldom as this project's commands do: the imports have none."""
    gc.set_threshold(100_000, 50, 100)


def share() -> None:
    """Have the processes that this one starts share a server, which ends when this one has.

    What the caller has set for Python reaches neither.
    """
    for name in [name for name in os.environ if name.startswith("PYTHON")]:
        del os.environ[name]
    if VARIABLE not in os.environ and hasattr(os, "pidfd_open"):
        folder = tempfile.mkdtemp(prefix="optledger-tests-", dir="/tmp")
        Path(folder, "owner").write_text(str(os.getpid()))
        os.environ[VARIABLE] = folder
        atexit.register(_remove, folder, os.getpid())


def _remove(folder: str, owner: int) -> None:
    # Not what a child of the owner's runs when it ends.
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)


def share_programs() -> None:
    """Have XLA look in the shared folder for what it would compile, and keep there what it does.

    A process takes seconds to compile what it trains, and a fifth of that to load it. TensorFlow
    reads its setting once, here, and not again in the children of this process.
    """
    if (folder := shared_folder()) is not None:
        from tensorflow.python.client import pywrap_tf_session

        programs = folder / "programs"
        os.environ["TF_XLA_FLAGS"] = f"--tf_xla_persistent_cache_directory={programs}"
        # The least that has the settings read.
        pywrap_tf_session.TF_GetXlaConstantFoldingDisabled()
        del os.environ["TF_XLA_FLAGS"]


def shared_folder() -> Path | None:
    """Return the folder that all processes of one run of the tests share; None without Linux."""
    return Path(os.environ[VARIABLE]) if VARIABLE in os.environ else None


def commands() -> Path | None:
    """Return the folder of commands, whose server the first call starts; None if none can be."""
    if (folder := shared_folder()) is None:
        return None
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "bin").exists():
            _start_server(folder)
            _write_commands(folder)
    return folder / "bin"


def python() -> str:
    """Return the Python of `commands`, or the real one."""
    folder = commands()
    return sys.executable if folder is None else str(folder / "python")


def _start_server(folder: Path) -> None:
    """Start the server; whoever connects to its socket meanwhile waits for its imports."""
    with socket.socket(socket.AF_UNIX) as listener, (folder / "log").open("w") as log:
        listener.bind(str(folder / "server"))
        listener.listen(64)
        listener.set_inheritable(True)
        # Not of subprocess, which wants to see the end of what it has started.
        os.posix_spawn(
            sys.executable,
            [sys.executable, __file__, str(folder), str(listener.fileno())],
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                *((os.POSIX_SPAWN_DUP2, log.fileno(), number) for number in (1, 2)),
            ],
            setsid=True,
        )


def _write_commands(folder: Path) -> None:
    settings = {
        "python": sys.executable,
        "scripts": str(SCRIPTS),
        "packages": sysconfig.get_path("purelib"),
        "state": warm_client.state(),
    }
    (folder / "settings.json").write_text(json.dumps(settings))
    making = folder / "making"
    making.mkdir()
    # As pip has it: an interpreter's path may have a space.
    text = _SCRIPT.format(
        python=sys.executable, client=str(Path(warm_client.__file__).parent), folder=str(folder)
    )
    for name in NAMES:
        (making / name).write_text(text)
        (making / name).chmod(0o700)
    making.rename(folder / "bin")


_SCRIPT = """\
#!/bin/sh
'''exec' "{python}" -IS "$0" "$@"
' '''
import sys
sys.path.append({client!r})
import warm_client
warm_client.main({folder!r})
"""


def _serve(folder: Path, listener: socket.socket) -> None:
    """Start children until the process that shared the folder has ended."""
    os.chdir(folder)
    sys.path.remove(str(Path(__file__).parent))
    _import_all()
    owner = int((folder / "owner").read_text())
    children: dict[int, tuple[int, socket.socket]] = {}
    with contextlib.suppress(ProcessLookupError), selectors.DefaultSelector() as selector:
        selector.register(os.pidfd_open(owner), selectors.EVENT_READ, "owner")
        selector.register(listener, selectors.EVENT_READ, "listener")
        while True:
            # One at a time, as what is done for one may be the end of another.
            for key, _ in selector.select()[:1]:
                match key.data:
                    case "owner":
                        return
                    case "listener":
                        link, _ = listener.accept()
                        request = _receive(link)
                        if (pid := os.fork()) == 0:
                            selector.close()
                            _become(request, folder)
                        for number in request["handed"]:
                            os.close(number)
                        _answer(link, pid)
                        ending = os.pidfd_open(pid)
                        children[ending] = (pid, link)
                        selector.register(ending, selectors.EVENT_READ, "ending")
                        kill = os.killpg if request["leads"] else os.kill
                        selector.register(link, selectors.EVENT_READ, (kill, pid))
                    case "ending":
                        ending = key.fd
                        pid, link = children.pop(ending)
                        _, status = os.waitpid(pid, 0)
                        _answer(link, os.waitstatus_to_exitcode(status))
                        selector.unregister(ending)
                        with contextlib.suppress(KeyError):
                            selector.unregister(link)
                        os.close(ending)
                        link.close()
                    case kill, pid:
                        # The command was killed, and its group if it led one; so is its child's.
                        selector.unregister(key.fileobj)
                        with contextlib.suppress(ProcessLookupError):
                            kill(pid, signal.SIGKILL)


def _import_all() -> None:
    """Import what children will need; of this project, each takes what is that of its checkout."""
    search_seldom()
    package = importlib.util.find_spec("optledger")
    assert package is not None
    root = Path(package.origin or "").parent
    # Before they are imported: what is edited from now on is not theirs.
    files = _files(root)
    # First, as workers do: it looks at what was imported before.
    importlib.import_module("optledger.training.preload")
    share_programs()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in (*_modules(), *LAZY):
        importlib.import_module(name)
    sys.meta_path.insert(0, _Finder(root, files, _put_aside()))
    sys.path_importer_cache.clear()
    # What another thread holds when a process forks, its child waits for in vain.
    assert threading.active_count() == 1
    gc.collect()
    gc.freeze()


def _modules() -> Iterator[str]:
    """Yield the modules of this project that can be imported to no effect."""
    import optledger

    for module in pkgutil.walk_packages(optledger.__path__, "optledger."):
        # Ray holds a process of its own wherever it is used.
        if not module.name.endswith("__main__") and ".on_ray." not in module.name:
            yield module.name


def _put_aside() -> dict[str, types.ModuleType]:
    """Take this project's modules out of those that are imported; return what a child may have.

    Those of stages look at the environment as they are imported, and one imports TensorFlow.
    """
    kept = {}
    for name in [name for name in sys.modules if name.partition(".")[0] == "optledger"]:
        module = sys.modules.pop(name)
        parent, _, attribute = name.rpartition(".")
        if not name.startswith(("optledger.stages", "optledger.training.preload")):
            kept[name] = module
        elif parent in kept:
            delattr(kept[parent], attribute)
    return kept


def _files(root: Path) -> dict[str, tuple[int, int]]:
    """Return size and time of each file of Python's below a folder; copies have the same."""
    found = {}
    for folder, _, names in os.walk(root):
        for name in names:
            if name.endswith(".py"):
                status = os.stat(f"{folder}/{name}")  # noqa: PTH116 # hundreds, for each child
                found[f"{folder}/{name}"[len(str(root)) :]] = (status.st_size, status.st_mtime_ns)
    return found


class _Finder:
    """Has a child import this project from its checkout, at once where that has the same files."""

    def __init__(
        self, root: Path, files: dict[str, tuple[int, int]], kept: dict[str, types.ModuleType]
    ) -> None:
        self._root, self._files, self._kept = root, files, kept

    def find_spec(self, name: str, path: object, target: object = None) -> Any:
        """Return None, for what comes next on the path, but for the package itself."""
        if name != "optledger":
            return None
        roots = (Path(each or ".", name).absolute() for each in sys.path)
        root = next(filter(Path.is_dir, roots), None)
        if root is None or _files(root) != self._files:
            return None
        for each, module in self._kept.items():
            self._move(each, module, root)
        sys.modules |= {each: module for each, module in self._kept.items() if each != name}
        return self._kept[name].__spec__

    def _move(self, name: str, module: types.ModuleType, root: Path) -> None:
        """Have a module be that of a file of the checkout."""
        place = root.joinpath(*name.split(".")[1:])
        is_package = place.is_dir()
        file = place / "__init__.py" if is_package else place.with_suffix(".py")
        loader = _Loader(name, str(file), module)
        folders = [str(place)] if is_package else None
        spec = importlib.util.spec_from_file_location(
            name, file, loader=loader, submodule_search_locations=folders
        )
        assert spec is not None
        vars(module).update(
            __spec__=spec, __file__=spec.origin, __cached__=spec.cached, __loader__=loader
        )
        if is_package:
            module.__path__ = [str(place)]
        for attribute, value in list(vars(module).items()):
            if isinstance(value, Path) and value.is_relative_to(self._root.parent):
                moved = root.parent / value.relative_to(self._root.parent)
                setattr(module, attribute, moved)


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module that is there."""

    def __init__(self, name: str, file: str, module: types.ModuleType) -> None:
        super().__init__(name, file)
        self._module = module

    def create_module(self, spec: Any) -> types.ModuleType:
        """Return it."""
        return self._module

    def exec_module(self, module: types.ModuleType) -> None:
        """It has been executed."""


def _receive(link: socket.socket) -> dict[str, Any]:
    """Return a request, and by "handed" the numbers that its files have here."""
    length = int.from_bytes(link.recv(8, socket.MSG_WAITALL), "big")
    text, handed, _, _ = socket.recv_fds(link, 1, 64)
    while len(text) < length:
        text += link.recv(length - len(text))
    request: dict[str, Any] = json.loads(text)
    return request | {"handed": handed}


def _answer(link: socket.socket, number: int) -> None:
    with contextlib.suppress(OSError):
        link.sendall(f"{number}\n".encode())


def _become(request: dict[str, Any], folder: Path) -> NoReturn:
    """Be the process that was asked for, and end as it would."""
    status = 1
    try:
        _take_on(request, folder / "bin/python")
        _run(request["how"], request["what"])
        status = 0
    except SystemExit as ending:
        status = _exit_status(ending.code)
    except KeyboardInterrupt:
        sys.excepthook(*sys.exc_info())
        status = -signal.SIGINT
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(BaseException):
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        if status < 0:
            signal.signal(-status, signal.SIG_DFL)
            os.kill(os.getpid(), -status)
        os._exit(status)


def _take_on(request: dict[str, Any], python: Path) -> None:
    """Take the files, the environment, the path and the rest of what a process has from others."""
    places = request["files"]
    kept = [
        fcntl.fcntl(number, fcntl.F_DUPFD, max([*places, 2]) + 1) for number in request["handed"]
    ]
    for number in (number for number in _open_files() if number not in kept):
        with contextlib.suppress(OSError):
            os.close(number)
    for number, place in zip(kept, places, strict=True):
        os.dup2(number, place)
        os.close(number)
    for each in warm_client.SIGNALS:
        ignored = each in request["ignored"]
        signal.signal(each, signal.SIG_IGN if ignored else signal.SIG_DFL)
    if request["leads"]:
        os.setsid()
    if signal.SIGINT not in request["ignored"]:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.umask(request["umask"])
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())  # type: ignore[union-attr]
    tempfile.tempdir = None
    _set_path(request)
    sys.dont_write_bytecode |= "-B" in request["options"]
    program = "-c" if request["how"] == "-c" else request["what"]
    sys.argv = [program, *request["arguments"]]
    sys.executable = str(python)
    if spawn := sys.modules.get("multiprocessing.spawn"):
        spawn.set_executable(sys.executable)
    main = types.ModuleType("__main__")
    main.__dict__["__builtins__"] = __builtins__
    sys.modules["__main__"] = main


def _open_files() -> list[int]:
    return [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208


def _set_path(request: dict[str, Any]) -> None:
    """Put before the path what Python puts there: where the program is, and PYTHONPATH."""
    options = {*request["options"]}
    if not options & {"-I", "-E"} and (path := os.environ.get("PYTHONPATH")):
        sys.path[:0] = [str(Path.cwd() / each) for each in path.split(os.pathsep)]
    if not options & {"-I", "-P"}:
        match request["how"]:
            case "-m":
                sys.path.insert(0, str(Path.cwd()))
            case "-c":
                sys.path.insert(0, "")
            case "path" if not Path(request["what"]).is_dir():
                sys.path.insert(0, str(Path(request["what"]).resolve().parent))


def _run(how: str, what: str) -> None:
    match how:
        case "-m":
            runpy._run_module_as_main(what)  # type: ignore[attr-defined]
        case "-c":
            exec(compile(what, "<string>", "exec"), sys.modules["__main__"].__dict__)
        case _:
            runpy.run_path(what, run_name="__main__")


def _exit_status(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2])))
    shutil.rmtree(sys.argv[1], ignore_errors=True)
