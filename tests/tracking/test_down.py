"""Publishing where there is no store: one line, soon, and nothing else has changed."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from project import Project
from servers import free_port


@contextmanager
def refusing() -> Iterator[str]:
    """Nothing listens."""
    yield f"127.0.0.1:{free_port()}"


@contextmanager
def silent() -> Iterator[str]:
    """Connections are taken, and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def unavailable() -> Iterator[str]:
    """Every answer is 503, as of a gateway whose server is down."""
    with answering(503, "") as address:
        yield address


@contextmanager
def another() -> Iterator[str]:
    """A web server, but not MLflow's."""
    with answering(200, "<html>Welcome</html>") as address:
        yield address


@contextmanager
def unknown() -> Iterator[str]:
    """No machine has the name."""
    yield "mlflow.invalid:5000"


@contextmanager
def answering(status: int, text: str) -> Iterator[str]:
    """Answer every request so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("down", [refusing, silent, unavailable, another, unknown])
def test_it_is_one_line_and_touches_nothing(
    project: Project, down: Callable[[], AbstractContextManager[str]]
) -> None:
    """It names the store without the password in its URI."""
    before = files(project)
    with down() as address:
        uri = f"http://someone:secret@{address}"
        start = time.monotonic()
        command = ("python", "-m", "optledger.stages.publish")
        process = project.start(*command, PYTHONPATH="src", MLFLOW_TRACKING_URI=uri)
        printed, _ = process.communicate(timeout=300)
        seconds = time.monotonic() - start
    (line,) = printed.splitlines()
    assert line.startswith(f"publish: http://***@{address}: ")
    assert "secret" not in line
    assert process.returncode == 2
    assert files(project) == before
    # Ten are promised, on a machine that has nothing else to do; MLflow by itself takes minutes.
    assert seconds < 100


def files(project: Project) -> dict[str, bytes]:
    """Return what the pipeline has made, and its lock."""
    paths = [project.path / "dvc.lock", *project.path.glob("results/**/*")]
    return {str(path): path.read_bytes() for path in paths if path.is_file()}
