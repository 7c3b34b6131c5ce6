"""An HTTP proxy that does a request wrong when it is told to, as networks and servers do."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

# Headers of one connection, which a proxy does not pass on, and those that it writes itself.
_OWN_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length", "host"}


# Seconds that a request is on its way after its sender has given up.
_DELAY = 0.3


@dataclass
class Proxy:
    """What passes between clients and one server.

    Attributes:
        server: the URL that requests are passed on to.
        url: the proxy's own.
        requests: the method and path of each request so far, from the first of a trial.
        fault: what happens to the request number `at`, from 1: a name of `FAULTS`, of
            `PREPARATIONS` or of `SERVERS`, or None.
        lasting: whether it happens to all that follow, too.
        kill: ends the client; for the faults that do.
        injected: how often the fault has happened.
    """

    server: str
    url: str = ""
    requests: list[str] = field(default_factory=list)
    fault: str | None = None
    at: int = 0
    lasting: bool = False
    kill: Callable[[], None] = lambda: None
    injected: int = 0
    closing: threading.Event = field(default_factory=threading.Event)
    _under_way: int = 0
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def disturb(
        self,
        fault: str | None,
        at: int = 0,
        *,
        lasting: bool = False,
        kill: Callable[[], None] = lambda: None,
    ) -> None:
        """Count requests anew, and have `fault` happen to the one with the number `at`."""
        with self._changed:
            self.requests, self.injected = [], 0
            self.fault, self.at, self.lasting, self.kill = fault, at, lasting, kill

    def settle(self) -> None:
        """Wait until the server has all requests that are on their way, and has answered."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._under_way == 0, timeout=60)

    @contextmanager
    def passage(self, request: str) -> Iterator[Callable[["_Handler"], None]]:
        """Count a request, and have it under way for the block; yield what is to happen to it."""
        with self._changed:
            self._under_way += 1
        try:
            yield self._fate(request)
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def _fate(self, request: str) -> Callable[["_Handler"], None]:
        with self._changed:
            self.requests.append(request)
            number = len(self.requests)
            if self.fault and (number == self.at or (self.lasting and number > self.at)):
                self.injected += 1
                return {**FAULTS, **PREPARATIONS, **SERVERS}[self.fault]
        return _Handler.answer


