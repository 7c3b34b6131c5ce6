from pathlib import Path

import pytest

from optledger.core.errors import UserError
from optledger.execution import executor
from optledger.training import tasks
from project import Project

STAGE = ("python", "-m", "optledger.stages.train", "adam")


def test_the_number_of_workers_changes_no_byte(finished: Project, tmp_path: Path) -> None:
    """Search, history and weights are the same from one worker and from three."""
    projects = [finished.copy(tmp_path / str(count)) for count in (1, 3)]
    for project in projects:
        project.edit("params.yaml", "learning_rate: 0.01", "learning_rate: [0.001, 0.01, 0.1, 1]")
    running = [
        project.start(
            *STAGE,
            PYTHONPATH="src",
            OPTLEDGER_WORKERS=project.path.name,
            OPTLEDGER_TRIALS="",
        )
        for project in projects
    ]
    printed = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0], printed
    names = ["history.csv", "search.csv", "trials.csv", "weights.npz"]
    first, other = [
        [project.read(f"results/trials/adam/{name}") for name in names] for project in projects
    ]
    assert [len(file.splitlines()) for file in first[:3]] == [7, 5, 3]
    assert other == first


def test_the_user_s_settings_change_no_byte(cold: Project) -> None:
    """Not those of the libraries that compute, of Python, or of Keras."""
    before = cold.read("results/trials/adam/weights.npz")
    cold.run(
        *("python", "-I", "src/optledger/stages", "train", "adam"),
        OPTLEDGER_WORKERS="1",
        ONEDNN_MAX_CPU_ISA="SSE41",
        DNNL_MAX_CPU_ISA="SSE41",
        TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL="0",
        TF_ENABLE_ONEDNN_OPTS="0",
        TF_XLA_FLAGS="--tf_xla_auto_jit=2",
        KERAS_NNX_ENABLED="1",
        KERAS_FLOATX="float64",
        OMP_NUM_THREADS="3",
        PYTHONOPTIMIZE="2",
        PYTHONWARNINGS="error",
    )
    assert cold.read("results/trials/adam/weights.npz") == before


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", ""])
def test_a_wrong_number_of_workers_is_one_line(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable, what was found and what is allowed."""
    monkeypatch.setenv(executor.WORKERS_VARIABLE, value)
    expected = f"^OPTLEDGER_WORKERS: found '{value}'; allowed: an integer of at least"
    with pytest.raises(UserError, match=expected):
        tasks.workers()
