from pathlib import Path

import pytest

import bench
from project import Project


def test_the_stages_take_what_the_benchmark_writes(
    finished: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random predictions, and all that belongs to them."""
    monkeypatch.chdir(finished.path)
    bench.write_results(tmp_path, variants=2, seeds=2)
    for stage in ("compare", "report"):
        source = str(finished.path / "src")
        Project(tmp_path).run("python", "-m", f"optledger.stages.{stage}", PYTHONPATH=source)
    assert (tmp_path / "results/report.html").exists()
