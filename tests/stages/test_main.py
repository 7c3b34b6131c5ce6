"""How a stage is started, whatever the user's shell and what is set for Python."""

import shutil
from pathlib import Path

import pytest

from project import Project

CASE = ("python", "-I", "src/optledger/stages", "case", "linear_regression")
FOLDER = "results/cases/linear_regression"


def case_outputs(project: Project) -> dict[str, bytes]:
    """Return the bytes of the case's outputs."""
    return {path.name: path.read_bytes() for path in sorted((project.path / FOLDER).iterdir())}


VARIABLES = {
    **{"PYTHONHOME": "/nowhere", "PYTHONPLATLIBDIR": "nowhere", "PYTHONHASHSEED": "7"},
    **{"PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2", "PYTHONINSPECT": "1"},
    **{"TZ": "Asia/Tokyo", "LC_ALL": "C", "MPLBACKEND": "TkAgg"},
}


def test_the_user_s_environment_stays_outside(cold: Project) -> None:
    """The bytes are the same and nothing is printed, with modules and settings in the way."""
    before = case_outputs(cold)
    shutil.rmtree(cold.path / FOLDER)
    folder = cold.path.parent / "modules"
    for path in (folder / "psutil.py", folder / "numpy.py", cold.path / "random.py"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("raise SystemError('this is the user's own')")
    (cold.path / "matplotlibrc").write_text("font.size: 30\naxes.prop_cycle: cycler('color', 'y')")
    assert cold.run(*CASE, PYTHONPATH=str(folder), **VARIABLES) == ""
    assert case_outputs(cold) == before


@pytest.mark.parametrize("shell", ["dash", "bash", "tcsh", "fish"])
def test_any_shell_runs_a_stage(shell: str, cold: Project) -> None:
    """DVC runs it by the user's."""
    path = shutil.which(shell)
    if path is None:
        # .ci/run installs them, so that nothing is skipped there.
        pytest.skip(f"found no {shell}")
    shutil.rmtree(cold.path / "data/raw")
    cold.run("dvc", "repro", "--single-item", "--force", "download", SHELL=path)
    assert cold.run("git", "status", "--porcelain") == ""


def test_a_python_of_another_environment_is_one_line(cold: Project, tmp_path: Path) -> None:
    """As where `dvc` is called by its path, and `python` is the system's."""
    cold.run("python", "-m", "venv", "--without-pip", str(tmp_path / "other"))
    python = tmp_path / "other/bin/python"
    process = cold.start(str(python), *CASE[1:])
    printed, _ = process.communicate()
    assert process.returncode == 2
    assert printed.startswith(f"{python}: DVC is not installed for this Python; ")
    assert len(printed.splitlines()) == 1
