"""The stage `case`, run for real on the committed parameters."""

import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from optledger.core.errors import UserError
from optledger.stages import case
from project import REPOSITORY

FILES = ["figure.svg", "methods.csv", "trajectories.csv"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the committed params.yaml, in which the stage runs."""
    shutil.copy(REPOSITORY / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Run the stage for a case; return the bytes of its files."""
    monkeypatch.setattr(sys, "argv", ["case", name])
    case.main()
    folder = Path("results/cases") / name
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_running_twice_gives_the_same_bytes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables and figure, of a case with batches in a random order."""
    first = run("logistic_regression", monkeypatch)
    assert list(first) == FILES
    assert run("logistic_regression", monkeypatch) == first


def test_the_order_of_methods_means_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC reruns nothing for it, and so the bytes are the same."""
    first = run("linear_regression", monkeypatch)
    text = (folder / "params.yaml").read_text()
    line = "      momentum: {rule: momentum, learning_rate: 5}\n"
    moved = text.replace(line, "").replace("    methods:\n", f"    methods:\n{line}", 1)
    assert len(moved) == len(text)
    assert moved != text
    (folder / "params.yaml").write_text(moved)
    assert run("linear_regression", monkeypatch) == first


@pytest.mark.parametrize("name", ["linear_regression", "logistic_regression"])
def test_the_committed_tables_agree(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Within what processors may differ in: a hundredth, where RMSprop circles the optimum.

    SciPy's line search compares losses, whose last bits make it take another way.
    """
    run(name, monkeypatch)
    for table in ("methods.csv", "trajectories.csv"):
        committed, found = (
            pd.read_csv(place / "results/cases" / name / table).query("method != 'scipy_cg'")
            for place in (REPOSITORY, folder)
        )
        pd.testing.assert_frame_equal(found, committed, rtol=0.02)


def test_a_diverged_method_is_a_result(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its row says in which epoch, and has no metrics; the others are as ever."""
    text = (folder / "params.yaml").read_text()
    edited = text.replace(
        "gradient_descent, learning_rate: 0.2}", "gradient_descent, learning_rate: 5}"
    )
    assert edited != text
    (folder / "params.yaml").write_text(edited)
    run("linear_regression", monkeypatch)
    table = pd.read_csv("results/cases/linear_regression/methods.csv", index_col="method")
    assert table.loc["gradient_descent", "diverged_epoch"] > 1
    assert pd.isna(table.loc["gradient_descent", "r2"])
    assert table["diverged_epoch"].notna().sum() == 1


def test_another_name_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the cases that there are."""
    with pytest.raises(UserError) as caught:
        run("linear", monkeypatch)
    assert str(caught.value) == (
        "case: found 'linear' as the case; allowed: linear_regression, logistic_regression"
    )
