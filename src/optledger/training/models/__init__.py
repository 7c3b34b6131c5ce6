"""The models that params.yaml can name.

A model is a Python file with a function of the same name. The file is in this package, or in the
user's folder `models/` beside params.yaml. The function takes scaled inputs, the number of outputs,
and its arguments from params.yaml. It returns logits.

A model's file may import installed packages, this one included, but no file beside it. It may read
the other files in `models/`.
"""

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGE = Path(__file__).parent

OWN = Path("models")
"""The user's folder of models, relative to the folder of params.yaml."""


class ModelError(Exception):
    """A model's file that cannot be used."""


def files() -> dict[str, Path]:
    """Return each model's file by name. A model of this package hides a user's of its name."""
    return _files(OWN) | _files(_PACKAGE)


def hidden(name: str) -> Path | None:
    """Return the user's file that is hidden by a model of this package; None if there is none."""
    return _files(OWN).get(name) if name in _files(_PACKAGE) else None


def read_by(name: str) -> dict[str, Path]:
    """Return the files that a user's model may read: all in `models/` but code and READMEs.

    Their names are relative to `models/`. A model of this package reads none.
    """
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
    """Return the function of a model that `files` lists.

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
        raise ModelError(f"{path} has no function {name}, which a model's file of that name needs")
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
        # Compile the text: cached bytecode may belong to another text of the same size and second.
        exec(compile(path.read_bytes(), str(path), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        lines = [
            frame.lineno
            for frame in traceback.extract_tb(error.__traceback__)
            if frame.filename == str(path)
        ]
        at = f", line {lines[-1]}" if lines else ""
        cause = " ".join(f"{type(error).__name__}: {error}".split())
        raise ModelError(f"{OWN / path.name}{at}, cannot be imported: {cause}") from None
    sys.modules[name] = module
    return module
