"""How every program of this project ends: one line for the user, and an exit status that says why.

0    done
1    a verdict, such as a variant that is worse or an output that differs from the lock
2    a mistake of the user, or something that the system refused
70   a fault of this project (EX_SOFTWARE of sysexits.h), with a file to report
130  interrupted, as in shells
141  nobody reads the output, as in shells
"""

import codecs
import errno
import gc
import io
import os
import platform
import re
import shlex
import sys
import tempfile
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NoReturn

VERDICT, MISTAKE, FAULT, INTERRUPTED = 1, 2, 70, 130
_UNREAD = 141

# Errors of the system that count even as the cause of another exception: a full disk, a folder
# that cannot be written, too many open files. A missing file is not among them: whoever raised the
# other exception may have handled it.
_REFUSALS = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM),
}

# SQLite's own codes for the same: locked (5, 6), read-only, failing, full, impossible to open.
_SQLITE_REFUSALS = {5, 6, 8, 10, 13, 14}

# The folders that the pipeline fills.
_MADE = ("data/", "results/")

_READABLE = {"→": "->", "…": "...", "±": "+-"}


class UserError(Exception):
    """A mistake the user can put right. The text says where, what is wrong and what to do."""


def run(command: Callable[[], None]) -> None:
    """Run `command` as a program, and exit with the status that fits its outcome."""
    # Nearly all that a command makes lives until it ends, its imports first of all: to search it
    # for garbage as often as Python does takes a tenth of a command's time.
    gc.set_threshold(100_000, 50, 100)
    _prepare_streams()
    try:
        try:
            command()
        finally:
            _flush()
    except BaseException as error:
        _end(error)


def refused(error: BaseException) -> str | None:
    """Return one line that says what the system refused; None for errors of another kind."""
    if isinstance(error, MemoryError):
        return "out of memory; close other programs, or use a machine with more"
    if _is_sqlite_refusal(error):
        return f"SQLite: {error}; it needs a disk with room and a folder that can be written"
    if not isinstance(error, OSError) or error.errno is None:
        return None
    if not isinstance(error.filename, str | bytes):
        return error.strerror
    name = os.fsdecode(error.filename)
    is_lacking = error.errno == errno.ENOENT and name.startswith(_MADE)
    return f"{name}: {error.strerror}{'; dvc repro or dvc pull brings it' if is_lacking else ''}"


def first_line(error: BaseException) -> str:
    """Return the first line of an error's message; the error's type if it has no message."""
    return printable(str(error).splitlines()[0]) if str(error) else type(error).__name__


def printable(text: str) -> str:
    """Return `text` as one line in which every character is safe to print on a terminal.

    Line breaks, control characters, escape sequences and marks that change the direction of a text
    are escaped as in a Python string.
    """
    if text.isprintable():
        return text
    return "".join(map(_printable, text))


def printable_lines(text: str) -> str:
    """Return `text` as `printable` does, but keep its line breaks."""
    return "\n".join(map(printable, text.split("\n")))


def _printable(character: str) -> str:
    # `isprintable` refuses spaces other than the ASCII one, which are harmless.
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode()


def without_credentials(text: str) -> str:
    """Return `text` with the user names and passwords of URLs replaced by asterisks."""
    return re.sub(r"(?<=://)\S*@|(?<=password=)[^&\s]+", _asterisks, text)


def _end(error: BaseException) -> NoReturn:
    """Print what ended the program, and exit with its status."""
    chain = list(_chain(error))
    if isinstance(error, SystemExit):
        # Typer exits with 1, a verdict here, when a pipe is closed or the input ends.
        chain = [each for each in chain if isinstance(each, BrokenPipeError | EOFError)]
        if error.code != VERDICT or not chain:
            raise error
    match chain[0]:
        case KeyboardInterrupt():
            _say("interrupted")
            status = INTERRUPTED
        case BrokenPipeError():
            status = _UNREAD
        case UserError() as mistake:
            _say(str(mistake))
            status = MISTAKE
        case first if line := refused(first) or next(filter(None, map(_refused_before, chain)), ""):
            _say(line)
            status = MISTAKE
        case fault:
            _say(_reported(fault))
            status = FAULT
    _drop_output()
    sys.exit(status)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, then the exceptions that it was raised from or while handling."""
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        yield following
        seen.add(id(following))
        after = None if following.__suppress_context__ else following.__context__
        following = following.__cause__ or after


def _refused_before(error: BaseException) -> str | None:
    known = getattr(error, "errno", None) in _REFUSALS
    known |= isinstance(error, MemoryError) or _is_sqlite_refusal(error)
    return refused(error) if known else None


def _is_sqlite_refusal(error: BaseException) -> bool:
    # DVC and MLflow write to databases. Reading the attribute avoids an import of sqlite3.
    return ((getattr(error, "sqlite_errorcode", None) or 0) & 0xFF) in _SQLITE_REFUSALS


def _reported(fault: BaseException) -> str:
    """Write the facts for a bug report to a file; return the line that names the file."""
    cause = " ".join(f"{type(fault).__name__}: {fault}".split())
    command = shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
    facts = (
        f"optledger {_version()}, Python {platform.python_version()}, {platform.platform()}\n"
        f"{command}\n"
    )
    told = without_credentials(facts + "".join(traceback.format_exception(fault)))
    line = f"found a fault of optledger, not of yours: {cause[:200]}; "
    try:
        number, path = tempfile.mkstemp(prefix="optledger-fault-", suffix=".txt")
        with os.fdopen(number, "wb") as file:
            file.write(told.encode(errors="backslashreplace"))
    except OSError:
        return f"{told}{line}please report it with the lines above"
    return f"{line}please report it with {path}, which has versions, command and traceback"


def _version() -> str:
    try:
        return version("optledger")
    except PackageNotFoundError:
        return "without a version"


def _say(text: str) -> None:
    try:
        print(printable_lines(without_credentials(text)), file=sys.stderr, flush=True)
    except OSError:
        # Nobody is left to tell.
        return


def _prepare_streams() -> None:
    """Make printing work on streams that are closed, or whose encoding lacks characters."""
    codecs.register_error("readable", _readable)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            # Take the closed stream's number, or the next file opened would get the output.
            number = os.open(os.devnull, os.O_RDWR)
            os.set_inheritable(number, True)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8"))
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="readable")


def _flush() -> None:
    try:
        sys.stdout.flush()
    except OSError as error:
        error.filename = error.filename or "standard output"
        raise


def _drop_output() -> None:
    """Discard output that could not be written; Python would fail on it again when it exits."""
    for stream in filter(None, (sys.__stdout__, sys.__stderr__)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _readable(error: UnicodeError) -> tuple[str, int]:
    """Return a substitute for the characters that a stream's encoding lacks."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    told = (_READABLE.get(each) or ascii(each)[1:-1] for each in lacking)
    return "".join(told), error.end


def _asterisks(credentials: re.Match[str]) -> str:
    return "***@" if credentials[0].endswith("@") else "***"
