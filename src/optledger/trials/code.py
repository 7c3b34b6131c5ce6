"""Finds the code that a program may execute: modules of this package, and other packages.

A digest covers what a file means to Python, so that comments, docstrings and line breaks do not
count. All releases of Python that parse the file alike give the same digest.
"""

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import optledger
from optledger.core.errors import UserError
from optledger.core.formats import read

NAME = optledger.__name__
_SOURCE = Path(optledger.__file__).parents[1]


class Closure(NamedTuple):
    """All that running some files may execute.

    Attributes:
        files: the file of each module by its name, and other files by the names given to them.
        packages: the import names of other packages, without those of Python itself.
    """

    files: dict[str, Path]
    packages: set[str]

    def digests(self) -> dict[str, str]:
        """Return the digest of each file that contains code, by its name."""
        digests = {name: digest(file) for name, file in sorted(self.files.items())}
        return {name: each for name, each in digests.items() if each != _EMPTY}


def closure(modules: Iterable[str], files: Mapping[str, Path] = MappingProxyType({})) -> Closure:
    """Follow the imports of modules of this package, and of other files.

    Args:
        modules: full names of modules of this package.
        files: other files, by names to list them under.

    Raises:
        UserError: a file is no Python, or has a relative import.
    """
    found: dict[str, Path] = {}
    packages: set[str] = set()
    pending = [*((name, module_file(name)) for name in modules), *files.items()]
    while pending:
        name, file = pending.pop()
        if file is None or name in found:
            continue
        found[name] = file
        for each in imports(file):
            top = each.partition(".")[0]
            if top == NAME:
                pending.append((each, module_file(each)))
            elif top not in sys.stdlib_module_names:
                packages.add(top)
    return Closure(found, packages)


def module_file(module: str) -> Path | None:
    """Return the file of a module or package of this project; None for any other name."""
    path = _SOURCE / Path(*module.split("."))
    found = [path / "__init__.py", path.with_suffix(".py")]
    return next((file for file in found if file.is_file()), None)


def imports(file: Path) -> set[str]:
    """Return the names that a file may import, at its top or in a function, with their parents.

    Some of the names are no modules: they are those of imported functions, for example.

    Raises:
        UserError: the file is no Python, or has a relative import. What that imports depends on
            where the file is run.
    """
    names: set[str] = set()
    for node in ast.walk(_parsed(file)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.level or not node.module:
                remedy = "import the package by its whole name"
                raise UserError(f"{file}: has a relative import; {remedy}")
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    parts = [name.split(".") for name in names]
    return {".".join(each[:depth]) for each in parts for depth in range(1, len(each) + 1)}


def digest(file: Path) -> str:
    """Return the SHA-256 of what a file means to Python, in hexadecimal.

    Raises:
        UserError: the file is no Python, or one of its expressions is nested too deeply.
    """
    try:
        text = "".join(_canonical(_parsed(file)))
    except RecursionError:
        raise UserError(f"{file}: an expression is nested too deeply; split it") from None
    return hashlib.sha256(text.encode()).hexdigest()


def _parsed(file: Path) -> ast.Module:
    try:
        return _tree(read(file))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise UserError(f"{file}: cannot be read as Python: {error}") from None


@cache
def _tree(text: bytes) -> ast.Module:
    return ast.parse(text)


def _canonical(value: object) -> Iterator[str]:
    """Yield a syntax tree as text, without empty fields, as new releases of Python add some."""
    match value:
        case ast.AST():
            yield f"({type(value).__name__}"
            for name, field in ast.iter_fields(value):
                said = [*filter(_is_code, field)] if isinstance(field, list) else field
                if said is not None and said != [] and name != "kind":
                    yield f" {name}="
                    yield from _canonical(said)
            yield ")"
        case list():
            yield "["
            for item in value:
                yield from _canonical(item)
            yield "]"
        case _:
            yield f"{value!r},"


def _is_code(statement: object) -> bool:
    """Whether a statement is anything but a docstring."""
    match statement:
        case ast.Expr(value=ast.Constant(value=str())):
            return False
    return True


_EMPTY = hashlib.sha256("".join(_canonical(ast.parse(""))).encode()).hexdigest()
