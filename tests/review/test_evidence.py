import json
import shutil
from pathlib import Path

import pytest

from optledger.review.effects import Review
from optledger.review.judging import review
from optledger.review.revision import read, repository
from project import Project


@pytest.fixture
def project(history: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A copy of the history, entered."""
    copy = history.copy(tmp_path / "project")
    monkeypatch.chdir(copy.path)
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site cache"))
    return copy


def noise(found: Review) -> dict[str, str]:
    """Return by variant what noise its intervals have."""
    return {each.variant: each.differences["noise"].iloc[0] for each in found.of_kind("changed")}


def cached(project: Project, revision: str, variant: str) -> Path:
    """Return the cache's object of a variant's predictions."""
    cache = project.path / ".dvc/cache/files/md5"
    with repository() as opened:
        folder = read(opened, revision).output(Path("results/predictions"))
    assert folder is not None
    entries = json.loads((cache / folder[:2] / folder[2:]).read_bytes())
    [md5] = [each["md5"] for each in entries if each["relpath"] == f"{variant}.npz"]
    return cache / md5[:2] / md5[2:]


def test_an_object_that_is_damaged_is_no_evidence(project: Project) -> None:
    """Predictions whose bytes are not those of their MD5 are left out, and that is said."""
    path = cached(project, "changed", "spoilt")
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    found = review("base", "changed")
    assert noise(found) == {"nudged": "seeds and images", "spoilt": "seeds"}
    [missing] = found.missing
    assert missing.startswith("the predictions of changed")


def test_nothing_is_fetched(project: Project) -> None:
    """What is not in the cache of this machine is not looked for in a remote."""
    project.run("dvc", "remote", "add", "--default", "far", str(project.path.parent / "remote"))
    project.run("dvc", "push", "--all-commits", "--quiet")
    shutil.rmtree(project.path / ".dvc/cache")
    found = review("base", "changed")
    assert set(noise(found).values()) == {"seeds"}
    assert not (project.path / ".dvc/cache").exists()
