"""Names and versions of installed packages."""

import re
from contextlib import suppress
from importlib import metadata


def version(package: str) -> str:
    """Return the version of an installed package."""
    return metadata.version(distribution(package))


def distribution(package: str) -> str:
    """Return the distribution that a package is installed from: its own, or its CPU build.

    The name is spelt as in indexes and lock files; a package's own files may spell it otherwise.

    Raises:
        PackageNotFoundError: the package is not installed.
    """
    for name in (package, f"{package}-cpu"):
        with suppress(metadata.PackageNotFoundError):
            return normalized(metadata.distribution(name).name)
    raise metadata.PackageNotFoundError(package)


def normalized(name: str) -> str:
    """Return a distribution's name as indexes and lock files spell it.

    Source: PEP 503, https://peps.python.org/pep-0503/#normalized-names
    """
    return re.sub(r"[-_.]+", "-", name).lower()
