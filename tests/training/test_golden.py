"""The bytes of trainings, committed: they hold on every x86-64 processor with AVX2.

A change that is meant to change them renews them: `python tests/training/test_golden.py` prints the
digests anew. docs/verification.md says on which processors they were seen, emulated ones included.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from digits import INTERFACE, load
from once import once
from optledger.core import params
from optledger.core.formats import read_json, write_json
from optledger.core.params import EarlyStopping
from optledger.core.paths import PREPARED
from optledger.datasets.examples import Examples
from optledger.datasets.interface import Interface
from optledger.datasets.prepared import read_split, read_summary, write_split
from optledger.execution.executor import in_order
from optledger.execution.processes import Processes
from optledger.training import kernels, runtime, tasks
from optledger.trials.specify import specify
from optledger.trials.trial import Trial, TrialResult
from project import REPOSITORY

# By what a variant has beside the defaults of params.yaml; the default variants themselves first.
TECHNIQUES: dict[str, dict[str, Any]] = {
    "class weights": {"class_weights": "balanced"},
    "early stopping": {"early_stopping": EarlyStopping(patience=1)},
    "focal loss": {"loss": {"name": "CategoricalFocalCrossentropy"}},
    "l1": {"l1": 0.0001},
    "l2": {"l2": 0.001},
    "oversampled": {"class_fractions": {8: 0.2}, "resample": "oversample"},
    "schedule": {"schedule": {"name": "CosineDecay"}},
    "squared error": {"loss": {"name": "MeanSquaredError"}},
    "training fraction": {"training_fraction": 0.5},
    "cnn": {"model": {"name": "cnn", "filters": [4, 8], "dropout": 0.2}},
    "dropout": {"model": {"name": "mlp", "hidden_units": [32, 16], "dropout": 0.3}},
    "softmax regression": {"model": {"name": "mlp", "hidden_units": []}},
    "textbook adam": {"optimizer": {"name": "TextbookAdam"}},
    "textbook momentum": {"optimizer": {"name": "TextbookMomentum"}},
}

DIGITS = {
    "adam": "0da98c1e7196f0b8",
    "gd": "7f6dede096531713",
    "momentum": "b950eadfdf80b600",
    "rmsprop": "c35bed9abb95a1a5",
    "sgd": "a1824a9afc644064",
    "class weights": "19b47ca06b89a903",
    "early stopping": "e6b5604ea9f8363c",
    "focal loss": "cdac4c628cbad2f4",
    "l1": "0b0a32c6ca15ea31",
    "l2": "daafc96065a59de7",
    "oversampled": "ff7e94c7b6387f73",
    "schedule": "07ca7ff3f8c7a215",
    "squared error": "382eebdc6af3e37b",
    "training fraction": "bdcb4fbb72119454",
    "cnn": "402aecd9ebfb98a7",
    "dropout": "e9714018afa36656",
    "softmax regression": "d5be76942c446030",
    "textbook adam": "94f7bd08d5d3d7c7",
    "textbook momentum": "86651c27fb309e06",
}

# Of two epochs on MNIST's default split, from a processor without AVX-512 (AMD, Zen 3).
MNIST = {
    "sgd": (0.1, "6687efeaa7a472f7"),
    "adam": (0.001, "914631a29ffab974"),
    "gd": (0.1, "595a09dc1702b146"),
}

SUMMARY = REPOSITORY / "data/prepared/summary.json"

needs_pin = pytest.mark.skipif(kernels.why_not() is not None, reason=str(kernels.why_not()))


def settings(name: str) -> params.Variant:
    """Return a default variant, or Adam with a technique, for two epochs."""
    variants = params.load(REPOSITORY / "params.yaml").variants
    base = variants.get(name, variants["adam"]).model_dump()
    return params.Variant.model_validate({**base, **TECHNIQUES.get(name, {}), "epochs": 2})


def trial_of(
    name: str, learning_rate: float | None = None, interface: Interface = INTERFACE
) -> Trial:
    """Return the trial whose bytes are held."""
    variant = settings(name)
    rate = learning_rate or (0.1 if variant.optimizer.name == "SGD" else 0.01)
    return Trial(name, specify(variant, interface), rate, 0)


def digest(
    name: str, train: Examples, validation: Examples, learning_rate: float | None = None
) -> str:
    """Train in this process; return what identifies the weights."""
    from optledger.training.engine import Engine

    interface = Interface(train.inputs.shape[1:], INTERFACE.outputs)
    trial = trial_of(name, learning_rate, interface)
    return digest_of(Engine(trial.specification, train, validation).train(trial))


def digest_of(result: TrialResult) -> str:
    """Return what identifies the weights."""
    weights = b"".join(result.weights[each].tobytes() for each in sorted(result.weights))
    return hashlib.sha256(weights).hexdigest()[:16]


def digest_on_mnist(name: str) -> str:
    """Train on the splits that are here."""
    train, validation = (read_split(each, SUMMARY.parent) for each in ("train", "validation"))
    return digest(name, train, validation, MNIST[name][0])


@pytest.fixture(scope="module")
def trained(
    digits: tuple[Examples, Examples], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The digests of trainings by two workers, where `main` trains in one process."""

    def make(folder: Path) -> None:
        for name, examples in zip(("train", "validation"), digits, strict=True):
            write_split(name, examples, folder / PREPARED)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            with Processes(2, tasks.PREPARATION) as pool:
                done = pool.run(tasks.train, in_order(trial_of(name) for name in DIGITS))
                digests = {trial.name: digest_of(finished.result) for trial, finished in done}
        write_json(folder / "digests.json", digests)

    found: dict[str, str] = read_json(once(tmp_path_factory, "golden", make) / "digests.json")
    return found


