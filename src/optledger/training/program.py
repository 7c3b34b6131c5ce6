"""The code and the packages that a program of this project follows from."""

from collections.abc import Iterable
from importlib import metadata

from optledger.core.packages import distribution
from optledger.training import models
from optledger.trials import code


def ingredients(modules: Iterable[str], model: str) -> dict[str, dict[str, str]]:
    """Return by name the digests of code, and the releases of packages.

    Args:
        modules: that the program begins with.
        model: its name; the file is part of the program, others of models are not.

    Raises:
        UserError: a file is no Python.
    """
    # Whoever builds a model that is not there says so.
    files = {f"model {name}": file for name, file in models.files().items() if name == model}
    closure = code.closure(modules, files)
    return {
        "code": closure.digests(),
        "packages": {name: _release(name) for name in sorted(closure.packages)},
    }


def _release(package: str) -> str:
    """Return what a package that is imported by this name is installed from, and its version."""
    try:
        names = [distribution(package)]
    except metadata.PackageNotFoundError:
        names = metadata.packages_distributions().get(package, [])
    return ", ".join(f"{name} {metadata.version(name)}" for name in sorted(names)) or "none"
