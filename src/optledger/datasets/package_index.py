"""Files of the package index that pip is configured for, requested with pip's settings."""

import ast
import os
import subprocess
import sys
import warnings
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from pypi_simple import (
    ACCEPT_ANY,
    PYPI_SIMPLE_ENDPOINT,
    ProjectPage,
    PyPISimple,
    UnsupportedRepoVersionError,
)
from urllib3.exceptions import InsecureRequestWarning

from optledger.core.errors import first_line
from optledger.datasets.registry import Package
from optledger.datasets.web import TIMEOUT, SourceError, download, source_errors

_PIP_SECONDS = 30

_LONGEST_TIMEOUT = 86_400.0


def download_package(package: Package, target: Path) -> None:
    """Download a distribution file of the package index to a new file.

    Raises:
        SourceError: the file cannot be downloaded.
    """
    configured = pip_settings()
    index_url = configured.get("index-url", PYPI_SIMPLE_ENDPOINT)
    with warnings.catch_warnings():
        # A host that pip is told to trust needs no certificate. The content is pinned anyway.
        warnings.simplefilter("ignore", InsecureRequestWarning)
        try:
            url = _file_url(package, index_url, configured)
            download(url, target, package.bytes, **_request_settings(url, configured))
        except SourceError as error:
            used = configured.keys() & _OF_REQUESTS
            first = f"; pip's own settings go first: {', '.join(sorted(used))}" if used else ""
            raise SourceError(f"{error}{first}") from None


def _file_url(package: Package, index_url: str, configured: dict[str, str]) -> str:
    with PyPISimple(index_url) as index:
        url = index.get_project_url(package.project)
    with source_errors():
        headers = {"Accept": ACCEPT_ANY}
        answer = requests.get(url, headers=headers, **_request_settings(url, configured))
        if answer.status_code == HTTPStatus.NOT_FOUND:
            raise SourceError(f"the index has no project {package.project}")
        answer.raise_for_status()
    try:
        page = ProjectPage.from_response(answer, package.project)
    except (UnsupportedRepoVersionError, ValueError) as error:
        # A ValueError means that the answer is not one of an index: no JSON, HTML or known schema.
        raise SourceError(f"not the answer of a package index: {first_line(error)}") from None
    for found in page.packages:
        if found.filename == package.file:
            return str(found.url)
    raise SourceError(f"project {package.project} has no such file")


_OF_REQUESTS = {"cert", "client-cert", "default-timeout", "proxy", "timeout", "trusted-host"}


def _request_settings(url: str, configured: dict[str, str]) -> dict[str, Any]:
    """Return the arguments of `requests.get` that correspond to pip's settings for a URL."""
    settings: dict[str, Any] = {"timeout": _timeout(configured)}
    if proxy := configured.get("proxy"):
        settings["proxies"] = {"http": proxy, "https": proxy}
    for name, argument in (("cert", "verify"), ("client-cert", "cert")):
        if name in configured:
            settings[argument] = os.path.expanduser(configured[name])  # noqa: PTH111 # a string
    host = urlsplit(url).netloc.rpartition("@")[2]
    trusted = configured.get("trusted-host", "").split()
    if host in trusted or host.rpartition(":")[0] in trusted:
        settings["verify"] = False
    return settings


def _timeout(configured: dict[str, str]) -> float | tuple[float, float]:
    found = configured.get("timeout", configured.get("default-timeout"))
    if found is None:
        return TIMEOUT
    try:
        seconds = float(found)
    except ValueError:
        seconds = 0.0
    if 0 < seconds <= _LONGEST_TIMEOUT:
        return seconds
    raise SourceError(f"found {found!r} as pip's timeout; allowed: seconds above 0")


def pip_settings() -> dict[str, str]:
    """Return the configuration of pip; environment variables override its files.

    Raises:
        SourceError: pip cannot read its configuration.
    """
    listed = _pip_config_list() if find_spec("pip") else ""
    sections: dict[str, dict[str, str]] = {"global": {}, "download": {}}
    for line in listed.splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.rpartition(".")
        if section in sections:
            sections[section][name] = str(ast.literal_eval(value))
    variables = {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in os.environ.items()
        if name.startswith("PIP_") and value
    }
    return sections["global"] | sections["download"] | variables


def _pip_config_list() -> str:
    # Not `pip config get`, which in some versions does not find the keys that `list` shows.
    pip = [sys.executable, "-P", "-m", "pip", "config", "list"]
    try:
        done = subprocess.run(
            pip, capture_output=True, encoding="utf-8", errors="replace", timeout=_PIP_SECONDS
        )
    except subprocess.TimeoutExpired:
        raise SourceError(f"pip config list: no answer in {_PIP_SECONDS} seconds") from None
    if done.returncode:
        said = " ".join(f"{done.stdout} {done.stderr}".split())
        raise SourceError(f"pip config list: {said or f'exit status {done.returncode}'}")
    return done.stdout
