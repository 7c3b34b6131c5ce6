"""The models that params.yaml can name: from pixels to logits.

A model is a file with a function of its name: one of this package, or the user's own in `models/`
beside params.yaml. The function takes scaled images and the number of classes; what else it takes
are its arguments in params.yaml. A file imports installed packages, this one included, and no
file beside it. What else is in `models/` it may read.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGE = Path(__file__).parent

OWN = Path("models")
"""The folder of the user's, from where params.yaml is."""


class ModelError(Exception):
    """What is wrong with the file of a model."""


def files() -> dict[str, Path]:
    """Return the file of each model by name; of two of one name, that of this package."""
    return _files(OWN) | _files(_PACKAGE)


def hidden(name: str) -> Path | None:
    """Return the user's file of a name that this package has, too; None where there is none."""
    return _files(OWN).get(name) if name in _files(_PACKAGE) else None


def read_by(name: str) -> dict[str, Path]:
    """Return what a model may read beside its own code: all else in the folder of the user's."""
    if name in _files(_PACKAGE) or name not in _files(OWN):
        return {}
    paths = (path for path in sorted(OWN.rglob("*")) if path.is_file())
    names = {path.relative_to(OWN).as_posix(): path for path in paths if path.suffix != ".py"}
    return {
        name: path
        for name, path in names.items()
        if not name.startswith("README") and "__pycache__" not in path.parts
    }


def load(name: str) -> Callable[..., Any]:
    """Return the function of a model that `files` has.

    Raises:
        ModelError: its file cannot be imported, or has no function of its name.
    """
    path = files()[name]
    module = f"{__name__}.{name}"
    loaded = sys.modules.get(module)
    if loaded is None or loaded.__file__ != str(path.resolve()):
        loaded = _import(module, path.resolve())
    function = getattr(loaded, name, None)
    if not callable(function):
        raise ModelError(f"{path}: found no function {name}; allowed: one that returns logits")
    return function  # type: ignore[no-any-return] # a module's attributes have no types


def _files(folder: Path) -> dict[str, Path]:
    return {
        path.stem: path
        for path in sorted(folder.glob("*.py"))
        if path.stem.isidentifier() and not path.stem.startswith("_")
    }


def _import(name: str, path: Path) -> Any:
    module = ModuleType(name)
    module.__file__ = str(path)
    try:
        # Not by way of bytecode, which may be of another text of the same size and second.
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        raise ModelError(f"{path.name}: found {cause}; allowed: a file to import") from None
    sys.modules[name] = module
    return module
