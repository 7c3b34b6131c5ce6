import gzip
from pathlib import Path

import pytest

from mirror import Mirror
from optledger.datasets.web import SourceError, download

CLOSED = "http://127.0.0.1:9"


@pytest.fixture
def addresses(mirror: type[Mirror], secured: type[Mirror]) -> dict[str, str]:
    """Where the servers are, by what the tests call them."""
    mirror.pages |= {"/slow": None, "/cut": b"cut", "/redirect": 302}
    return {"plain": mirror.url, "tls": secured.url, "closed": f"{CLOSED}/"}


@pytest.mark.parametrize(
    ("url", "environment", "told"),
    [
        ("{tls}", {}, ("not trusted", "self-signed", "REQUESTS_CA_BUNDLE")),
        ("{tls}", {"REQUESTS_CA_BUNDLE": __file__}, ("no secure connection", "certificate or crl")),
        ("{tls}", {"REQUESTS_CA_BUNDLE": "/nonexistent"}, ("TLS CA certificate bundle", "")),
        ("{plain}slow", {}, ("no answer in time", "HTTPS_PROXY")),
        ("{plain}gone", {}, ("HTTP status 404",)),
        ("{closed}", {}, ("no connection", "Connection refused", "HTTPS_PROXY")),
        ("http://nowhere.invalid/", {}, ("unknown host", "known", "DNS")),
        ("http://a..b/", {}, ("not the address", "label empty")),
        ("http://example.org/", {"HTTP_PROXY": CLOSED}, ("proxy failed", "refused", "NO_PROXY")),
        ("https://example.org/", {"HTTPS_PROXY": CLOSED}, ("proxy failed", "refused", "NO_PROXY")),
        ("https://example.org/", {"HTTPS_PROXY": "http://a.invalid"}, ("proxy failed", "known")),
        ("https://example.org/", {"HTTPS_PROXY": "{plain}"}, ("proxy failed", "407", "NO_PROXY")),
        ("https://example.org/", {"HTTPS_PROXY": "http://"}, ("not the address", "HTTPS_PROXY")),
        ("https://example.org/", {"ALL_PROXY": "socks5://a"}, ("not the address", "SOCKS")),
    ],
    ids=str,
)
def test_a_failure_has_its_cause_and_its_remedy(
    url: str,
    environment: dict[str, str],
    told: tuple[str, ...],
    addresses: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is broken is said in one line, with the variable that mends it."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(**addresses))
    with pytest.raises((SourceError, OSError)) as caught:
        download(url.format(**addresses), tmp_path / "file", 1000)
    line = str(caught.value)
    assert all(each in line for each in told), line
    assert len(line.splitlines()) == 1


def test_a_certificate_that_one_names_is_trusted(
    secured: type[Mirror], certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The remedy of the message works."""
    secured.pages["/file"] = b"content"
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    download(f"{secured.url}file", tmp_path / "file", 1000)
    assert (tmp_path / "file").read_bytes() == b"content"


@pytest.mark.parametrize("encoding", [None, "gzip"])
def test_an_answer_has_its_limit(
    encoding: str | None, mirror: type[Mirror], tmp_path: Path
) -> None:
    """An answer without end fills no disk, not even where the server sends it compressed."""
    mirror.pages["/file"] = bytes(10**6) if encoding is None else gzip.compress(bytes(10**8))
    mirror.encoding = encoding
    with pytest.raises(SourceError, match="longer"):
        download(f"{mirror.url}file", tmp_path / "file", 1000)
    assert (tmp_path / "file").stat().st_size <= 1000
