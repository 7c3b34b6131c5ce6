"""Write docs/reference.md: every parameter, command and table that the code declares."""

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

`make docs` generates this page from the code: the parameters from `params.schema.json`, the
commands from their help texts, and the tables from the schemas that they are checked against.

## Exit statuses

| status | meaning |
|--:|---|
| 0 | success |
| 1 | a negative result: `review --fail-on`, `verify` or `sweep --recheck` found a problem |
| 2 | a mistake, results out of date for `review --fail-on`, or a problem such as a full disk; \
the message says what to do |
| 70 | a bug in optledger; the message names a file to attach to a report |
| 130 | interrupted, for example by Ctrl-C |
| 141 | the program that read the output ended, such as `head` in a pipe |

## Environment variables

| variable | what it does |
|---|---|
| `MLFLOW_TRACKING_URI` | MLflow store to use; default: `mlflow.db` in the repository |
| `OPTLEDGER_MIRROR` | URL or folder that has a folder for each dataset, \
and is tried before all other sources |
| `OPTLEDGER_TRIALS` | folder or URL where finished trials are kept; \
default: `.optledger/trials/`; if it is empty, none are kept |
| `OPTLEDGER_WORKERS` | number of workers that train; default: one per processor; \
results do not depend on it |
| `RAY_ADDRESS` | Ray cluster that `sweep`, `settle` and `experiment` train on; \
`--address` overrides it |
"""


def main() -> None:
    """Write the page, or with `--check` fail if it differs from the code."""
    text = page()
    if "--check" not in sys.argv:
        write_text(PAGE, text)
    elif PAGE.read_text(encoding="utf-8") != text:
        raise errors.UserError(f"{PAGE} differs from the code; run: make docs")


def page() -> str:
    """Return the page."""
    schema = json.loads(Path("params.schema.json").read_text(encoding="utf-8"))
    return "\n".join([_HEAD, *_parameters(schema), *_commands(), *_tables()])


def _parameters(schema: dict[str, Any]) -> Iterator[str]:
    yield "## Parameters\n"
    about = "They are the keys of `params.yaml`. Bold ones are required."
    yield f"{_sentence(schema['description'])} {about}\n"
    yield from _section(schema, "")
    for name, each in schema["properties"].items():
        if found := re.search(r"\$defs/(\w+)", json.dumps(each)):
            entries = "" if "$ref" in each else ".NAME"
            section = schema["$defs"][found.group(1)]
            base = schema["$defs"]["Training"] if name == "variants" else {}
            yield f"### `{name}{entries}`\n"
            yield f"{_sentence(section['description'])}\n"
            yield from _section(section, f"{name}{entries}.", base)
    for name, section in schema["$defs"].items():
        if name in ("EarlyStopping", "Method"):
            yield f"### {re.sub('(?<=[a-z])(?=[A-Z])', ' ', name).capitalize()}\n"
            yield f"{_sentence(section['description'])}\n"
            yield from _section(section, "")


def _section(
    section: dict[str, Any], prefix: str, base: dict[str, Any] | None = None
) -> Iterator[str]:
    """Yield the table of a section; keys without a text of their own inherit those of `base`."""
    own, inherited = _texts(section), _texts(base or {})
    yield "| key | value | default | description |"
    yield "|---|---|---|---|"
    for name, each in section["properties"].items():
        shown = (
            f"**`{prefix}{name}`**" if name in section.get("required", ()) else f"`{prefix}{name}`"
        )
        default = (
            f"`{json.dumps(each['default'])}`" if each.get("default") not in (None, {}) else ""
        )
        if len(default) > 60:
            default = "in `params.schema.json`"
        if name in inherited and name not in own:
            default = f"`training.{name}`"
        what = re.sub(r"\s+", " ", {**inherited, **own}.get(name, "")).replace("|", r"\|")
        yield f"| {shown} | {_kind(each)} | {default} | {what} |"
    yield ""


def _texts(section: dict[str, Any]) -> dict[str, str]:
    """Return the text of each key, from the `Attributes:` of a section's docstring."""
    return dict(re.findall(r"(?m)^    (\w+): (.*(?:\n {8}.*)*)", section.get("description", "")))


def _kind(each: dict[str, Any]) -> str:
    """Return in words which values a key accepts."""
    if "enum" in each:
        return ", ".join(f"`{value}`" for value in each["enum"])
    if "const" in each:
        return f"`{each['const']}`"
    if "$ref" in each:
        return "a section"
    if choices := each.get("anyOf") or each.get("oneOf"):
        kinds = [_kind(choice) for choice in choices if choice.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    ends = "".join(
        f" {word} {each[end] if isinstance(each[end], int) else f'{each[end]:g}'}"
        for word, end in (
            ("from", "minimum"),
            ("above", "exclusiveMinimum"),
            ("to", "maximum"),
            ("to below", "exclusiveMaximum"),
        )
        if end in each
    )
    match each.get("type"):
        case "array":
            return f"a list, each {_kind(each.get('items', {}))}"
        case "object":
            return "a mapping" if "additionalProperties" in each else "a section"
        case "integer":
            return f"a whole number{ends}"
        case "number":
            return f"a number{ends}"
        case "boolean":
            return "`true` or `false`"
        case "string":
            return "a string"
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
    # Skip groups that do nothing by themselves.
    if not members or command.invoke_without_command:
        yield f"### `{name}`\n"
        yield f"{_sentence(command.help or '')}\n"
        yield f"{_example(command.epilog)}\n"
        shown = [each for each in command.params if each.name != "help"]
        if shown:
            yield "| argument or option | default | description |"
            yield "|---|---|---|"
        for each in shown:
            option = ", ".join(
                f"`{text}`" for text in (*each.opts, *each.secondary_opts) if text.startswith("-")
            )
            default = each.default
            plain = isinstance(default, str | int | float | Path) and not isinstance(default, bool)
            given = f"`{default}`" if plain and default != "" else ""
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
    yield "The columns of `results/*.csv`. Some exist only for one kind of target.\n"
    for name, schema in SCHEMAS.items():
        yield f"### `results/{name}.csv`\n"
        combination = "combination of " if len(schema.key) > 1 else ""
        yield f"One row for each {combination}{', '.join(f'`{each}`' for each in schema.key)}.\n"
        yield "| column | contains |"
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
