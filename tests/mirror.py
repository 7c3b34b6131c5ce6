"""Real web servers of this machine with files of a dataset, and what a download has to leave."""

import gzip
import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from optledger.core.formats import file_digest
from optledger.datasets.registry import Idx, Source


class Mirror(http.server.BaseHTTPRequestHandler):
    """Serves `pages`, bytes by path, as they are; a number is a status, None no answer."""

    pages: dict[str, bytes | int | None]
    released: threading.Event
    content_type = "text/html"
    encoding: str | None = None
    url: str

    def do_GET(self) -> None:
        """Answer with the page of that path."""
        page = self.pages.get(self.path, 404)
        if page is None:
            self.released.wait(30)
            return
        self.send_response(page if isinstance(page, int) else 200)
        self.send_header("Content-Type", self.content_type)
        body = b"" if isinstance(page, int) else page
        if self.encoding is not None:
            self.send_header("Content-Encoding", self.encoding)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_CONNECT(self) -> None:
        """Be a proxy that wants to know who asks."""
        self.send_response(407)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class _Server(http.server.ThreadingHTTPServer):
    """Speaks TLS where it has a context; a client that gives up is none of its concern."""

    context: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Answer a request, after the handshake if there is one."""
        if self.context is None:
            super().finish_request(request, client_address)
            return
        with suppress(OSError), self.context.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)


@contextmanager
def serving(certificate: Path | None = None) -> Iterator[type[Mirror]]:
    """Serve pages of one's own; their address is `url`.

    Args:
        certificate: a file with a certificate and its key, to speak TLS with.
    """

    class Pages(Mirror):
        pages: dict[str, bytes | int | None] = {}  # noqa: RUF012 # a new class for each server
        released = threading.Event()

    server = _Server(("127.0.0.1", 0), Pages)
    if certificate is not None:
        server.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.context.load_cert_chain(certificate)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    scheme = "http" if certificate is None else "https"
    Pages.url = f"{scheme}://127.0.0.1:{server.server_port}/"
    yield Pages
    Pages.released.set()
    server.shutdown()
    server.server_close()
    thread.join()


def from_sources(dataset: Idx, *found: Source) -> Idx:
    """Return `dataset` with these sources instead of its own."""
    return dataset.model_copy(update={"sources": found})


def serve(mirror: type[Mirror], folder: Path) -> None:
    """Serve every file of `folder`, gzip-ed."""
    for path in folder.iterdir():
        mirror.pages[f"/{path.name}.gz"] = gzip.compress(path.read_bytes(), 1)


def assert_complete(dataset: Idx, out: Path) -> None:
    """Check that `out` has the four files, with the pinned content, and nothing else."""
    files = dataset.files.values()
    assert {path.name for path in out.iterdir()} == {file.name for file in files}
    assert {file_digest(path) for path in out.iterdir()} == {file.sha256 for file in files}
