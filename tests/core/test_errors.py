import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from optledger.core import errors
from optledger.core.errors import UserError

PROGRAM = (
    "from optledger.core import errors\nimport sys\ndef command():\n    {}\nerrors.run(command)"
)


def shell(folder: Path, script: str, **environment: str) -> tuple[int, str]:
    """Run a script of Bash in `folder`; return its exit status, and what it prints, with errors."""
    done = subprocess.run(
        ["bash", "-c", f"{{ {script}\n}} 2>&1"],
        cwd=folder,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        | {"TMPDIR": str(folder), **environment},
        capture_output=True,
        text=True,
        errors="backslashreplace",
        check=False,
    )
    return done.returncode, done.stdout


def program(folder: Path, statement: str, redirection: str = "", **environment: str) -> str:
    """Run a statement as a command; return what it prints and its exit status."""
    (folder / "program.py").write_text(PROGRAM.format(statement))
    status, printed = shell(folder, f"python program.py {redirection}", **environment)
    return f"{printed}{status}"


@pytest.mark.parametrize(
    ("statement", "end"),
    [
        ("pass", "0"),
        ("sys.exit(1)", "1"),
        ("raise errors.UserError('a mistake')", "a mistake\n2"),
        ("raise KeyboardInterrupt", "interrupted\n130"),
        # What the system refuses is no verdict, and no fault of this project.
        ("open('missing/file')", "missing/file: No such file or directory\n2"),
        (
            "open('results/x.csv')",
            "results/x.csv: No such file or directory; dvc repro or dvc pull brings it\n2",
        ),
        ("raise OSError(28, 'No space left on device')", "No space left on device\n2"),
        ("raise MemoryError", "out of memory; close other programs, or use a machine with more\n2"),
        ("import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3)); open('program.py')",
         "program.py: Too many open files\n2"),
        ("import sqlite3; sqlite3.connect('missing/file')",
         "SQLite: unable to open database file; it needs a disk with room and a folder that can "
         "be written\n2"),
        # Also where a library makes another exception of it.
        ("try: raise OSError(13, 'Permission denied', 'a')\n    except OSError: raise ValueError",
         "a: Permission denied\n2"),
    ],
)  # fmt: skip
def test_an_end_has_its_exit_status(tmp_path: Path, statement: str, end: str) -> None:
    """Verdicts are 1, mistakes and refusals 2, with one line."""
    assert program(tmp_path, statement) == end


def test_a_fault_of_this_project_is_no_verdict(tmp_path: Path) -> None:
    """One line, status 70, and a file with what a report needs, without credentials."""
    statement = "raise KeyError('https://me:secret@host/x')"
    line, status = program(tmp_path, statement).splitlines()
    (report,) = tmp_path.glob("optledger-fault-*.txt")
    assert status == "70"
    assert line.startswith("found a fault of optledger, not of yours: KeyError: 'https://***@host")
    assert f"please report it with {report}" in line
    told = report.read_text()
    assert told.startswith("optledger ")
    assert "\nprogram.py\nTraceback (most recent call last):\n" in told
    assert "secret" not in told + line


def test_a_fault_that_cannot_be_written_down_is_printed(tmp_path: Path) -> None:
    """Where no folder takes the file."""
    statement = "import tempfile; tempfile.tempdir = '/no/such/folder'; raise KeyError"
    *lines, status = program(tmp_path, statement).splitlines()
    assert "Traceback (most recent call last):" in lines
    assert lines[-1].endswith("please report it with the lines above")
    assert status == "70"


@pytest.mark.parametrize(
    "encoding", ["ascii", "latin-1", "utf-8", "cp1252", "latin-1:strict", "utf-16"]
)
@pytest.mark.parametrize("statement", ["print(text)", "raise errors.UserError(text)"])
def test_no_output_fails_for_its_encoding(tmp_path: Path, encoding: str, statement: str) -> None:
    """Whatever the stream cannot hold is told in other characters."""
    text = r"text = 'a \u2192 b \u00b1 c \u2026 \u2603 \udcff'; "
    printed = program(tmp_path, text + statement, PYTHONIOENCODING=encoding)
    assert printed.endswith("2" if "Error" in statement else "0")
    if encoding == "ascii":
        assert printed.startswith("a -> b +- c ... \\u2603 \\udcff\n")


