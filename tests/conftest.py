"""A small real dataset, and a real checkout that runs the whole pipeline on it."""

import gc
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

import warm
from digits import load, registry_entry, write
from golden import GOLDEN, check
from once import once
from optledger.datasets.examples import Examples
from optledger.training import runtime
from project import Project, new_project
from servers import MEMORY

warm.search_seldom()
# Before any test module imports TensorFlow.
runtime.pin()
# Before pytest starts its workers.
warm.share()
# In memory, where there is some: checkouts are made and removed by the hundred, and ext4 makes
# files slowly where others were removed within the last seconds.
if MEMORY is not None and shutil.disk_usage(MEMORY).free > 4 << 30:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that renews the wording."""
    parser.addoption("--renew", action="store_true", help="write tests/golden/ as texts are now")


LONGEST = (
    "test_on_ray",
    "test_engine",
    "test_tutorial",
    "test_own_data",
    "test_team",
    "test_golden",
)
"""The files of tests to begin with, so that none of them is what everybody waits for at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.stem, len(LONGEST)))


def pytest_collection_finish() -> None:
    """Leave what was imported out of searches for garbage, ten of which are made at the end."""
    gc.freeze()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Remove what several tests have shared, unless one failed; pytest would keep it."""
    config = session.config
    if exitstatus == 0 and "PYTEST_XDIST_WORKER" not in os.environ and not config.option.basetemp:
        shutil.rmtree(config._tmp_path_factory.getbasetemp(), ignore_errors=True)  # type: ignore[attr-defined]


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with the file of a name in tests/golden; one test has one file."""
    renew, test = request.config.getoption("renew"), request.node.nodeid.partition("::")[0]
    return lambda name, text: check(GOLDEN / name, text, renew, test)


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    """Compute as workers do; settled before any test does, as afterwards it cannot be.

    What starts workers is a child of the warm process.
    """
    multiprocessing.set_executable(warm.python())
    runtime.import_tensorflow()
    runtime.use_one_thread()
    warm.share_programs()


@pytest.fixture(scope="session")
def digits() -> tuple[Examples, Examples]:
    """Scikit-learn's bundled digits: 1,500 train and 297 test images, 8 by 8, bytes to 240."""
    return load()


@pytest.fixture(scope="session")
def digits_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits as four IDX files."""
    return once(tmp_path_factory, "digits", write)


@pytest.fixture(scope="session")
def digits_entry(digits_folder: Path) -> str:
    """The registry entry of the digits, which come from their folder."""
    return registry_entry(digits_folder)


@pytest.fixture(scope="session")
def finished(digits_entry: str, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A committed checkout, in a path with a space, after its first `dvc repro`: read-only."""

    def make(folder: Path) -> None:
        project = new_project(folder / "project", digits_entry)
        project.run("dvc", "repro", OPTLEDGER_WORKERS="1")
        project.commit()
        # Now that a commit has them, they are official.
        project.run("optledger", "publish", PYTHONPATH="src")

    made = Project(once(tmp_path_factory, "finished", make) / "project")
    return made.copy(tmp_path_factory.mktemp("a b") / "project")


@pytest.fixture(scope="session")
def judged(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The same with the seeds that a verdict takes, and so with a champion: read-only."""

    def make(folder: Path) -> None:
        project = finished.copy(folder / "project")
        project.edit("params.yaml", "count: 2", "count: 5")
        (project.path / "mlflow.db").unlink()
        project.run("dvc", "repro", OPTLEDGER_WORKERS="1")
        project.commit()
        project.run("optledger", "publish", PYTHONPATH="src")

    made = Project(once(tmp_path_factory, "judged", make) / "project")
    return made.copy(tmp_path_factory.mktemp("judged") / "project")


@pytest.fixture
def project(finished: Project, tmp_path: Path) -> Project:
    """A copy of `finished` that a test may change."""
    return finished.copy(tmp_path / "project")


@pytest.fixture
def cold(project: Project) -> Project:
    """Such a copy, whose commands are processes of their own from the start, as a user's are."""
    return replace(project, cold=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A headless Chromium of the system's."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), "")
    if not chromium:
        # Nothing that pip installs; .ci/run installs it, so that nothing is skipped there.
        pytest.skip("found no chromium")
    with sync_playwright() as playwright:
        # Its sandbox does not work for root, and the pages are ours.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()
