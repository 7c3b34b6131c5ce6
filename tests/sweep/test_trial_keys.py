"""What a trial's key follows from, ingredient by ingredient, and what it does not."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from digits import INTERFACE
from optledger.core import params
from optledger.core.errors import UserError
from optledger.core.formats import digest
from optledger.core.packages import distribution, version
from optledger.datasets.examples import Examples
from optledger.datasets.prepared import write_split
from optledger.sweep import keys
from optledger.sweep.keys import KeyedTrial, Keys
from optledger.sweep.plan import plans
from optledger.training import kernels, models, program
from optledger.trials import code
from project import DIGITS_PARAMS, REPOSITORY

SOURCE = REPOSITORY / "src"


@pytest.fixture(autouse=True)
def _splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout with parameters and small splits, as the working directory."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(DIGITS_PARAMS)
    for name in ("train", "validation"):
        write_split(name, Examples(np.zeros((2, 8, 8), np.uint8), np.zeros(2, np.uint8)), PREPARED)


PREPARED = Path("data/prepared")


def trials(name: str = "adam") -> list[KeyedTrial]:
    """The final trials of a variant of the working directory's parameters."""
    (plan,) = plans(params.load(), [name], INTERFACE, Keys())
    return list(plan.finals(0.01))


def key(name: str = "adam") -> str:
    """The key of the first of them."""
    return trials(name)[0].key


def edit(old: str, new: str) -> None:
    """Change the parameters."""
    text = Path("params.yaml").read_text()
    assert old in text
    Path("params.yaml").write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("hidden_units: [16]", "hidden_units: [17]"),
        ("epochs: 3", "epochs: 4"),
        ("batch_size: 30", "batch_size: 33"),
        ("loss: CategoricalCrossentropy", "loss: MeanSquaredError"),
        ("loss: CategoricalCrossentropy", "loss: CategoricalCrossentropy, l2: 0.1"),
        ("loss: CategoricalCrossentropy", "loss: CategoricalCrossentropy, training_fraction: 0.5"),
        ("{optimizer: Adam", "{optimizer: Nadam"),
        ("{optimizer: Adam", "{optimizer: {name: Adam, beta_1: 0.8}"),
        ("seeds: {first: 0", "seeds: {first: 1"),
    ],
)
def test_a_setting_of_the_trial_counts(old: str, new: str) -> None:
    """Wherever it stands."""
    before = key()
    edit(old, new)
    assert key() != before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("dataset:", "# A comment.\ndataset:"),
        ("epochs: 3", "epochs: 0x3"),
        ("count: 2", "count: 7"),
        ("  gd: {optimizer: SGD, learning_rate: 0.5", "  gd: {optimizer: SGD, learning_rate: 0.4"),
        ("strategy: grid, trials: 3, seed: 1000", "strategy: random, trials: 2, seed: 9"),
        ("learning_rate: 0.01", "learning_rate: [0.01, 0.1]"),
        ("convergence: {patience: 2}", "convergence: {patience: 3}"),
        ("comparison: {metric: accuracy}", "comparison: {metric: f1}"),
        ("dataset: digits", "dataset: mnist"),
        ("epochs: 40", "epochs: 41"),
    ],
)  # fmt: skip
def test_what_is_no_setting_of_the_trial_does_not_count(old: str, new: str) -> None:
    """Other variants, other seeds, the search, what is done with results, comments."""
    before = key()
    edit(old, new)
    assert key() == before


def test_a_name_does_not_count() -> None:
    """A variant that is renamed or copied is not trained again."""
    before = key()
    edit("  adam: ", "  other: ")
    assert key("other") == before


def test_rate_and_seed_count() -> None:
    """Each trial has a key of its own; a search trial has that of a final one of the same seed."""
    found = trials()
    assert len({each.key for each in found}) == 2
    (plan,) = plans(params.load(), ["adam"], INTERFACE, Keys())
    assert {each.key for each in plan.finals(0.02)}.isdisjoint(each.key for each in found)
    edit("learning_rate: 0.01}", "learning_rate: [0.01, 0.1]}")
    (plan,) = plans(params.load(), ["adam"], INTERFACE, Keys())
    edit("seed: 1000", "seed: 1")
    edit("first: 0", "first: 1000")
    assert plan.searched[0].key == key()


