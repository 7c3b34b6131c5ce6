"""README and docs/: links lead somewhere, figures are those of results/, what they name exists."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from optledger.cli import app
from project import REPOSITORY

PAGES = [
    *sorted(REPOSITORY.glob("*.md")),
    *sorted((REPOSITORY / "docs").glob("*.md")),
    *(REPOSITORY / name / "README.md" for name in ("data", "datasets")),
]


def prose(page: Path) -> str:
    """Return a page without its blocks of code."""
    return re.sub(r"(?ms)^```.*?^```", "", page.read_text())


def slug(heading: str) -> str:
    """Return the anchor that GitHub makes of a heading."""
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page."""
    return {slug(heading) for heading in re.findall(r"(?m)^#+ (.*)$", prose(page))}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """To a file that Git has, and to a heading of it."""
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


def test_every_page_is_in_the_index() -> None:
    """So that it is found."""
    index = (REPOSITORY / "docs/README.md").read_text()
    for page in (REPOSITORY / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name}" in index, page.name


def test_every_command_that_is_named_exists() -> None:
    """Targets of make, and subcommands of optledger."""
    targets = set(re.findall(r"(?m)^([a-z]+):", (REPOSITORY / "Makefile").read_text()))
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]
    for page in PAGES:
        if page.name in ("CHANGELOG.md", "findings.md"):
            continue
        text = page.read_text()
        assert set(re.findall(r"`make ([a-z]+)", text)) <= targets, page.name
        blocks = "".join(re.findall(r"(?ms)^```.*?^```", text))
        named = set(re.findall(r"`optledger ([a-z]+)", text))
        named |= set(re.findall(r"(?m)^(?:\$ )?optledger ([a-z]+)", blocks))
        assert named <= commands, (page.name, named - commands)


def test_the_reference_is_as_the_code_is() -> None:
    """Parameters, commands, tables."""
    command = [sys.executable, "docs/reference.py", "--check"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_readme_fits_on_two_screens() -> None:
    """And no sentence of it has more than 25 words."""
    page = REPOSITORY / "README.md"
    assert len(page.read_text().splitlines()) <= 150
    text = re.sub(r"(?m)^([|>!#]|\*How).*$|\]\([^)]*\)", " ", prose(page))
    for sentence in re.split(r"[.:?]\s|\n\n|\n- ", text):
        words = [word for word in sentence.split() if re.search(r"\w", word)]
        assert len(words) <= 25, " ".join(words)


def test_the_leaderboard_of_the_readme_is_that_of_the_results() -> None:
    """Cell by cell, and the sentence above it."""
    tables = []
    for name in ("README.md", "results/leaderboard.md"):
        lines = (REPOSITORY / name).read_text().splitlines()
        start = next(at for at, line in enumerate(lines) if re.match(r"\| rank +\| variant", line))
        rows = [line for line in lines[start:] if line.startswith("|")][:7]
        tables.append([[cell.strip() for cell in row.split("|")] for row in rows])
    assert [tables[0][0], *tables[0][2:]] == [tables[1][0], *tables[1][2:]]
    quoted = re.findall(r"(?m)^> (.*)$", (REPOSITORY / "README.md").read_text())
    answer = (REPOSITORY / "results/leaderboard.md").read_text().splitlines()[0]
    assert " ".join(quoted) == answer


def test_the_model_of_the_readme_is_one() -> None:
    """It builds, and gives logits."""
    (code,) = re.findall(r"(?ms)^```python\n(.*?)^```", (REPOSITORY / "README.md").read_text())
    scope: dict[str, Any] = {}
    exec(code, scope)
    inputs = scope["keras"].Input((28, 28))
    assert scope["keras"].Model(inputs, scope["wide"](inputs, 10, 32)).output_shape == (None, 10)


def test_every_command_has_an_example_that_it_takes() -> None:
    """Below its help: a command line of itself, whose options exist."""
    for name, command in commands():
        words = shlex.split(str(command.epilog).removeprefix("Example: "))
        assert words[: len(name)] == name
        options = {text for each in command.params for text in (*each.opts, *each.secondary_opts)}
        assert {word for word in words if word.startswith("--")} <= options


def commands() -> Iterator[tuple[list[str], Any]]:
    """Yield the words that lead to each command, and the command."""
    waiting: list[tuple[list[str], Any]] = [(["optledger"], get_command(app))]
    while waiting:
        name, command = waiting.pop()
        members = getattr(command, "commands", {})
        waiting += [([*name, each], member) for each, member in members.items()]
        if len(name) > 1:
            yield name, command
