"""What a module of this project imports, read from its text."""

import ast
from pathlib import Path

from project import REPOSITORY

SOURCE = REPOSITORY / "src"


def module_file(module: str) -> Path | None:
    """Return the file of a module or package of this project, if it is one."""
    path = SOURCE / Path(*module.split("."))
    found = [path / "__init__.py", path.with_suffix(".py")]
    return next((file for file in found if file.is_file()), None)


def imports(module: str) -> set[str]:
    """The modules of this package that `module` imports, the packages above them included."""
    file = module_file(module)
    assert file is not None
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    own = {name for name in names if name.split(".")[0] == "optledger" and module_file(name)}
    parts = [name.split(".") for name in own | {module}]
    return {".".join(each[:depth]) for each in parts for depth in range(1, len(each) + 1)}


def closure(module: str) -> set[str]:
    """Every module that running `module` may import."""
    found, pending = set(), {module}
    while pending:
        found |= pending
        pending = set().union(*(imports(name) for name in pending)) - found
    return found
