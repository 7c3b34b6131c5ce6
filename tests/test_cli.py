import json
import re
import sys

import pytest

from optledger import cli
from optledger.core import params
from optledger.core.errors import UserError
from project import REPOSITORY, Project


def test_check_accepts_the_project_s_parameters(project: Project) -> None:
    """One line says what was checked."""
    printed = project.run("optledger", "check", PYTHONPATH="src")
    assert printed == "params.yaml: 2 variants, 2 seeds: fine\n"


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "optimizer: Adam",
            "optimizer: Adamm",
            "params.yaml: variants.adam.optimizer: found 'Adamm'; allowed: Adadelta, ",
        ),
        (
            "learning_rate: 0.01",
            "learning_rate: 0",
            "params.yaml: variants.adam.learning_rate: found 0; allowed: a number from 1e-37",
        ),
        (
            "batch_size: 30",
            "batch_size: 1351",
            "params.yaml: training.batch_size: found 1351; "
            "allowed: 1 to 1350, the examples that adam trains on, or full",
        ),
        (
            "optimizer: Adam",
            "schedule: {name: CosineDecay, steps: 3}, optimizer: Adam",
            "params.yaml: variants.adam.schedule: found argument steps; allowed: alpha, decay_st",
        ),
        (
            "batch_size: 30",
            "training_fraction: 0.01, batch_size: 32",
            "params.yaml: training.batch_size: found 32; "
            "allowed: 1 to 14, the examples that adam trains on, or full",
        ),
        (
            "batch_size: 30",
            "training_fraction: 1e-9, batch_size: 1",
            "params.yaml: training.training_fraction: 1e-09 is too small: classes 0, 1, 2, 3, ",
        ),
        ("dataset: digits", "dataset: digit", "params.yaml: dataset: found 'digit'; allowed: "),
        ("  adam:", "  gd:", "params.yaml:21: not valid YAML: found duplicate key"),
        (
            "variants:",
            "variants: {}\nothers:",
            "params.yaml: variants: found {}; allowed: at least one entry",
        ),
        ("  adam:", "  a.b:", "params.yaml: variants.a.b: found 'a.b'; allowed: a name of"),
        (
            "hidden_units: [16]",
            "hidden_units: [16], activation: rellu",
            "params.yaml: model: found {'hidden_units': [16], 'activation': 'rellu'}; allowed: ",
        ),
        (
            "validation_fraction: 0.1",
            "validation_fraction: 0.99999",
            "params.yaml: split.validation_fraction: found 0.99999; "
            "allowed: a fraction that leaves at least 10 examples to train on",
        ),
    ],
)
def test_check_reports_a_mistake_in_one_line(
    project: Project, old: str, new: str, line: str
) -> None:
    """The exit status is 2, and there is no traceback."""
    project.edit("params.yaml", old, new)
    shell = "optledger check; echo $?"
    *printed, status = project.run("sh", "-c", shell, PYTHONPATH="src").splitlines()
    assert status == "2"
    assert printed[0].startswith(line)
    form = "; allowed: |YAML|too small|fails with|missing required key|unknown key"
    assert all(re.search(form, each) for each in printed)


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (
            "power --power x",
            "optledger power: Invalid value for '--power': Input should be a valid",
        ),
        ("power --nope", "optledger power: No such option: --nope"),
        (
            "review",
            "optledger review: Missing argument 'base'; see optledger review --help",
        ),
        ("review a b \x1b[31m", r"optledger review: Got unexpected extra argument(s) (\x1b[31m)"),
        ("nonsense", "optledger: No such command 'nonsense'; see optledger --help"),
    ],
)
def test_what_is_no_command_line_is_one_line(
    monkeypatch: pytest.MonkeyPatch, typed: str, line: str
) -> None:
    """It names the command, and does nothing to a terminal."""
    monkeypatch.setattr(sys, "argv", ["optledger", *typed.split()])
    with pytest.raises(UserError) as caught:
        cli.run()
    assert str(caught.value).startswith(line)
    assert str(caught.value).isprintable()


def test_check_looks_at_the_number_of_workers(project: Project) -> None:
    """What the environment says is wrong before anything runs, too."""
    printed = project.run(
        "optledger", "check", check=False, PYTHONPATH="src", OPTLEDGER_WORKERS="0"
    )
    assert printed == "OPTLEDGER_WORKERS: found '0'; allowed: an integer of at least 1\n"


def test_a_stage_reports_a_mistake_in_one_line(project: Project) -> None:
    """Without `check` before it, a stage checks again; what DVC removed for it can be restored."""
    before = project.read("results/trials/adam/weights.npz")
    project.edit("params.yaml", "learning_rate: 0.01", "learning_rate: -1")
    printed = project.run("dvc", "repro", "train@adam", check=False)
    line = "params.yaml: variants.adam.learning_rate: found -1; allowed: a number from "
    assert any(each.startswith(line) for each in printed.splitlines())
    assert "Traceback" not in printed
    project.edit("params.yaml", "learning_rate: -1", "learning_rate: 0.01")
    project.run("dvc", "checkout")
    assert project.read("results/trials/adam/weights.npz") == before


def test_schema_prints_the_json_schema(project: Project) -> None:
    """What `make schema` writes is what editors read."""
    printed = project.run("optledger", "schema", PYTHONPATH="src")
    assert json.loads(printed) == params.json_schema()
    assert printed == (REPOSITORY / "params.schema.json").read_text()


def test_what_is_not_of_the_lock_is_not_published(project: Project) -> None:
    """Neither a result that was changed by hand, nor a pipeline that has never run."""
    project.edit("results/leaderboard.csv", "adam", "adm")
    before = project.read("mlflow.db")
    printed = project.run("optledger", "publish", check=False, PYTHONPATH="src")
    assert printed.startswith("results/leaderboard.csv: found ")
    assert "remedy: " in printed
    assert len(printed.splitlines()) == 1
    (project.path / "dvc.lock").unlink()
    printed = project.run("optledger", "publish", check=False, PYTHONPATH="src")
    assert printed.startswith("dvc.lock: does not exist")
    assert project.read("mlflow.db") == before
