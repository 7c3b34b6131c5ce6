"""README and docs/: links lead somewhere, figures are those of results/, what they name exists."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
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
    """How long its sentences are is for `make check`."""
    assert len((REPOSITORY / "README.md").read_text().splitlines()) <= 150


def test_the_site_is_built_and_asks_for_nothing(tmp_path: Path, browser: Browser) -> None:
    """Strictly: each page is in its contents; a page with formulas draws them, by itself."""
    command = [sys.executable, "docs/site.py", str(tmp_path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    contents = (REPOSITORY / "docs/zensical.toml").read_text()
    for page in (REPOSITORY / "docs").glob("*.md"):
        assert page.name == "README.md" or f"docs/{page.name}" in contents, page.name
    window = browser.new_page()
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    window.goto((tmp_path / "site/docs/statistics.html").as_uri())
    assert [url for url in asked if not url.startswith("file:")] == []
    assert window.locator("math").count() > 50
    # A table of MathML has cells, which are as wide as what they hold if they are drawn.
    assert window.locator("math mfrac").first.bounding_box()
    assert "$" not in " ".join(window.locator("article p").all_inner_texts())


def test_a_broken_link_ends_the_site(tmp_path: Path) -> None:
    """With its place; a broken anchor is one, too."""
    for name in ("docs/site.py", "docs/zensical.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, tmp_path / name)
    text = (tmp_path / "docs/zensical.toml").read_text()
    (tmp_path / "docs/zensical.toml").write_text(re.sub(r"(?ms)^nav = .*?^\]", "", text))
    (tmp_path / "README.md").write_text("# A page\n\n[gone](gone.md), [here](#nowhere)\n")
    (tmp_path / "build").mkdir()
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    command = [sys.executable, "docs/site.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "page does not exist" in done.stderr
    assert "anchor does not exist" in done.stderr
    assert "README.md:3" in done.stderr
    assert "Traceback" not in done.stderr


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


OUTPUTS = (".dvc/config.local", ".optledger/", "build/", "data/", "mlartifacts", "results/")
"""What the pipeline, its commands and DVC write, and Git may not have."""


def test_every_file_and_key_that_is_named_exists() -> None:
    """In README and docs/, where a span of code is a path of this repository or a parameter."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    paths = {*listed, *(str(folder) for file in listed for folder in Path(file).parents)}
    top = {path.partition("/")[0] for path in paths}
    schema = json.loads((REPOSITORY / "params.schema.json").read_text())
    keys = {
        f"{section}.{key}"
        for section, each in schema["properties"].items()
        for key in schema["$defs"]
        .get(each.get("$ref", "").rpartition("/")[2], each)
        .get("properties", ())
    }
    sections = {key.partition(".")[0] for key in keys}
    wrong = []
    for page in PAGES:
        if page.name in ("CHANGELOG.md", "findings.md", "review.md"):
            continue
        for span in re.findall(r"`([^`\n]+)`", prose(page)):
            if re.fullmatch(r"[\w.-]+/[\w./-]*", span) and span.partition("/")[0] in top:
                known = span.rstrip("/") in paths or span.startswith((*OUTPUTS, "models/"))
                wrong += [] if known or "NAME" in span else [(page.name, span)]
            if (key := re.match(r"([a-z]+)\.(?!csv)([a-z_]+)(?=$|:)", span)) and key[1] in sections:
                wrong += [] if key[0] in keys else [(page.name, span)]
    assert not wrong, "\n".join(map(str, wrong))
