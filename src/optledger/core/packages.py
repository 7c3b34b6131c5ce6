"""The packages that are installed."""

from contextlib import suppress
from importlib import metadata


def version(package: str) -> str:
    """Return the version of a package that is imported by this name."""
    return metadata.version(distribution(package))


def distribution(package: str) -> str:
    """Return what a package is installed from: its own name, or that of its build for processors.

    Raises:
        PackageNotFoundError: it is not installed.
    """
    for name in (package, f"{package}-cpu"):
        with suppress(metadata.PackageNotFoundError):
            return metadata.distribution(name).name
    raise metadata.PackageNotFoundError(package)
