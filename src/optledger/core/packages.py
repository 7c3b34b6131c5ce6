"""The packages that are installed."""

import re
from contextlib import suppress
from importlib import metadata


def version(package: str) -> str:
    """Return the version of a package that is imported by this name."""
    return metadata.version(distribution(package))


def distribution(package: str) -> str:
    """Return what a package is installed from: its own name, or that of its build for processors.

    The name is as indexes and locks have it, which a package's own files need not do.

    Raises:
        PackageNotFoundError: it is not installed.
    """
    for name in (package, f"{package}-cpu"):
        with suppress(metadata.PackageNotFoundError):
            return normalized(metadata.distribution(name).name)
    raise metadata.PackageNotFoundError(package)


def normalized(name: str) -> str:
    """Return a distribution's name as indexes and locks have it.

    Source: PEP 503, https://peps.python.org/pep-0503/#normalized-names
    """
    return re.sub(r"[-_.]+", "-", name).lower()
