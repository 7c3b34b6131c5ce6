"""YAML files read as frozen, validated objects, with a one-line message for each mistake."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, TypeVar

from _ruamel_yaml import CParser
from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.parser import Parser
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.resolver import VersionedResolver

from optledger.core.errors import UserError, printable, without_credentials
from optledger.core.formats import open_regular

Model = TypeVar("Model", bound=BaseModel)


BRANCH = "branch "
"""The beginning of each pydantic tag that names a branch of a union."""


class Section(BaseModel):
    """A section of a document: strictly typed, frozen, and closed to unknown keys."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


def _check_printable(text: str) -> str:
    if text and text.isprintable():
        return text
    raise ValueError("a text without control characters")


Printable = Annotated[str, AfterValidator(_check_printable)]


def read_yaml(path: Path, shared: bool = True) -> Any:
    """Read a YAML 1.2 file by the rules of `parse_yaml`.

    Raises:
        UserError: the file cannot be read, or `parse_yaml` refuses its content.
    """
    try:
        with open_regular(path) as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    return parse_yaml(content, str(path), shared)


def parse_yaml(content: bytes, name: str, shared: bool = True) -> Any:
    """Parse a YAML 1.2 document with DVC's parser and rules.

    The document may hold mappings, lists, texts, numbers, booleans and nulls. Its size and depth
    are limited. What an alias stands for counts each time that the alias occurs.

    Args:
        content: UTF-8, at most `_MOST_BYTES` long.
        name: the file's name, for messages.
        shared: whether an alias may stand for a mapping or a list.

    Raises:
        UserError: the content is no such document, has a key twice, or is too large.
    """
    if len(content) > _MOST_BYTES:
        raise UserError(f"{name}: is too large; the most is {_MOST_BYTES} bytes")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UserError(f"{name}:{line}: not valid YAML: found bytes that are not UTF-8") from None
    try:
        return _load(text, shared, lambda loader: CParser(text))
    except (YAMLError, ValueError, OverflowError) as error:
        refusal = error
    # The parser in Python says more of a mistake. What it takes, such as [a:b], DVC's does not.
    remedy = "; put the text in quotes"
    try:
        _load(text, shared, Parser)
    except YAMLError as error:
        refusal, remedy = error, ""
    line, problem = _told(refusal, text)
    if conflict := _conflict(text):
        remedy = "keep one of its sides, or write what is meant by both"
        raise UserError(f"{name}:{conflict}: has a merge conflict; {remedy}")
    raise UserError(printable(f"{name}:{line}: {problem}{remedy}"))


def _load(text: str, shared: bool, parser: Callable[[YAML], Any]) -> Any:
    """Compose and construct what a parser's events are of."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Resolver = _Resolver
    yaml.Composer = _Composer
    yaml.composer.shared = shared
    yaml.Parser = parser
    return yaml.load(text)


def _told(error: Exception, text: str) -> tuple[int, str]:
    """Return the line of a mistake in a text, and the problem."""
    match error:
        case _Unwanted():
            return error.problem_mark.line + 1, str(error.problem)
        case MarkedYAMLError():
            mark = error.problem_mark or error.context_mark
            return mark.line + 1 if mark else 1, f"not valid YAML: {_problem(error)}"
        case ReaderError():
            line = text.count("\n", 0, error.position) + 1
            return line, f"not valid YAML: found the character {text[error.position]!r}"
        case _:
            return 1, f"not valid YAML: {error}"


def _problem(error: MarkedYAMLError) -> str:
    """Return the parser's message; one that begins with "but" needs its context before it."""
    problem = str(error.problem or error.context).split("\n")[0]
    return f"{error.context}, {problem}" if problem.startswith("but ") else problem


# Far more than anyone writes by hand, or than a dvc.lock of hundreds of stages has.
_MOST_BYTES = 20_000_000
_MOST_NODES = 1_000_000
_MOST_DEPTH = 40


