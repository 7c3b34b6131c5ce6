"""A small real dataset, and a real checkout that runs the whole pipeline on it."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from optledger.datasets.examples import Examples
from optledger.training import runtime
from project import Project, new_project, registry_entry, write_dataset

# Before any test module imports TensorFlow.
runtime.pin()


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Compute as workers do; settled before any test does, as afterwards it cannot be."""
    runtime.import_tensorflow()
    runtime.use_one_thread()


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
    write_dataset(folder, *digits)
    return folder


@pytest.fixture(scope="session")
def digits_entry(digits_folder: Path) -> str:
    """The registry entry of the digits, which come from their folder."""
    return registry_entry("digits", digits_folder)


@pytest.fixture(scope="session")
def finished(digits_entry: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A committed checkout, in a path with a space, after its first `dvc repro`: read-only."""
    project = new_project(tmp_path_factory.mktemp("a b") / "project", digits_entry)
    project.run("dvc", "repro", OPTLEDGER_WORKERS="1")
    project.commit()
    return project


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of `finished` that a test may change."""
    return finished.copy(tmp_path / "project")
