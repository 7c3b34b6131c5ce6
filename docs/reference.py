"""Write docs/reference.md: every key, command and table, as the code declares them."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.main import get_command

from optledger.analysis.schemas import SCHEMAS
from optledger.cli import app
from optledger.core import errors
from optledger.core.formats import write_text
from optledger.core.tables import Column, Schema

PAGE = Path("docs/reference.md")

_HEAD = """\
# Reference

`make docs` writes this page from the code: parameters from their schema, commands from the
command line, tables from the schemas that every reader holds them against.

## Exit statuses

| status | meaning |
|--:|---|
| 0 | done |
| 1 | a verdict: `review --fail-on` or `verify` found something |
| 2 | a mistake, or an environment that is not as it has to be: one line says what to do |
| 70 | a fault of optledger: the line names a file with what to report |
| 130 | interrupted |

## Environment variables

| variable | what it does |
|---|---|
| `MLFLOW_TRACKING_URI` | another store than `mlflow.db` of the folder |
| `OPTLEDGER_MIRROR` | a folder or URL that comes before all other sources of data |
| `OPTLEDGER_TRIALS` | where finished trials are kept; empty: nowhere |
| `OPTLEDGER_WORKERS` | how many processes train; no number changes a byte |
| `RAY_ADDRESS` | the Ray cluster that `optledger sweep` trains on |
"""


def main() -> None:
    """Write the page, or with `--check` say whether it is as the code is."""
    text = page()
    if "--check" not in sys.argv:
        write_text(PAGE, text)
    elif PAGE.read_text(encoding="utf-8") != text:
        raise errors.UserError(f"{PAGE} is not as the code is: make docs")


def page() -> str:
    """Return the page."""
    schema = json.loads(Path("params.schema.json").read_text(encoding="utf-8"))
    return "\n".join([_HEAD, *_parameters(schema), *_commands(), *_tables()])


def _parameters(schema: dict[str, Any]) -> Iterator[str]:
    yield "## Parameters\n"
    yield f"{_sentence(schema['description'])} Keys of `params.yaml`; those in bold are required.\n"
    yield from _section(schema, "")
    for name, each in schema["properties"].items():
        if found := re.search(r"\$defs/(\w+)", json.dumps(each)):
            entries = "" if "$ref" in each else ".NAME"
            section = schema["$defs"][found.group(1)]
            yield f"### `{name}{entries}`\n"
            yield f"{_sentence(section['description'])}\n"
            yield from _section(section, f"{name}{entries}.")
    for name, section in schema["$defs"].items():
        if name in ("EarlyStopping", "Method"):
            yield f"### {re.sub('(?<=[a-z])(?=[A-Z])', ' ', name).capitalize()}\n"
            yield f"{_sentence(section['description'])}\n"
            yield from _section(section, "")


def _section(section: dict[str, Any], prefix: str) -> Iterator[str]:
    told = dict(re.findall(r"(?m)^    (\w+): (.*(?:\n {8}.*)*)", section.get("description", "")))
    yield "| key | value | unless given | what it is |"
    yield "|---|---|---|---|"
    for name, each in section["properties"].items():
        shown = (
            f"**`{prefix}{name}`**" if name in section.get("required", ()) else f"`{prefix}{name}`"
        )
        default = (
            f"`{json.dumps(each['default'])}`" if each.get("default") not in (None, {}) else ""
        )
        if len(default) > 60:
            default = "see there"
        what = re.sub(r"\s+", " ", told.get(name, "")).replace("|", r"\|")
        yield f"| {shown} | {_kind(each)} | {default} | {what} |"
    yield ""


def _kind(each: dict[str, Any]) -> str:
    """Return what values a key takes."""
    if "enum" in each:
        return ", ".join(f"`{value}`" for value in each["enum"])
    if "const" in each:
        return f"`{each['const']}`"
    if "$ref" in each:
        return "a section"
    if choices := each.get("anyOf") or each.get("oneOf"):
        kinds = [_kind(choice) for choice in choices if choice.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    low = each.get("minimum", each.get("exclusiveMinimum"))
    high = each.get("maximum", each.get("exclusiveMaximum"))
    ends = "".join(
        f" {word} {end:g}" for word, end in (("from", low), ("to", high)) if end is not None
    )
    match each.get("type"):
        case "array":
            return f"a list, each {_kind(each.get('items', {}))}"
        case "object":
            return "a section for each name" if "additionalProperties" in each else "a section"
        case "integer":
            return f"a whole number{ends}"
        case "number":
            return f"a number{ends}"
        case "boolean":
            return "`true` or `false`"
        case "string":
            return "a text"
    return "any"


def _sentence(text: str) -> str:
    return re.sub(r"\s+", " ", text.split("\n\nAttributes:")[0]).strip()


def _commands() -> Iterator[str]:
    yield "## Commands\n"
    command = get_command(app)
    assert isinstance(command, typer.core.TyperGroup)
    for name, each in sorted(command.commands.items()):
        yield from _command(f"optledger {name}", each)


def _command(name: str, command: Any) -> Iterator[str]:
    members = getattr(command, "commands", {})
    # A group that does nothing by itself has no section.
    if not members or command.invoke_without_command:
        yield f"### `{name}`\n"
        yield f"{_sentence(command.help or '')}\n"
        yield f"{_example(command.epilog)}\n"
        shown = [each for each in command.params if each.name != "help"]
        if shown:
            yield "| argument or option | unless given | what it is |"
            yield "|---|---|---|"
        for each in shown:
            option = ", ".join(f"`{text}`" for text in each.opts if text.startswith("-"))
            default = each.default
            plain = isinstance(default, str | int | float | Path) and not isinstance(default, bool)
            given = f"`{default}`" if plain else ""
            what = _sentence(each.help or "").replace("|", r"\|")
            named = option or f"`{str(each.name).upper()}`"
            yield f"| {named} | {given} | {what} |"
        yield ""
    for each, member in sorted(members.items()):
        yield from _command(f"{name} {each}", member)


def _example(epilog: str) -> str:
    words, _, line = epilog.partition(": ")
    return f"{words}: `{line}`"


def _tables() -> Iterator[str]:
    yield "## Tables\n"
    yield "The columns of `results/*.csv`. Some are there for one kind of target alone.\n"
    for name, schema in SCHEMAS.items():
        yield f"### `results/{name}.csv`\n"
        yield f"A row for each {', '.join(f'`{each}`' for each in schema.key)}.\n"
        yield "| column | holds |"
        yield "|---|---|"
        for column, holds in _columns(schema).items():
            yield f"| `{column}` | {_holds(holds)} |"
        yield ""


def _columns(schema: Schema) -> dict[str, Column]:
    chosen = {name: each for choice in schema.choices for name, each in choice.items()}
    families = {f"{prefix}…": each for prefix, each in schema.families.items()}
    return {**schema.columns, **chosen, **families}


def _holds(column: Column) -> str:
    held = ", ".join(f"`{word}`" for word in column.words) or column.allowed
    return f"{held}; may be empty" if column.is_optional and "nothing" not in held else held


if __name__ == "__main__":
    errors.run(main)