class _Unwanted(ComposerError):
    """Content that a document of this project may not have, even where it is valid YAML."""

    def __init__(self, problem: str, mark: Any) -> None:
        super().__init__(None, None, problem, mark)


class _Resolver(VersionedResolver):
    """Resolves values by YAML 1.2, whatever a directive says.

    Otherwise it asks for a directive at each value, which libyaml's parser answers by an exception.
    """

    processing_version = (1, 2)


class _Composer(Composer):
    """Composes the tree of a document; refuses special types and documents that are too large."""

    shared = True

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self._nodes = 0
        self._sizes: dict[Node, int] = {}

    @cached_property
    def parser(self) -> Any:
        """What events come from, looked up once and not for each value."""
        return self.loader.parser

    @cached_property
    def resolver(self) -> Any:
        """What tells types, looked up once."""
        return self.loader.resolver

    def get_single_node(self) -> Any:
        """Return the node of the document."""
        try:
            return super().get_single_node()
        except (ValueError, OverflowError):
            # Python raises these for an escape sequence that names no character.
            found = "not valid YAML: found an escape sequence of no character"
            raise _Unwanted(found, self.loader.reader.get_mark()) from None

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Return the next node with everything below it."""
        before, event = self._nodes, self.parser.peek_event()
        if self.depth == _MOST_DEPTH:
            raise _Unwanted(f"found more than {_MOST_DEPTH} levels", event.start_mark)
        if not isinstance(event, AliasEvent) and event.anchor in self.anchors:
            # YAML takes the later one, and DVC's parser neither.
            line = self.anchors[event.anchor].start_mark.line + 1
            found = (
                f"found &{event.anchor} again, which stands in line {line}; name one differently"
            )
            raise _Unwanted(found, event.start_mark)
        node = super().compose_node(parent, index)
        if isinstance(event, AliasEvent):
            self._nodes += self._size_of_alias(event, node)
        else:
            _check_node(node, self.loader.constructor)
            self._nodes += 1
            self._sizes[node] = self._nodes - before
        if self._nodes > _MOST_NODES:
            found = f"found more than {_MOST_NODES} values, with those that aliases stand for"
            raise _Unwanted(found, event.start_mark)
        return node

    def _size_of_alias(self, event: AliasEvent, node: Node) -> int:
        name, line = event.anchor, node.start_mark.line + 1
        if node not in self._sizes:
            found = f"found *{name} inside of &{name} of line {line}, which it stands for"
            raise _Unwanted(found, event.start_mark)
        if not self.shared and not isinstance(node, ScalarNode):
            kind = "mapping" if isinstance(node, MappingNode) else "list"
            raise _Unwanted(
                f"*{name} shares the {kind} &{name} of line {line}; write it out, as DVC would go "
                "on sharing it, whichever of them is set",
                event.start_mark,
            )
        return self._sizes[node]


def _check_node(node: Node, constructor: Any) -> None:
    tag = str(node.tag)
    kind = tag.removeprefix(_TAG)
    if tag not in _PLAIN:
        allowed = "texts, which quotes make of anything, numbers, true, false and null"
        raise _Unwanted(f"found a value of type {kind}; allowed: {allowed}", node.start_mark)
    if isinstance(node, MappingNode):
        for key, _ in node.value:
            if not isinstance(key, ScalarNode):
                found = "found a mapping or a list as a key; allowed: texts and numbers"
                raise _Unwanted(found, key.start_mark)
    if isinstance(node, ScalarNode) and kind in _SCALARS:
        try:
            # `str` fails for an integer of too many digits, `encode` for a lone surrogate.
            str(constructor.construct_object(node)).encode()
        except (ValueError, LookupError, OverflowError):
            found = f"found {shown(node.value)}; allowed: {_SCALARS[kind]}"
            raise _Unwanted(found, node.start_mark) from None


_TAG = "tag:yaml.org,2002:"

_SCALARS = {
    "bool": "true or false",
    "float": "a number",
    "int": "an integer of at most 4300 digits",
    "null": "null",
    "str": "a text that UTF-8 can hold",
}

# The types of JSON, and YAML's merge key.
_PLAIN = {_TAG + kind for kind in (*_SCALARS, "map", "seq", "merge")}


def differences(first: Any, second: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the key and both values of each difference, as deep as both sides are mappings."""
    if not isinstance(first, Mapping) or not isinstance(second, Mapping):
        if first != second:
            yield prefix.removesuffix("."), first, second
        return
    for key in sorted(first.keys() | second.keys(), key=str):
        yield from differences(first.get(key), second.get(key), f"{prefix}{key}.")


