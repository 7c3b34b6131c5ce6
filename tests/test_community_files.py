"""What CONTRIBUTING.md, SECURITY.md and CITATION.cff say is so."""

import re
import tomllib

from ruamel.yaml import YAML

from project import REPOSITORY
from test_imports import FLOORS


def text(name: str) -> str:
    """Return the content of a file at the root."""
    return (REPOSITORY / name).read_text()


def test_contributors_read_the_floors() -> None:
    """CONTRIBUTING.md has a row for each package, in the order that imports follow."""
    assert re.findall(r"^\| `(\w+)` \|", text("CONTRIBUTING.md"), re.MULTILINE) == FLOORS


def test_a_release_has_one_version_and_one_date() -> None:
    """The package, the citation and the changelog's latest release agree."""
    citation = YAML(typ="safe").load(text("CITATION.cff"))
    released = re.search(r"^## (\d\S+) - (\S+)$", text("CHANGELOG.md"), re.MULTILINE)
    assert released
    assert released.groups() == (citation["version"], citation["date-released"])
    project = tomllib.loads(text("pyproject.toml"))["project"]
    assert (project["version"], project["license"]) == (citation["version"], citation["license"])


def test_servers_listen_on_this_machine() -> None:
    """Those that `make` starts name the address: MLFLOW_HOST would change the default."""
    assert "mlflow" not in text("Makefile")
    servers = text("src/optledger/tracking/servers.py")
    assert re.findall(r'"--host", (\w+)', servers) == ["_HOST"] * 2
    assert re.findall(r"_HOST = (.+)", servers) == ['"127.0.0.1"']
