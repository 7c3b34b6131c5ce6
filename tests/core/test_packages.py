"""Names and versions of packages, as the pins have them."""

from pathlib import Path

import pytest

from optledger.core.packages import distribution, version

PINNED = {
    line.split(maxsplit=1)[0]
    for line in Path("requirements.lock").read_text().splitlines()
    if "==" in line
}


@pytest.mark.parametrize("package", ["tensorflow", "keras", "numpy", "scipy", "mlflow"])
def test_what_is_installed_is_named_as_it_is_pinned(package: str) -> None:
    """Wheels may spell their own name otherwise: tensorflow-cpu's has an underscore."""
    assert f"{distribution(package)}=={version(package)}" in PINNED


def test_a_build_for_processors_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name that an index knows, whatever its files say."""
    folder = tmp_path / "Odd_Sum_cpu-1.2.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: Odd_Sum_cpu\nVersion: 1.2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert distribution("odd_sum") == "odd-sum-cpu"
    assert version("odd_sum") == "1.2"
