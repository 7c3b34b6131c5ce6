"""The code and the packages that a program of this project follows from."""

import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from optledger.core.errors import UserError
from optledger.core.formats import file_digest
from optledger.core.packages import distribution, normalized
from optledger.training import kernels, models
from optledger.trials import code
from optledger.trials.observations import processor


class Program(NamedTuple):
    """What running some modules follows from.

    Attributes:
        document: by name the digests of code, and the releases of packages.
        files: that the code is read from.
    """

    document: dict[str, dict[str, str]]
    files: frozenset[Path]


def program(modules: Iterable[str], model: str) -> Program:
    """Return what running modules with a model follows from; other models are no part of it.

    Raises:
        UserError: a file is no Python, or imports what is no installed package.
    """
    # Whoever builds a model that is not there says so.
    files = {f"model {name}": file for name, file in models.files().items() if name == model}
    closure = code.closure(modules, files)
    beside = {f"models/{name}": file for name, file in models.read_by(model).items()}
    digests = {name: file_digest(file) for name, file in beside.items()}
    return Program(
        document={
            "code": closure.digests() | digests,
            "packages": {name: release(name) for name in sorted(closure.packages)},
        },
        files=frozenset([*closure.files.values(), *beside.values()]),
    )


def machine() -> dict[str, str]:
    """Return what counts of this processor: not more than the pins leave of it."""
    kept = {"architecture": platform.machine(), "instruction_set": kernels.instruction_set()}
    if kernels.why_not() is None:
        return kept
    return kept | {"model": processor(), "system": platform.system(), "flags": kernels.flags()}


def release(package: str) -> str:
    """Return what a package that is imported by this name is installed from, and its version.

    Raises:
        UserError: it is not installed.
    """
    try:
        names = [distribution(package)]
    except metadata.PackageNotFoundError:
        names = [normalized(name) for name in metadata.packages_distributions().get(package, [])]
    if not names:
        allowed = "packages that are installed, whose versions count"
        raise UserError(f"found an import of {package}, which is none; allowed: {allowed}")
    return ", ".join(f"{name} {metadata.version(name)}" for name in sorted(names))
