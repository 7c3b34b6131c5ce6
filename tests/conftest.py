"""A small real dataset, and a real checkout that runs the whole pipeline on it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from optledger.datasets.examples import Examples
from optledger.datasets.idx import write_idx
from optledger.formats import file_digest
from optledger.training import runtime

REPOSITORY = Path(__file__).parents[1]

# Before any test module imports TensorFlow.
runtime.pin()

DIGITS_FILES = {
    "train_images": "train-images",
    "train_labels": "train-labels",
    "test_images": "test-images",
    "test_labels": "test-labels",
}

DIGITS_PARAMS = """\
dataset: digits
split: {validation_fraction: 0.1, seed: 0}
model: {hidden_units: [16], activation: relu}
training: {epochs: 3, batch_size: 32, loss: CategoricalCrossentropy}
seeds: {first: 0, count: 2}
comparison: {metric: accuracy}
variants:
  gd: {optimizer: SGD, learning_rate: 0.5, batch_size: full, epochs: 5}
  adam: {optimizer: Adam, learning_rate: 0.01}
"""


@pytest.fixture(scope="session")
def digits() -> tuple[Examples, Examples]:
    """Scikit-learn's bundled digits: 1,500 train and 297 test images, 8 by 8, bytes to 240."""
    bundled = load_digits()
    images = (bundled.images * 15).astype(np.uint8)
    labels = bundled.target.astype(np.uint8)
    return Examples(images[:1500], labels[:1500]), Examples(images[1500:], labels[1500:])


@pytest.fixture(scope="session")
def digits_folder(
    digits: tuple[Examples, Examples], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The digits as four IDX files."""
    folder = tmp_path_factory.mktemp("digits")
    train, test = digits
    arrays = (train.images, train.labels, test.images, test.labels)
    for name, array in zip(DIGITS_FILES.values(), arrays, strict=True):
        write_idx(folder / name, array)
    return folder


@pytest.fixture(scope="session")
def digits_entry(digits_folder: Path) -> str:
    """The registry entry of the digits, which come from their folder."""
    lines = ["", "digits:", "  classes: 10", "  files:"]
    for role, name in DIGITS_FILES.items():
        path = digits_folder / name
        lines += [
            f"    {role}:",
            f"      name: {name}",
            f"      bytes: {path.stat().st_size}",
            f"      sha256: {file_digest(path)}",
        ]
    return "\n".join([*lines, "  sources:", f"    - folder: {digits_folder}", ""])


@dataclass(frozen=True)
class Project:
    """A Git and DVC checkout of this project that is set to the digits."""

    path: Path

    def run(self, *command: str, check: bool = True, **environment: str) -> str:
        """Run a command in the checkout; return what it prints, errors included."""
        site = self.path.parent / "site cache"
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DVC_", "MLFLOW_", "OPTLEDGER_", "GIT_", "PYTHONPATH"))
        }
        done = subprocess.run(
            command,
            cwd=self.path,
            env={
                **inherited,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "DVC_SITE_CACHE_DIR": str(site),
                "DVC_NO_ANALYTICS": "true",
                **environment,
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{command} exited with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def commit(self) -> None:
        """Commit everything that Git does not ignore."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", "state")

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace `old`, which occurs once, in a file of the checkout."""
        text = (self.path / file).read_text()
        assert text.count(old) == 1
        (self.path / file).write_text(text.replace(old, new))

    def read(self, file: str) -> bytes:
        """Return the content of a file of the checkout."""
        return (self.path / file).read_bytes()

    def copy(self, path: Path) -> "Project":
        """Return an independent copy at `path`, the DVC cache included."""
        shutil.copytree(self.path, path, symlinks=True)
        return Project(path)


def new_project(path: Path, entry: str, params: str = DIGITS_PARAMS) -> Project:
    """Make a checkout of this project's files, as they stand, that is set to the digits."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        generated = name == "dvc.lock" or name.startswith("results/")
        if not generated and (REPOSITORY / name).exists():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, path / name)
    (path / "params.yaml").write_text(params)
    with (path / "src/optledger/datasets/registry.yaml").open("a") as registry:
        registry.write(entry)
    project = Project(path)
    project.run("git", "init", "--quiet", "--initial-branch", "main")
    project.run("git", "config", "user.name", "Tests")
    project.run("git", "config", "user.email", "tests@localhost")
    project.commit()
    return project


@pytest.fixture(scope="session")
def finished(digits_entry: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A committed checkout, in a path with a space, after its first `dvc repro`: read-only."""
    project = new_project(tmp_path_factory.mktemp("a b") / "project", digits_entry)
    project.run("dvc", "repro", OPTLEDGER_WORKERS="1")
    project.commit()
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Iterator[Project]:
    """A copy of `finished` that a test may change."""
    yield finished.copy(tmp_path / "project")