@needs_pin
@pytest.mark.parametrize("name", DIGITS)
def test_a_training_has_the_committed_bytes(name: str, trained: dict[str, str]) -> None:
    """Of the default variants, each technique and each model, whoever trains them beside which."""
    assert trained[name] == DIGITS[name]


def test_every_default_variant_has_a_digest() -> None:
    """And each technique."""
    assert set(DIGITS) == {*params.load(REPOSITORY / "params.yaml").variants, *TECHNIQUES}


@needs_pin
@pytest.mark.skipif(not SUMMARY.exists(), reason="needs the MNIST that make repro brings")
@pytest.mark.parametrize("name", MNIST)
def test_a_training_on_mnist_has_the_bytes_of_a_processor_without_avx512(name: str) -> None:
    """The digits do not have its shapes, which libraries choose kernels and blocks by."""
    if read_summary(SUMMARY.parent).dataset != "mnist":
        pytest.skip("the data here are of another dataset")
    assert digest_on_mnist(name) == MNIST[name][1]


@pytest.mark.skipif(
    not Path("/proc/cpuinfo").exists() or "avx512f" not in Path("/proc/cpuinfo").read_text(),
    reason="this processor has nothing beyond AVX2 to be kept from",
)
@pytest.mark.parametrize("pin", ["kernels", "ONEDNN_MAX_CPU_ISA"])
def test_without_a_pin_the_bytes_are_others(pin: str) -> None:
    """So each pin is needed: a processor that can do more would do it."""
    done = subprocess.run(
        [sys.executable, __file__, pin, "gd"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = dict(line.rsplit(maxsplit=1) for line in done.stdout.splitlines())
    assert found.keys() == {"gd"}
    assert found["gd"] != DIGITS["gd"]


def main() -> None:
    """Print the digests of the cases named after the pin to leave out, which `-` is none of.

    Without names, of all cases, and of MNIST if it is here.
    """
    pin, *names = sys.argv[1:] or ["-"]
    if pin == "kernels":
        kernels._VARIABLES.clear()
    runtime.ENVIRONMENT.pop(pin, None)
    os.environ.pop(pin, None)
    runtime.import_tensorflow()
    runtime.use_one_thread()
    for name in names or [*params.load(REPOSITORY / "params.yaml").variants, *TECHNIQUES]:
        print(name, digest(name, *load()), flush=True)
    if not names and SUMMARY.exists():
        for name in MNIST:
            print("mnist", name, digest_on_mnist(name), flush=True)


if __name__ == "__main__":
    main()
