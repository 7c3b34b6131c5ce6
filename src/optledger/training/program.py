"""The code and the packages that decide what a program of this project computes."""

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
    """All that decides what some modules compute.

    Attributes:
        document: digests of the code and releases of the packages, each by name.
        files: the files that the digests are of.
    """

    document: dict[str, dict[str, str]]
    files: frozenset[Path]


def program(modules: Iterable[str], model: str) -> Program:
    """Return what decides the results of some modules with one model. Other models do not count.

    Raises:
        UserError: a file is no Python, or imports a package that is not installed.
    """
    # A missing model is no error here: building it is one.
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
    """Return the facts about this machine that can change results.

    Where TensorFlow is pinned, only the architecture and the instruction set can.
    """
    kept = {"architecture": platform.machine(), "instruction_set": kernels.instruction_set()}
    if kernels.why_not() is None:
        return kept
    return kept | {"model": processor(), "system": platform.system(), "flags": kernels.flags()}


def release(package: str) -> str:
    """Return the distribution that a package is imported from, with its version.

    Args:
        package: the name by which the package is imported.

    Raises:
        UserError: the package is not installed.
    """
    try:
        names = [distribution(package)]
    except metadata.PackageNotFoundError:
        names = _owners(package)
    if not names:
        raise UserError(f"{package} is not installed, and a training imports it: install it")
    return ", ".join(f"{name} {metadata.version(name)}" for name in sorted(names))


def _owners(package: str) -> list[str]:
    """Return the distributions that a package is of, by their records of files.

    They are read as texts: `packages_distributions` looks at each of fifty thousand files.
    """
    parts = (f"\n{package}/", f"\n{package}.")
    return [
        normalized(each.name)
        for each in metadata.distributions()
        if any(part in "\n" + (each.read_text("RECORD") or "") for part in parts)
    ]
