"""Downloads, and the reasons for failed ones: the cause, and the setting that helps."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import requests
from tqdm import tqdm
from urllib3 import exceptions as urllib3

from optledger.core.errors import first_line

TIMEOUT = (5.0, 30.0)  # seconds: to connect, and between two bytes

_CHUNK_BYTES = 1 << 20

_PROXY = "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY names the proxy, NO_PROXY what is reached without"
_CERTIFICATES = "REQUESTS_CA_BUNDLE names a file with the certificates to trust"
_SECURITY = "look whether it speaks TLS there, and REQUESTS_CA_BUNDLE names a file of certificates"
_SPELLING = "mend its spelling or this machine's DNS, or name a proxy in HTTPS_PROXY"
_WAY = "look whether it is up, or name a proxy in HTTPS_PROXY"

# The first type that is among the causes of an error gives the description and the remedy. The
# innermost cause gives the details.
_KINDS: tuple[tuple[type[BaseException], str, str], ...] = (
    (requests.exceptions.ProxyError, "the proxy failed", _PROXY),
    (urllib3.ProxyError, "the proxy failed", _PROXY),
    (requests.exceptions.InvalidURL, "not the address of a server or a proxy", _PROXY),
    (requests.exceptions.InvalidSchema, "not the address of a server or a proxy", _PROXY),
    (urllib3.LocationParseError, "not the address of a server or a proxy", _PROXY),
    (ssl.SSLCertVerificationError, "its certificate is not trusted", _CERTIFICATES),
    (ssl.SSLError, "no secure connection", _SECURITY),
    (socket.gaierror, "unknown host", _SPELLING),
    (TimeoutError, "no answer in time", _WAY),
    (urllib3.ReadTimeoutError, "no answer in time", _WAY),
    (requests.exceptions.ConnectionError, "no connection", _WAY),
)


class SourceError(Exception):
    """A source does not deliver a file; the text says why in one line."""


def download(url: str, target: Path, most: int, **settings: Any) -> None:
    """Download a URL to a new file.

    Args:
        url: the URL of the file.
        target: the path of the new file.
        most: how many bytes it may have.
        settings: arguments of `requests.get`, which override the environment.

    Raises:
        SourceError: the download fails, or the answer is too long.
    """
    with (
        source_errors(),
        requests.get(url, stream=True, **{"timeout": TIMEOUT, **settings}) as answer,
    ):
        answer.raise_for_status()
        length = answer.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
        bar = tqdm(total=total, unit="B", unit_scale=True, disable=None)
        with target.open("xb") as file, bar:
            for chunk in answer.iter_content(_CHUNK_BYTES):
                if file.tell() + len(chunk) > most:
                    raise SourceError(f"the answer is longer than {most} bytes")
                file.write(chunk)
                bar.update(len(chunk))


@contextmanager
def source_errors() -> Iterator[None]:
    """Turn the errors of the requests in a block into a `SourceError` that says why.

    Raises:
        SourceError: a request failed.
    """
    try:
        yield
    except (requests.RequestException, urllib3.HTTPError, ValueError) as error:
        # requests lets some errors of urllib3 and of Python through.
        raise SourceError(_reason(error)) from None


def _reason(error: Exception) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        status = error.response.status_code
        told = f"HTTP status {status}"
        by_proxy = status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED
        return f"{told}, of the proxy ({_PROXY})" if by_proxy else told
    causes = list(_causes(error))
    innermost = causes[-1]
    cause = (isinstance(innermost, OSError) and innermost.strerror) or first_line(innermost)
    for kind, said, remedy in _KINDS:
        if any(isinstance(each, kind) for each in causes):
            return f"{said}: {cause} ({remedy})"
    return cause


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its causes, the innermost last."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
