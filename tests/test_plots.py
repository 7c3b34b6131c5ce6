"""DVC's plots: what `dvc plots show` and `dvc plots diff` draw, held against the tables."""

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from optledger.core.documents import read_yaml
from optledger.core.errors import UserError
from optledger.core.params import ALWAYS_RUN
from optledger.figures.style import COLOURS
from optledger.plots import draw
from optledger.trials import records
from project import REPOSITORY, Project

TEMPLATES = {path.stem: path for path in (REPOSITORY / ".dvc/plots").glob("*.json")}

DVC = read_yaml(REPOSITORY / "dvc.yaml")

# Of which a table has one: a template draws the one that is there.
SCORES = {f"validation_{score}" for score in records.SCORES}

FIRST = ["results/leaderboard.csv", "results/comparisons.csv", "results/curves.csv"]


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every mapping of a specification, itself first; not the rows of its table."""
    if isinstance(value, dict):
        yield value
        for key, each in value.items():
            if key not in ("datasets", "values"):
                yield from nodes(each)
    elif isinstance(value, list):
        for each in value:
            yield from nodes(each)


def named(specification: dict[str, Any]) -> set[str]:
    """Return every field that a specification names."""
    fields = {"label"}  # What an axis or a header calls the label that it draws.
    for node in nodes(specification):
        fields |= {node["field"]} if "field" in node else set()
        fields |= {*node.get("groupby", ()), *node.get("flatten", ())}
        for text in (each for each in node.values() if isinstance(each, str)):
            fields |= {a or b for a, b in re.findall(r"datum\.(\w+)|datum\['(\w+)'\]", text)}
    return fields - {"label", *SCORES}


def made(specification: dict[str, Any]) -> set[str]:
    """Return every field that a specification's own transforms make."""
    return {node["as"] for node in nodes(specification) if "as" in node}


def rows(specification: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the table that a specification draws."""
    table = specification.get("datasets", {}).get("table")
    return table or specification["data"]["values"]


def drawn(project: Project, *command: str) -> dict[str, dict[str, Any]]:
    """Return the specification of each plot, in the page's order, pictures left out."""
    printed = project.run("dvc", "plots", *command, "--json")
    plots = json.loads(printed[printed.index("{") :])
    assert "errors" not in plots
    return {
        name: each[0]["content"]
        for name, each in plots["data"].items()
        if each and each[0]["type"] == "vega"
    }


@pytest.fixture
def searched(project: Project) -> Project:
    """A checkout that has a row in each of its tables."""
    header = project.read("results/search.csv").decode().strip()
    trial = {"variant": "adam", "learning_rate": "0.01", "validation_accuracy": "0.9"}
    row = [{**trial, "chosen": "1"}.get(column, "") for column in header.split(",")]
    (project.path / "results/search.csv").write_text(f"{header}\n{','.join(row)}\n")
    return project


@pytest.mark.parametrize("command", [["show"], ["diff", "HEAD"]])
def test_every_field_of_a_plot_is_in_its_table(searched: Project, command: list[str]) -> None:
    """A template names columns of the table, and what its own transforms make of them."""
    plots = drawn(searched, *command)
    assert {each["$schema"].rsplit("/")[-1] for each in plots.values()} == {"v5.json"}
    for name, specification in plots.items():
        table = rows(specification)
        assert named(specification) - made(specification) <= table[0].keys(), name
        assert "<DVC_METRIC" not in json.dumps(specification), name
        revisions = {row["rev"] for row in table}
        assert {"workspace"} <= revisions <= {"workspace", "HEAD"}
        assert len(revisions) == len(command) or name == "results/search.csv"


def test_a_page_begins_with_what_decides(searched: Project) -> None:
    """The leaderboard, the verdicts, the curves: in the order of dvc.yaml, one plot of each."""
    declared = [next(iter(plot)) for plot in DVC["plots"]]
    names = list(drawn(searched, "show"))
    assert declared[: len(FIRST)] == FIRST
    assert names[: len(declared)] == declared
    assert names[len(declared) :] == [
        "results/seeds.csv",
        "results/per_class.csv",
        "results/confusion.csv",
        "results/cases/linear_regression/trajectories.csv",
    ]


def test_every_template_is_used() -> None:
    """A template is of some plot, and every plot of tables has one."""
    stages = (stage.get("do", stage) for stage in DVC["stages"].values())
    plots = [*DVC["plots"], *(plot for stage in stages for plot in stage.get("plots", ()))]
    used = {
        settings["template"]
        for plot in plots
        for name, settings in plot.items()
        if not name.endswith(".svg")
    }
    assert used == TEMPLATES.keys()


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_variant_has_the_colour_that_it_has_elsewhere(name: str) -> None:
    """A scale of variants or methods, whose domain is alphabetical, is the palette of figures."""
    scales = [
        node["scale"]
        for node in nodes(json.loads(TEMPLATES[name].read_text()))
        if node.get("field") in ("line", "method")
        and "range" in node.get("scale", {})
        and node["scale"]["range"][0] != [1, 0]
    ]
    assert scales == [{"range": list(COLOURS)}] * len(scales)
    matrices = ("comparisons", "confusions", "per_class")
    assert bool(scales) == (name not in matrices)


def test_the_methods_that_every_case_has_come_after_those_that_it_names() -> None:
    """So that those have the colours that they have in the case's figure."""
    template = TEMPLATES["trajectories"].read_text()
    assert f"indexof({list(ALWAYS_RUN)}, datum.method)" in template


def test_the_page_is_this_projects_own(project: Project, browser: Browser) -> None:
    """It names its encoding and fits a phone, holds every plot, and draws it without a network."""
    project.run("optledger", "plots", PYTHONPATH="src")
    path = project.path / "build/plots/index.html"
    page = path.read_text()
    assert '<meta charset="utf-8">' in page
    assert "width=device-width" in page
    for title in (
        "Test accuracy of each variant",
        "Validation loss by epoch",
        "linear_regression, from the start to the optimum",
    ):
        assert title in page
    window = browser.new_page()
    asked: list[str] = []
    failed: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    window.on("pageerror", lambda error: failed.append(str(error)))
    window.goto(path.as_uri())
    places = window.locator("body > div[id]")
    for place in places.all():
        place.locator("svg, canvas, img").first.wait_for(state="attached")
    assert failed == []
    assert all(url.startswith(("file:", "data:")) for url in asked)
    assert places.count() > len(FIRST)


def test_without_vega_it_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what brings it."""
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(UserError, match=r"^vl-convert-python is not installed, .*pip install"):
        draw([])


def test_what_dvc_cannot_draw_is_one_line(project: Project) -> None:
    """As it says it."""
    printed = project.run("optledger", "plots", "no_such_revision", check=False, PYTHONPATH="src")
    assert len(printed.splitlines()) == 1
    assert printed.startswith("optledger: ") or printed.startswith("dvc plots diff")
    assert "no_such_revision" in printed