@pytest.mark.parametrize("stream", [">&-", "2>&-", ">&- 2>&- <&-"])
@pytest.mark.parametrize(("statement", "status"), [("sys.exit(1)", "1"), ("raise KeyError", "70")])
def test_a_closed_stream_changes_no_exit_status(
    tmp_path: Path, stream: str, statement: str, status: str
) -> None:
    """Nor is anything printed to a file that happens to get the number of the closed stream."""
    opened = "import os; file = open('precious', 'w'); print('x', flush=True); "
    opened += "os.system('echo y; echo z >&2'); "
    printed = program(tmp_path, opened + statement, stream)
    assert printed.endswith(status)
    assert (tmp_path / "precious").read_text() == ""


@pytest.mark.parametrize("size", [1, 1_000_000])
@pytest.mark.parametrize("status", [0, 1])
def test_a_full_disk_behind_the_output_is_told(tmp_path: Path, size: int, status: int) -> None:
    """It is neither what the command came to nor a traceback."""
    printed = program(tmp_path, f"print('x' * {size}); sys.exit({status})", "> /dev/full")
    assert printed.endswith("No space left on device\n2")
    assert len(printed.splitlines()) == 2


def test_whoever_reads_no_further_ends_the_command_quietly(tmp_path: Path) -> None:
    """With the status that shells have for SIGPIPE."""
    (tmp_path / "program.py").write_text(PROGRAM.format("[print('x' * 99) for _ in range(9999)]"))
    script = "python program.py | head -n 1; echo ${PIPESTATUS[0]}"
    assert shell(tmp_path, script) == (0, f"{'x' * 99}\n141\n")


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_help_and_usage_errors_are_printed_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    """Their frames and dots have other characters."""
    status, printed = shell(tmp_path, "optledger --help", PYTHONIOENCODING=encoding)
    assert (status, "review" in printed) == (0, True)
    status, printed = shell(tmp_path, "optledger reviw", PYTHONIOENCODING=encoding)
    assert (status, "reviw" in printed) == (2, True)


def test_help_that_nobody_reads_is_no_verdict(tmp_path: Path) -> None:
    """Typer itself would end with 1."""
    script = "optledger --help | true; echo ${PIPESTATUS[0]}"
    assert shell(tmp_path, script)[1].splitlines()[-1] in ("0", "141")


def test_a_package_that_cannot_be_imported_is_no_verdict(tmp_path: Path) -> None:
    """A fault in the environment ends every command with 70 before it begins."""
    (tmp_path / "pydantic.py").write_text("raise ImportError('broken')")
    status, printed = shell(tmp_path, "optledger review HEAD", PYTHONPATH=str(tmp_path))
    assert status == 70
    assert len(printed.splitlines()) == 1


@pytest.mark.parametrize("error", [BrokenPipeError(32, "Broken pipe"), EOFError()])
def test_what_typer_ends_with_a_verdict_is_none(
    error: Exception, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """It takes a closed pipe and an end of file for the status 1."""
    import typer

    # The variable is read once.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["optledger"])
    app = typer.Typer()

    @app.command()
    def command() -> None:
        raise error

    with pytest.raises(SystemExit) as caught:
        errors.run(app)
    is_pipe = isinstance(error, BrokenPipeError)
    assert caught.value.code == (141 if is_pipe else 70)
    assert len([*tmp_path.glob("optledger-fault-*.txt")]) == (0 if is_pipe else 1)


def test_credentials_are_told_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither as a part of an address nor as an argument."""

    def command() -> None:
        raise UserError("https://me:secret@host/?password=secret&x=1")

    with pytest.raises(SystemExit):
        errors.run(command)
    assert capsys.readouterr().err == "https://***@host/?password=***&x=1\n"


def test_streams_that_are_no_files_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a notebook."""
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    errors.run(lambda: print("→"))
    assert sys.stdout.getvalue() == "→\n"