def mistake(path: Path | str, key: str, found: object, allowed: str) -> str:
    """Return the line that reports one wrong value to the user."""
    return printable(f"{path}: {_short(key, 120)}: found {shown(found)}; allowed: {allowed}")


def shown(value: object) -> str:
    """Return `value` as a user would recognise it, cut short if it is long."""
    # Remove credentials before the cut: a password without its end is not recognised as one.
    return _short("nothing" if value is None else printable(without_credentials(repr(value))))


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def validate(
    model: type[Model],
    document: Any,
    path: Path,
    is_repeated: Callable[[Sequence[int | str]], bool] = lambda location: False,
) -> Model:
    """Return `document` as an instance of `model`.

    Args:
        model: the form of the document.
        document: the content, as parsed from YAML.
        path: the file to name in messages.
        is_repeated: whether a mistake at a location repeats one that has a line elsewhere.

    Raises:
        UserError: the document has mistakes; the text has a line for each.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False)
        told = [each for each in found if not is_repeated(each["loc"])] or found
        lines = [_line(each, path, model) for each in told]
        raise UserError("\n".join(lines)) from None


def _conflict(text: str) -> int | None:
    """Return the line number of the first conflict that an unfinished merge left, or None."""
    lines = text.split("\n")
    return next((n for n, line in enumerate(lines, 1) if line.startswith("<<<<<<< ")), None)


def _line(error: ErrorDetails, path: Path, model: type[BaseModel]) -> str:
    key = ".".join(map(str, filter(_is_key, error["loc"]))) or "the whole file"
    match error["type"]:
        case "missing":
            return printable(f"{path}: {_short(key, 120)}: missing required key")
        case "extra_forbidden":
            near = _near(str(error["loc"][-1]), model)
            return printable(f"{path}: {_short(key, 120)}: unknown key{near}")
        case _:
            return mistake(path, key, error["input"], _allowed(error))


def _near(key: str, model: type[BaseModel]) -> str:
    """Return a question for the known key nearest to `key`; empty if none is near."""
    schema = model.model_json_schema()
    sections = [schema, *schema.get("$defs", {}).values()]
    # Another section may have the very key.
    keys = {name for section in sections for name in section.get("properties", ())} - {key}
    return did_you_mean(key, keys)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a question for the known name nearest to `name`; empty if none is near.

    Capitals make no difference. Initials are near, too, as `lr` is to `learning_rate`, and `mse`
    to `MeanSquaredError`.
    """
    whole = {each.lower(): each for each in sorted(known)}
    initials = {
        "".join(re.findall("(?:^|(?<=_))[a-z]|[A-Z]", each)).lower(): each
        for each in whole.values()
    }
    near = {letters: each for letters, each in initials.items() if len(letters) > 1} | whole
    return "".join(
        f"; did you mean {near[match]}?" for match in get_close_matches(name.lower(), near, n=1)
    )


def _is_key(part: int | str) -> bool:
    """Whether a part of an error's location is a key; pydantic lists branches of unions, too."""
    return part != "[key]" and not str(part).startswith(BRANCH)


def _allowed(error: ErrorDetails) -> str:
    match error["type"]:
        case "model_type" | "dict_type" | "model_attributes_type":
            return "a mapping of keys to values"
        case "too_short":
            return "at least one entry"
        case _:
            text = error["msg"]
            for prefix in ("Value error, ", "Input should be "):
                text = text.removeprefix(prefix)
            return text