@pytest.mark.parametrize("split", ["train", "validation"])
def test_data_count(split: str) -> None:
    """One pixel of either split; the test split is not looked at."""
    before = key()
    images = np.zeros((2, 8, 8), np.uint8)
    write_split("test", Examples(images, np.ones(2, np.uint8)), PREPARED)
    assert key() == before
    images[0, 0, 0] = 1
    write_split(split, Examples(images, np.zeros(2, np.uint8)), PREPARED)
    assert key() != before


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("program.release", lambda package: f"{package} 1"),
        ("platform.machine", lambda: "aarch64"),
        ("kernels.instruction_set", lambda: "x86_64 without the pin"),
        ("kernels.why_not", lambda: "this processor has no AVX2"),
    ],
)
def test_versions_and_the_processor_count(
    what: str, value: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only what the pins leave of the processor, where they hold."""
    before = key()
    name, _, attribute = what.rpartition(".")
    owner = {"program": program, "platform": program.platform, "kernels": kernels}[name]
    monkeypatch.setattr(owner, attribute, value)
    assert key() != before


def test_the_versions_are_those_of_what_computes() -> None:
    """TensorFlow with its build, Keras, NumPy."""
    packages = trials()[0].document["packages"]
    assert packages.keys() == {"keras", "numpy", "tensorflow"}
    assert packages["keras"] == f"keras {version('keras')}"
    assert packages["tensorflow"] == f"{distribution('tensorflow')} {version('tensorflow')}"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of this project's code, which keys are then of."""
    ignored = shutil.ignore_patterns("__pycache__")
    copy = Path(shutil.copytree(SOURCE, tmp_path / "copy", ignore=ignored))
    monkeypatch.setattr(code, "_SOURCE", copy)
    monkeypatch.setattr(models, "_PACKAGE", copy / "optledger/training/models")
    return copy


@pytest.mark.parametrize(
    "module",
    [
        *("datasets/examples", "datasets/sampling", "training/arguments", "training/components"),
        *("training/dropout", "training/engine", "training/kernels", "training/models/mlp"),
        *("training/runtime", "training/textbook_optimizers", "training/weights"),
        *("trials/plateau", "trials/trial"),
    ],
)
def test_the_code_of_a_trial_counts(module: str, source: Path) -> None:
    """Of each module that it executes, and that of its model; a comment does not."""
    before = key()
    file = source / f"optledger/{module}.py"
    text = file.read_text()
    file.write_text(f"# A comment.\n{text}")
    assert key() == before
    file.write_text(f"{text}\nNEW = 1\n")
    assert key() != before


def test_other_code_does_not_count(source: Path) -> None:
    """Progress, executors, the store, stages, another model; nor where the code is."""
    before = key()
    executed = set(code.closure([*keys._PROGRAM, "optledger.training.models.mlp"]).files)
    for file in source.rglob("*.py"):
        name = ".".join(file.relative_to(source).with_suffix("").parts)
        if name.removesuffix(".__init__") not in executed:
            with file.open("a") as text:
                text.write("\nNEW = 1\n")
    assert key() == before


PROGRAM = """
from optledger.core import params
from optledger.sweep.keys import Keys
from optledger.datasets.interface import Interface
from optledger.sweep.plan import plans
(plan,) = plans(params.load(), ["adam"], Interface((8, 8), 10), Keys())
print(plan.finals(0.01)[0].key)
"""


def test_the_environment_does_not_count(tmp_path: Path) -> None:
    """Neither how many workers there are, nor who runs them, nor where code and store are."""
    ignored = shutil.ignore_patterns("__pycache__")
    copy = shutil.copytree(SOURCE, tmp_path / "a copy", ignore=ignored)
    own = {"OPTLEDGER_WORKERS": "7", "OPTLEDGER_TRIALS": "/", "HOME": "/", "USER": "someone"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **own, "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == key()


def test_the_user_s_own_model_counts_where_it_is_used() -> None:
    """By its file, wherever the checkout is; and by the versions of what it imports."""
    before = key()
    Path("models").mkdir()
    Path("models/wide.py").write_text("import scipy\ndef wide(inputs, outputs): ...\n")
    assert key() == before
    edit("{name: mlp, hidden_units: [16]}", "wide")
    used = key()
    assert used != before
    document = trials()[0].document
    assert document["packages"]["scipy"] == f"scipy {version('scipy')}"
    assert "model wide" in document["code"]
    assert "optledger.training.models.mlp" not in document["code"]
    Path("models/wide.py").write_text("import scipy\ndef wide(inputs, outputs): return 1\n")
    assert key() != used


def test_a_trial_as_it_was_read_has_its_key() -> None:
    """What a mapping's type is does not count, nor whether a whole number is one."""
    (first, *_) = trials()
    trial = replace(first.trial, learning_rate=1.0)
    whole = replace(first.trial, learning_rate=1)
    assert Keys().keyed(trial).key == Keys().keyed(whole).key


def own_model(text: str) -> None:
    """Make a model of the user's own, and have all variants use it."""
    Path("models").mkdir(exist_ok=True)
    Path("models/wide.py").write_text(text)
    if "hidden_units" in Path("params.yaml").read_text():
        edit("{name: mlp, hidden_units: [16]}", "wide")


def test_what_a_model_may_read_counts() -> None:
    """All that lies beside it, but other models and what tells of them."""
    own_model("def wide(inputs, outputs): ...\n")
    before = key()
    for name in ("README.md", "other.py"):
        Path("models", name).write_text("text")
        assert key() == before
    Path("models/width.txt").write_text("8")
    with_file = key()
    assert with_file != before
    Path("models/width.txt").write_text("4")
    assert key() not in {before, with_file}


def test_what_is_no_installed_package_has_no_version() -> None:
    """So nobody would see that it changed."""
    own_model("import helper_of_nobody\ndef wide(inputs, outputs): ...\n")
    with pytest.raises(UserError, match=r"^helper_of_nobody is not installed, and a training "):
        key()


@pytest.mark.parametrize("file", ["models/wide.py", "data/prepared/train.npz"])
def test_what_was_written_since_is_noticed(file: str) -> None:
    """Also where it was put back: a worker may have read it meanwhile."""
    own_model("def wide(inputs, outputs): ...\n")
    made = Keys()
    (plan,) = plans(params.load(), ["adam"], INTERFACE, made)
    plan.finals(0.01)
    made.check()
    content = Path(file).read_bytes()
    Path(file).write_bytes(content + b" ")
    Path(file).write_bytes(content)
    with pytest.raises(UserError, match=f"^{file}: changed while trials that depend on it"):
        made.check()


def test_a_document_is_as_it_is_read_again() -> None:
    """Labels of two digits are keys that JSON sorts otherwise than numbers."""
    edit(
        "loss: CategoricalCrossentropy",
        "loss: CategoricalCrossentropy, class_fractions: {2: 0.5, 10: 0.5}",
    )
    (first, *_) = trials()
    again = json.loads(json.dumps(first.document))
    assert again == first.document
    assert digest(again) == first.key
