"""A YAML file as one frozen, validated object, or one line for each mistake in it."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from optledger.errors import UserError, without_credentials

Model = TypeVar("Model", bound=BaseModel)


class Section(BaseModel):
    """A section of a document: typed, frozen, and without keys that nobody reads."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


def read_yaml(path: Path) -> Any:
    """Read a YAML 1.2 file with the parser and the rules that DVC has.

    Raises:
        UserError: the file is missing, is not YAML, or names a key twice.
    """
    try:
        return YAML(typ="safe").load(path)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    except MarkedYAMLError as error:
        if conflict := _conflict(path):
            allowed = "one of its sides, or what is meant by both"
            raise UserError(
                f"{path}:{conflict}: found a conflict that Git left; allowed: {allowed}"
            ) from None
        line = "" if error.problem_mark is None else f":{error.problem_mark.line + 1}"
        problem = str(error.problem or error.context).split("\n")[0]
        raise UserError(f"{path}{line}: not valid YAML: {problem}") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not valid YAML: {str(error).splitlines()[0]}") from None


def differences(first: Any, second: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield key and both values wherever two documents differ, as deep as they go together."""
    if not isinstance(first, Mapping) or not isinstance(second, Mapping):
        if first != second:
            yield prefix.removesuffix("."), first, second
        return
    for key in sorted(first.keys() | second.keys(), key=str):
        yield from differences(first.get(key), second.get(key), f"{prefix}{key}.")


def mistake(path: Path | str, key: str, found: object, allowed: str) -> str:
    """Return the line that tells a user of one wrong value."""
    return f"{path}: {key}: found {shown(found)}; allowed: {allowed}"


def shown(value: object) -> str:
    """Return `value` as a user would recognise it, cut short where it is long."""
    # Before it is cut: without its end, a password is not known for one.
    text = "nothing" if value is None else without_credentials(repr(value))
    return text if len(text) <= 60 else f"{text[:57]}..."


def validate(model: type[Model], document: Any, path: Path) -> Model:
    """Return `document` as a `model`.

    Raises:
        UserError: a line for each mistake.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise UserError("\n".join(_lines(error.errors(include_url=False), path))) from None


def _conflict(path: Path) -> int | None:
    """Return the number of the line where an unfinished merge left its first conflict."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((n for n, line in enumerate(lines, 1) if line.startswith("<<<<<<< ")), None)


def _lines(errors: Iterable[ErrorDetails], path: Path) -> list[str]:
    return [
        mistake(
            path,
            ".".join(str(part) for part in error["loc"] if part != "[key]") or "the whole file",
            None if error["type"] == "missing" else error["input"],
            _allowed(error),
        )
        for error in errors
    ]


def _allowed(error: ErrorDetails) -> str:
    match error["type"]:
        case "extra_forbidden":
            return "no key of this name"
        case "missing":
            return "a value is needed"
        case "model_type" | "dict_type" | "model_attributes_type":
            return "a mapping of keys to values"
        case "too_short":
            return "at least one entry"
        case _:
            text = error["msg"]
            for prefix in ("Value error, ", "Input should be "):
                text = text.removeprefix(prefix)
            return text