@contextmanager
def proxy_of(server: str) -> Iterator[Proxy]:
    """Run a proxy of the server at that URL."""
    proxy = Proxy(server)
    listener = _Listener(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": proxy}))
    proxy.url = f"http://127.0.0.1:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, args=[0.05])
    thread.start()
    try:
        yield proxy
    finally:
        proxy.closing.set()
        listener.shutdown()
        thread.join()
        listener.server_close()


class _Listener(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away in the middle, as clients here do, is no news."""


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy
    protocol_version = "HTTP/1.1"
    # The answer's head and body leave in one packet each, at once.
    disable_nagle_algorithm = True

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Take every method alike."""
        if name.startswith("do_"):
            return self._take
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        """Say nothing: `Proxy.requests` has it."""

    def _take(self) -> None:
        with self.proxy.passage(f"{self.command} {urlsplit(self.path).path}") as fate:
            fate(self)

    # What can happen to a request.

    def answer(self) -> None:
        """Pass the request on, and the answer back."""
        response, body = self._forward()
        self._reply(response, body)

    def error(self) -> None:
        """Answer 500 instead of the server, which learns of nothing."""
        self._body()
        self._fail()

    def error_after(self) -> None:
        """Answer 500 when the server has done what was asked."""
        self._forward()
        self._fail()

    def late(self) -> None:
        """Keep the answer of the server, which has done what was asked, until nobody waits."""
        self._forward()
        self._until_nobody_waits()

    def delayed(self) -> None:
        """Pass the request on when nobody waits any longer, and its sender has gone on."""
        body = self._body()
        self._until_nobody_waits()
        self.proxy.closing.wait(_DELAY)
        self._send(body)

    def dropped(self) -> None:
        """Hang up before the server learns of anything."""
        self._body()
        self._hang_up()

    def dropped_after(self) -> None:
        """Hang up when the server has done what was asked."""
        self._forward()
        self._hang_up()

    def cut(self) -> None:
        """Hang up on both when half of the request's body is through."""
        body = self._body()
        with self._connection() as server:
            self._send_head(server, len(body))
            server.send(body[: len(body) // 2])
        self._hang_up()

    def cut_answer(self) -> None:
        """Hang up when half of the answer's body is through."""
        response, body = self._forward()
        self._reply(response, body, len(body) // 2)
        self._hang_up()

    def twice(self) -> None:
        """Pass the request on twice, as a client does that repeats it by itself."""
        body = self._body()
        self._send(body)
        self._reply(*self._send(body))

    def only_created(self) -> None:
        """Have all runs created twice, and hang up on whatever would change one."""
        path = urlsplit(self.path).path
        if path.endswith("runs/create"):
            self.twice()
        elif path.endswith(("get-by-name", "experiments/create", "runs/search")):
            self.answer()
        else:
            self.dropped()

    def no_models(self) -> None:
        """Answer as a server that has no logged models, as MLflow 2."""
        self._without_models("text/html", b"<title>404 Not Found</title>")

    def no_models_in_json(self) -> None:
        """Answer as a server that has no logged models and is not MLflow's own."""
        self._without_models("application/json", b'{"error": "404 Not Found"}')

    def killed(self) -> None:
        """End the client before the server learns of anything."""
        self._body()
        self.proxy.kill()
        self._hang_up()

    def killed_after(self) -> None:
        """End the client when the server has done what was asked."""
        self._forward()
        self.proxy.kill()
        self._hang_up()

    # How.

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    @contextmanager
    def _connection(self) -> Iterator[HTTPConnection]:
        server = HTTPConnection(urlsplit(self.proxy.server).netloc, timeout=60)
        try:
            yield server
        finally:
            server.close()

    def _send_head(self, server: HTTPConnection, length: int) -> None:
        server.putrequest(self.command, self.path, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in _OWN_HEADERS:
                server.putheader(name, value)
        server.putheader("Content-Length", str(length))
        server.endheaders()

    def _forward(self) -> tuple[HTTPResponse, bytes]:
        return self._send(self._body())

    def _send(self, body: bytes) -> tuple[HTTPResponse, bytes]:
        with self._connection() as server:
            self._send_head(server, len(body))
            server.send(body)
            response = server.getresponse()
            return response, response.read()

    def _reply(self, response: HTTPResponse, body: bytes, until: int | None = None) -> None:
        self.send_response_only(response.status, response.reason)
        for name, value in response.getheaders():
            if name.lower() not in _OWN_HEADERS:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:until])

    def _fail(self) -> None:
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _without_models(self, kind: str, said: bytes) -> None:
        if "/logged-models" not in urlsplit(self.path).path:
            self.answer()
            return
        self._body()
        self.send_response(404)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def _until_nobody_waits(self) -> None:
        self.close_connection = True
        self.connection.settimeout(0.05)
        while not self.proxy.closing.is_set():
            try:
                if not self.connection.recv(1):
                    return
            except TimeoutError:
                continue
            except ConnectionError:
                return

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


FAULTS: dict[str, Callable[[_Handler], None]] = {
    "error": _Handler.error,
    "error after": _Handler.error_after,
    "late": _Handler.late,
    "delayed": _Handler.delayed,
    "dropped": _Handler.dropped,
    "dropped after": _Handler.dropped_after,
    "cut": _Handler.cut,
    "cut answer": _Handler.cut_answer,
    "twice": _Handler.twice,
    "killed": _Handler.killed,
    "killed after": _Handler.killed_after,
}

# What leaves a store in disorder, for a trial to begin with.
PREPARATIONS: dict[str, Callable[[_Handler], None]] = {"only created": _Handler.only_created}

# What other servers do, to all requests.
SERVERS: dict[str, Callable[[_Handler], None]] = {
    "no models": _Handler.no_models,
    "no models, in JSON": _Handler.no_models_in_json,
}
