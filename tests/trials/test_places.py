import getpass
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from optledger.core import git
from optledger.core.errors import UserError
from optledger.trials.observations import FinishedTrial
from optledger.trials.places import FOLDER, VARIABLE, Folder, Place, Remote, place
from optledger.trials.store import Store
from optledger.trials.trial import Divergence, TrialResult

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin")

CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/user.pub
PidFile {folder}/sshd.pid
StrictModes no
PasswordAuthentication no
UsePAM no
Subsystem sftp internal-sftp
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The URL of a folder behind a real SSH server, and that folder; HOME has the keys."""
    if SSHD is None:
        # Nothing that pip installs; .ci/run installs it, so that nothing is skipped there.
        pytest.skip("found no sshd")
    folder = tmp_path_factory.mktemp("ssh")
    home = folder / "home/.ssh"
    home.mkdir(parents=True, mode=0o700)
    for name in ("host", "user"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(key, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "config").write_text(CONFIG.format(port=port, folder=folder))
    shutil.copy(folder / "user", home / "id_ed25519")
    host = (folder / "host.pub").read_text()
    (home / "known_hosts").write_text(f"[127.0.0.1]:{port} {host}")
    # What sshd wants where root starts it, and nobody else can make.
    with suppress(PermissionError):
        Path("/run/sshd").mkdir(exist_ok=True)
    log = folder / "log"
    daemon = subprocess.Popen([SSHD, "-D", "-f", str(folder / "config"), "-E", str(log)])
    try:
        deadline = time.monotonic() + 60
        while not _answers(port):
            assert daemon.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        (folder / "there").mkdir()
        yield f"ssh://{getpass.getuser()}@127.0.0.1:{port}{folder}/there", folder / "there"
    finally:
        daemon.terminate()
        daemon.wait()


def _answers(port: int) -> bool:
    with socket.socket() as link:
        return link.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def remote(server: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL, for a user whose keys the server knows."""
    url, folder = server
    monkeypatch.setenv("HOME", str(folder.parent / "home"))
    return f"{url}/trials"


@pytest.fixture(params=["folder", "remote"])
def kept(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Where OPTLEDGER_TRIALS says, which is not there yet."""
    if request.param == "folder":
        monkeypatch.setenv(VARIABLE, str(tmp_path / "a folder/trials"))
    else:
        monkeypatch.setenv(VARIABLE, f"{request.getfixturevalue('remote')}-{tmp_path.name}")
    found = place()
    assert found is not None
    return found


def test_files_come_and_go(kept: Place) -> None:
    """What is written is listed, with its size and time; what is written again takes its place."""
    assert kept.items() == {}
    kept.write("a", b"first\nsecond\nthird")
    kept.write("a", b"1st\n2nd\n3rd\n")
    kept.write("b", b"")
    items = kept.items()
    assert {name: item.size for name, item in items.items()} == {"a": 12, "b": 0}
    assert all(abs(item.modified - time.time()) < 600 for item in items.values())
    assert kept.read("a") == b"1st\n2nd\n3rd\n"
    assert kept.read("a", head=True).startswith(b"1st\n2nd\n")
    kept.remove("a")
    kept.remove("a")
    assert kept.items().keys() == {"b"}
    with pytest.raises(FileNotFoundError):
        kept.read("a")
    assert kept.path("b").startswith(str(kept))


def test_a_store_works_wherever_it_is(kept: Place) -> None:
    """Also for another process, which lists it anew."""
    document = {"trial": {"learning_rate": 0.5, "seed": 1}}
    result = TrialResult(0.5, 1, {}, [], 0, Divergence(1, 1))
    Store(kept).put(document, FinishedTrial(result, None))
    other = place()
    assert other is not None
    (key,) = Store(other).items
    assert Store(other).trial(key) == FinishedTrial(result, None)


def test_nothing_half_written_is_seen_behind_ssh(remote: str, server: tuple[str, Path]) -> None:
    """A file has another name until it is complete."""
    _, folder = server
    Remote(remote).write("a", b"content")
    assert [path.name for path in (folder / "trials").iterdir()] == ["a.trial"]


def test_an_unknown_host_is_refused(
    remote: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """As by `ssh`: somebody else may be listening. Nothing ends for that."""
    shutil.copytree(Path.home(), tmp_path / "home")
    (tmp_path / "home/.ssh/known_hosts").write_text("")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    store = Store(Remote(remote))
    told = capfd.readouterr().err
    assert re.fullmatch(r"ssh://.*: .*; finished trials are not looked up\n", told)
    assert not store.items


def test_a_server_that_is_away_costs_two_lines(capfd: pytest.CaptureFixture[str]) -> None:
    """However many trials there are; no password is told."""
    store = Store(Remote("ssh://someone:secret@127.0.0.1:1/a"))
    result = TrialResult(0.5, 1, {}, [], 0, Divergence(1, 1))
    for seed in range(3):
        document = {"trial": {"learning_rate": 0.5, "seed": seed}}
        assert not store.put(document, FinishedTrial(result, None))
    told = capfd.readouterr().err.splitlines()
    assert [line.rpartition("; ")[2] for line in told] == [
        "finished trials are not looked up",
        "finished trials are not kept",
    ]
    assert all(line.startswith("ssh://***@127.0.0.1:1/a: ") for line in told)


def test_files_are_for_all_that_a_folder_is_for(tmp_path: Path) -> None:
    """As any file that this user makes."""
    (tmp_path / "any").touch()
    Folder(tmp_path / "trials").write("a", b"content")
    (entry,) = (tmp_path / "trials").iterdir()
    assert entry.stat().st_mode == (tmp_path / "any").stat().st_mode


def test_a_file_url_is_a_place_like_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made when it is first written to, and nothing else is left in it."""
    monkeypatch.setenv(VARIABLE, f"file://{tmp_path}/new/trials")
    found = place()
    assert found is not None
    assert found.items() == {}
    found.write("a", b"content")
    assert found.read("a") == b"content"
    assert [path.name for path in (tmp_path / "new/trials").iterdir()] == ["a.trial"]


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("ftpp://me:secret@host/a", r"found ftpp://\*\*\*@host.*; allowed: a folder, or a URL of"),
        ("~nobody-of-this-name/a", "found ~nobody-of-this-name/a: .*; allowed: a folder$"),
    ],
)
def test_what_is_no_place_is_one_line(
    value: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its cause, and without a password."""
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(UserError, match=told) as caught:
        place()
    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


def test_an_empty_variable_is_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept."""
    monkeypatch.setenv(VARIABLE, "")
    assert place() is None


def test_the_place_is_the_main_repository_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a worktree, and from the copy that DVC runs an experiment in; also a relative one."""
    monkeypatch.delenv(VARIABLE, raising=False)
    repository, worktree = tmp_path / "repository", tmp_path / "worktree"
    copy = repository / ".dvc/tmp/exps/standard/copy"
    copy.mkdir(parents=True)
    for folder in (repository, copy):
        git.run("init", "--quiet", checkout=folder)
    own = ("-c", "user.name=A", "-c", "user.email=a@b", "commit", "--quiet", "--allow-empty")
    git.run(*own, "--message", "a", checkout=repository)
    git.run("worktree", "add", "--quiet", str(worktree), checkout=repository)
    for folder in (repository, worktree, copy):
        monkeypatch.chdir(folder)
        assert str(place()) == str(repository / FOLDER)
    monkeypatch.setenv(VARIABLE, "kept")
    assert str(place()) == str(repository / "kept")
    monkeypatch.setenv(VARIABLE, os.devnull)
    assert str(place()) == os.devnull
