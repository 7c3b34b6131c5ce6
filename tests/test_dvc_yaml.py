"""The pipeline's own description, held against the code."""

import os
import sys
from collections.abc import Collection
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from imports import SOURCE, closure, module_file
from optledger.core import params
from optledger.core.documents import read_yaml
from optledger.core.params import Params
from optledger.trials import code
from project import REPOSITORY, Project

DVC = read_yaml(REPOSITORY / "dvc.yaml")

STAGES: dict[str, dict[str, Any]] = {
    name: stage.get("do", stage) for name, stage in DVC["stages"].items()
}


def program(stage: str) -> set[str]:
    """Every module with code that a stage may run, what starts it included.

    A package's file that is a docstring has none.
    """
    modules = closure("optledger.stages.__main__") | closure(f"optledger.stages.{stage}")
    return code.closure(modules).digests().keys() & modules


def declared_sections(stage: dict[str, Any]) -> set[str]:
    """Return the sections of params.yaml that a stage declares."""
    return {name.split(".")[0] for name in stage.get("params", []) if isinstance(name, str)}


def test_every_stage_is_the_module_of_its_name() -> None:
    """A stage runs its module, from the source of the checkout it stands in, in any shell."""
    for name, stage in STAGES.items():
        assert module_file(f"optledger.stages.{name}")
        command = f"python -I src/optledger/stages {name}"
        assert stage["cmd"].removesuffix(" ${key}") == command


@pytest.mark.parametrize("name", STAGES)
def test_every_module_that_a_stage_imports_is_a_dependency(name: str) -> None:
    """Code is a dependency like data; a stage that always runs needs none of it."""
    if STAGES[name].get("always_changed"):
        return
    dependencies = [Path(dependency) for dependency in STAGES[name]["deps"]]
    for module in program(name):
        file = module_file(module)
        assert file is not None
        relative = file.relative_to(REPOSITORY)
        assert any(relative.is_relative_to(each) for each in dependencies), relative


def test_every_dependency_on_code_is_needed() -> None:
    """A stage does not rerun for code that it does not run."""
    for name, stage in STAGES.items():
        needed = {
            file.relative_to(REPOSITORY)
            for module in program(name)
            if (file := module_file(module))
        }
        for dependency in map(Path, stage["deps"]):
            if dependency.parts[0] == "src":
                assert any(file.is_relative_to(dependency) for file in needed), (name, dependency)


def test_the_lock_is_a_dependency_of_every_numeric_stage() -> None:
    """Other versions of the libraries may compute other numbers."""
    numeric = {"preprocess", "train", "evaluate", "compare", "case", "report"}
    assert {
        name for name, stage in STAGES.items() if "requirements.lock" in stage["deps"]
    } == numeric


def test_only_evaluate_can_see_the_test_split() -> None:
    """The test split is a dependency of `evaluate` alone, and no part of another's folder.

    `download` and `preprocess` make the splits; no stage after them may depend on the raw files.
    """
    for name in STAGES.keys() - {"download", "preprocess"}:
        for dependency in STAGES[name]["deps"]:
            seen = Path("data/prepared/test.npz").is_relative_to(dependency)
            assert not seen or name == "evaluate", name
            assert not Path(dependency).is_relative_to("data/raw"), name
            assert not Path("data/raw").is_relative_to(dependency), name
    assert "data/prepared/test.npz" in STAGES["evaluate"]["deps"]
    assert "data/prepared/test.npz" in STAGES["preprocess"]["outs"]


class Recorder:
    """Parameters that remember which sections were read."""

    def __init__(self, settings: Params) -> None:
        self.settings = settings
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        method = getattr(Params, name, None)
        if name == "model_dump":
            return self._dump
        if callable(method):
            return partial(method, self)
        else:
            self.read.add(name)
        return getattr(self.settings, name)

    def _dump(self, exclude: Collection[str] = (), **how: Any) -> Any:
        self.read |= Params.model_fields.keys() - exclude
        return self.settings.model_dump(exclude=exclude, **how)


@pytest.mark.parametrize("name", sorted(STAGES.keys() - {"publish"}))
def test_a_stage_declares_exactly_the_sections_it_reads(
    name: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run for real, with parameters that remember who read them."""
    monkeypatch.chdir(project.path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SOURCE), *sys.path]))
    argument = {"case": "linear_regression"}.get(name, "adam")
    monkeypatch.setattr(sys, "argv", [name, argument])
    recorder = Recorder(params.load())
    monkeypatch.setattr(params, "load", lambda: recorder)
    import_module(f"optledger.stages.{name}").main()
    # A variant holds the model and the training defaults that it does not override.
    inherited = {"model", "training"} if "variants" in recorder.read else set()
    read = recorder.read | inherited
    assert declared_sections(STAGES[name]) == read
