from pathlib import Path

import pytest

from optledger.core import params
from optledger.core.documents import read_yaml
from optledger.core.errors import UserError
from optledger.core.paths import PARAMS
from optledger.execution import executor
from optledger.execution.processes import Processes
from optledger.training import tasks
from optledger.trials.specify import specify
from optledger.trials.trial import Trial
from project import Project

STAGE = ("python", "-m", "optledger.stages.train", "adam")


def test_the_number_of_workers_changes_no_byte(finished: Project, tmp_path: Path) -> None:
    """Search, history and weights are the same from one, two and three workers."""
    projects = [finished.copy(tmp_path / str(count)) for count in (1, 2, 3)]
    for project in projects:
        project.edit("params.yaml", "learning_rate: 0.01", "learning_rate: [0.001, 0.01, 0.1, 1]")
    running = [
        project.start(*STAGE, PYTHONPATH="src", OPTLEDGER_WORKERS=project.path.name)
        for project in projects
    ]
    printed = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], printed
    names = ["history.csv", "search.csv", "trials.csv", "weights.npz"]
    (first, *others) = [
        [project.read(f"results/trials/adam/{name}") for name in names] for project in projects
    ]
    assert [len(file.splitlines()) for file in first[:3]] == [7, 5, 3]
    for other in others:
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


TECHNIQUES: dict[str, dict[str, object]] = {
    "penalties": {"l1": 1e-4, "l2": 1e-3},
    "dropout": {"model": {"dropout": 0.5}},
    "cnn": {"model": {"name": "cnn", "filters": [4]}},
    "early stopping": {"early_stopping": {"patience": 1, "min_delta": 0.1}, "epochs": 6},
    "oversample": {"class_fractions": {8: 0.05}, "resample": "oversample"},
    "undersample": {"class_fractions": {8: 0.2}, "resample": "undersample"},
    "class weights": {"class_fractions": {8: 0.05}, "class_weights": "balanced"},
    "focal": {"loss": "CategoricalFocalCrossentropy"},
    "binary": {"loss": "BinaryCrossentropy"},
    "squared": {"loss": "MeanSquaredError"},
    "momentum": {"optimizer": "TextbookMomentum"},
}


def test_no_technique_s_bytes_depend_on_the_workers(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One worker and three give each technique the same weights and history."""
    monkeypatch.chdir(project.path)
    document = read_yaml(PARAMS)
    own = {"optimizer": "Adam", "learning_rate": 0.01, "epochs": 2}
    variants = {name.replace(" ", "_"): own | each for name, each in TECHNIQUES.items()}
    settings = params.parse({**document, "variants": variants}, PARAMS)
    trials = [
        Trial(name, specify(each, 10), 0.01, seed=1) for name, each in settings.variants.items()
    ]
    results = []
    for count in (1, 3):
        with Processes(count, tasks.PREPARATION) as pool:
            results.append(dict(pool.run(tasks.train, trials)))
    for place, trial in enumerate(trials):
        first, other = (each[place] for each in results)
        assert first.history == other.history, trial
        assert first.divergence is None, trial
        for name, weight in first.weights.items():
            assert other.weights[name].tobytes() == weight.tobytes(), trial
    histories = [tuple(results[0][place].history) for place in range(len(trials))]
    assert len(set(histories)) == len(trials)


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", ""])
def test_a_wrong_number_of_workers_is_one_line(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the variable, what was found and what is allowed."""
    monkeypatch.setenv(executor.WORKERS_VARIABLE, value)
    expected = f"^OPTLEDGER_WORKERS: found '{value}'; allowed: an integer of at least"
    with pytest.raises(UserError, match=expected):
        tasks.workers()
