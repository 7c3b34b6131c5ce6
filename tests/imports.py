"""What a module of this project imports, read from its text."""

from optledger.trials import code
from project import REPOSITORY

SOURCE = REPOSITORY / "src"

module_file = code.module_file


def imports(module: str) -> set[str]:
    """The modules of this package that `module` imports, the packages above them included."""
    file = module_file(module)
    assert file is not None
    own = {name for name in code.imports(file) if module_file(name)}
    return {name for name in own if name.split(".")[0] == code.NAME} | _with_packages(module)


def closure(module: str) -> set[str]:
    """Every module that running `module` may import."""
    return set(code.closure(_with_packages(module)).files)


def _with_packages(module: str) -> set[str]:
    parts = module.split(".")
    return {".".join(parts[:depth]) for depth in range(1, len(parts) + 1)}
