"""What a command of `warm.commands` is: it has a server's child do what it is asked to.

It begins without `site`; what it imports is what its start costs.
"""

import json
import os
import resource
import signal
import socket
import sys
from typing import Any, NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1)
"""What a child is told of."""

_ALIKE = ("-I", "-E", "-s", "-P", "-B")
"""The options that a child heeds."""

_LIMITS = ("AS", "CPU", "DATA", "FSIZE", "NOFILE", "NPROC")

_STEERING = (
    *("PYTHON", "LC_", "LANG", "LD_", "TZ", "CUDA_", "MPL", "NPY_", "TF_"),
    *("TENSORFLOW_", "XLA_", "KERAS_", "ONEDNN_", "DNNL_", "MKL_", "KMP_", "OMP_", "OPENBLAS_"),
    "GOTO_",
)
"""How the names of variables begin that are read when a process or a library starts."""

_HEEDED = ("PYTHONPATH", "KMP_INIT_AT_FORK", "KMP_DUPLICATE_LIB_OK")
"""Those of them that a child heeds, or has: scikit-learn sets two when it is imported."""


def state() -> str:
    """Tell what a child has from its server, and a real process from whatever starts it."""
    steering = [
        (name, value)
        for name, value in sorted(os.environ.items())
        if name.startswith(_STEERING) and name not in _HEEDED
    ]
    limits = [resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in _LIMITS]
    return repr((steering, limits, sorted(os.sched_getaffinity(0))))


def main(folder: str) -> None:
    """Have a child do what this process was started for, and end as it does."""
    with open(f"{folder}/settings.json") as file:
        settings = json.load(file)
    name = os.path.basename(sys.argv[0])
    is_python = name.startswith("python")
    program = settings["python"] if is_python else f"{settings['scripts']}/{name}"
    request = _plan(sys.argv[1:]) if is_python else _of("path", program, sys.argv[1:], [])
    if request is None or state() != settings["state"]:
        os.execv(program, [program, *sys.argv[1:]])
    if _is_light(request):
        _run_here(request, f"{folder}/bin/python", settings["packages"])
        return
    files = [number for number in map(int, os.listdir("/proc/self/fd")) if _stays_open(number)]
    link = socket.socket(socket.AF_UNIX)
    link.connect(f"{folder}/server")
    _hand_over(link, files, request)


def _plan(arguments: list[str]) -> dict[str, Any] | None:
    """Return what a Python is asked to run; None if a child cannot."""
    arguments, options = [*arguments], []
    while arguments and arguments[0] in _ALIKE:
        options.append(arguments.pop(0))
    if len(arguments) > 1 and arguments[0] in ("-m", "-c"):
        return _of(arguments[0], arguments[1], arguments[2:], options)
    if arguments and not arguments[0].startswith("-"):
        return _of("path", arguments[0], arguments[1:], options)
    return None


def _is_light(request: dict[str, Any]) -> bool:
    """Tell whether what is run needs no more than this process has: a child would take longer."""
    how: str = request["how"]
    what: str = request["what"]
    if how == "path":
        # What stands before a stage, and is replaced by it.
        return what == "src/optledger/stages" and os.path.isdir(what)
    return how == "-c" and what.startswith("from multiprocessing.resource_tracker import main")


def _run_here(request: dict[str, Any], python: str, packages: str) -> None:
    what = request["what"]
    sys.executable = python
    sys.argv = [request["how"] if request["how"] == "-c" else what, *request["arguments"]]
    sys.path.append(packages)
    if request["how"] == "path":
        with open(f"{what}/__main__.py") as file:
            what = file.read()
    exec(compile(what, sys.argv[0], "exec"), {"__name__": "__main__"})


def _of(how: str, what: str, arguments: list[str], options: list[str]) -> dict[str, Any]:
    return {"how": how, "what": what, "arguments": arguments, "options": options}


def _stays_open(number: int) -> bool:
    """Tell whether a program that is started has this file."""
    try:
        return os.get_inheritable(number)
    except OSError:
        return False


def _hand_over(link: socket.socket, files: list[int], request: dict[str, Any]) -> NoReturn:
    """Have a child do it, hand on to it what this process is told, and end as it does."""
    early: list[int] = []
    child: list[int] = []

    def hand_on(number: int, frame: object) -> None:
        if child:
            os.kill(child[0], number)
        else:
            early.append(number)

    ignored = [each for each in SIGNALS if signal.getsignal(each) == signal.SIG_IGN]
    for each in {*SIGNALS} - {*ignored}:
        signal.signal(each, hand_on)
    umask = os.umask(0)
    request |= {"files": files, "folder": os.getcwd(), "umask": umask, "ignored": ignored}
    request["leads"] = os.getsid(0) == os.getpid()
    text = json.dumps(request | {"environment": dict(os.environ)}).encode()
    link.sendall(len(text).to_bytes(8, "big"))
    socket.send_fds(link, [text[:1]], files)
    link.sendall(text[1:])
    answers = link.makefile("r")
    child.append(int(answers.readline()))
    for number in early:
        os.kill(child[0], number)
    # Whoever reads what the child writes sees its end, not the end of this process.
    for number in files:
        os.close(number)
    status = int(answers.readline())
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    os._exit(status)
