"""A dataset, and the servers that deliver it."""

import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mirror import Mirror, serving
from optledger.core.formats import file_digest
from optledger.datasets import package_index, registry, web
from optledger.datasets.registry import MIRROR_VARIABLE, Idx, Package


@pytest.fixture(autouse=True)
def _no_network_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have none of this machine's settings, and wait for half a second only."""
    for name in list(os.environ):
        if name.startswith("PIP_") or name.lower().endswith(("_proxy", "_bundle")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv(MIRROR_VARIABLE, raising=False)
    monkeypatch.setattr(web, "TIMEOUT", (0.5, 0.5))
    monkeypatch.setattr(package_index, "TIMEOUT", (0.5, 0.5))


@pytest.fixture
def mirror() -> Iterator[type[Mirror]]:
    """A web server on this machine; its address is `mirror.url`."""
    with serving() as pages:
        yield pages


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate that nobody has signed, for 127.0.0.1, and its key, in one file."""
    file = tmp_path_factory.mktemp("certificate") / "both.pem"
    subject = ["-subj", "/CN=tests", "-addext", "subjectAltName=IP:127.0.0.1"]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command = ["openssl", "req", "-x509", *key, "-keyout", file, "-out", "-", *subject]
    made = subprocess.run(command, check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + made.stdout)
    return file


@pytest.fixture
def secured(certificate: Path) -> Iterator[type[Mirror]]:
    """A web server on this machine that speaks TLS with that certificate."""
    with serving(certificate) as pages:
        yield pages


@pytest.fixture
def dataset(tmp_path: Path, digits_entry: str) -> Idx:
    """The digits' entry; each test gives it sources."""
    (tmp_path / "digits.yaml").write_text(digits_entry)
    found = registry.load("digits", tmp_path)
    assert isinstance(found, Idx)
    return found


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where the files go."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


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
        members={
            "train_images": "digits/train-images",
            "train_labels": "digits/train-labels",
            "test_images": "digits/test-images",
            "test_labels": "digits/test-labels",
        },
    )
