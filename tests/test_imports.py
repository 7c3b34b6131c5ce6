import ast
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import optledger
from imports import SOURCE, closure, imports

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(optledger.__path__, prefix="optledger.")
)

# The one module that exists for what its import does, in the fork server.
PRELOAD = "optledger.training.preload"

# Each package imports from those below it, and from no other.
FLOORS = [
    *(
        "__main__",
        "cli",
        "settle",
        "plots",
        "review",
        "stages",
        "verification",
        "report",
        "tracking",
        "figures",
    ),
    *("analysis", "cases", "sweep", "training", "execution", "trials", "datasets", "pipeline"),
    "core",
]

# What a trial executes of this project, without its model: keys of finished trials rest on it.
OF_A_TRIAL = {
    *("datasets.examples", "datasets.interface", "datasets.sampling"),
    *("training.arguments", "training.components", "training.dropout", "training.engine"),
    *("training.kinds.classes", "training.kinds.labels", "training.kinds.number"),
    *("training.models", "training.textbook_optimizers", "training.weights"),
    *("trials.plateau", "trials.trial"),
}

PROGRAM = """
import importlib, logging, os, random, sys
import numpy

def environment():
    # Libraries set variables of their own, as scikit-learn those of OpenMP (KMP_...).
    return {name: value for name, value in os.environ.items() if name[:4] != "KMP_"}

before = environment()
for name in sys.argv[1:]:
    importlib.import_module(name)
assert before == environment(), set(before.items()) ^ set(environment().items())
assert not logging.getLogger().handlers, "logging"
assert not os.listdir("."), "a file"
print(random.random(), numpy.random.random())
print(*{name.partition(".")[0] for name in sys.modules})
"""


def after_importing(modules: list[str], cwd: Path) -> tuple[str, set[str]]:
    """Import `modules` in a new process and check that it leaves no file, setting or logging.

    Returns:
        What the process draws at random afterwards, and the packages that it has loaded.
    """
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *modules],
        cwd=cwd,
        env={"PYTHONPATH": str(SOURCE), "PATH": "", "HOME": str(cwd)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    drawn, loaded = done.stdout.splitlines()
    return drawn, set(loaded.split())


def uses(module: str, library: str) -> bool:
    """Whether the module's text imports `library`, at its top or inside a function."""
    path = SOURCE / Path(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return library in names


@pytest.mark.parametrize("module", MODULES)
def test_imports_lead_downwards(module: str) -> None:
    """So there is no circle of packages."""
    if module == "optledger":
        return
    floor = FLOORS.index(module.split(".")[1])
    for other in imports(module) - {"optledger"}:
        assert FLOORS.index(other.split(".")[1]) >= floor, (module, other)


def test_a_trial_executes_little_of_this_project() -> None:
    """Nothing of it reads params.yaml, a document or a file, or knows where it runs."""
    modules = closure("optledger.training.engine")
    packages = {
        module for module in modules if any(each.startswith(f"{module}.") for each in modules)
    }
    assert modules - packages == {f"optledger.{each}" for each in OF_A_TRIAL}


@pytest.mark.parametrize(
    ("library", "package"),
    [
        *(("tensorflow", "training"), ("keras", "training"), ("mlflow", "tracking")),
        ("ray", "execution.on_ray"),
    ],
)
def test_one_package_knows_the_library(library: str, package: str) -> None:
    """Only `training` imports TensorFlow, only `tracking` MLflow, only `on_ray` Ray."""
    users = {module for module in MODULES if uses(module, library)}
    assert users
    assert {module for module in users if not module.startswith(f"optledger.{package}.")} == set()


def test_importing_does_nothing(tmp_path: Path) -> None:
    """No file, seed, logging or environment; and no stage loads TensorFlow or MLflow by itself."""
    light = [
        module
        for module in MODULES
        if module != PRELOAD
        and not any(uses(module, library) for library in ("tensorflow", "keras", "mlflow", "ray"))
    ]
    assert {module for module in MODULES if module.startswith("optledger.stages.")} <= set(light)
    first, loaded = after_importing(light, tmp_path)
    second, _ = after_importing(light, tmp_path)
    assert first != second
    assert not loaded & {"tensorflow", "keras", "mlflow", "ray"}
