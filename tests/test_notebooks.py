"""The notebook: as Git keeps it, and run by Jupyter in a real checkout."""

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pandas as pd
import psutil
import pytest

from optledger.analysis.schemas import read_results
from optledger.core.formats import write_csv
from optledger.figures.style import GREY, lines
from project import REPOSITORY, Project

NOTEBOOK = "notebooks/explore.ipynb"

# After each cell that draws: every line, with the title of its axes.
LINES = """
display({"application/json": [
    [axes.get_title(), line.get_label(), line.get_color(), line.get_ydata().tolist()]
    for axes in figure.axes for line in axes.lines
]}, raw=True)
"""

# At the end: what runs the cells, and the tables that they show.
TABLES = """
import sys
shown = {"leaderboard": leaderboard, "verdicts": verdicts, "f1": f1, "by_seed": by_seed}
if BASE:
    shown |= {"parameters": both[both["before"] != both["after"]], "metrics": metrics.reset_index()}
tables = {name: each.to_json(orient="split", double_precision=15) for name, each in shown.items()}
display({"application/json": {"prefix": sys.prefix, **tables}}, raw=True)
"""


class Executed(NamedTuple):
    """What came of the notebook: outputs by the id of their cell, and where Jupyter kept files."""

    outputs: dict[str, list[Any]]
    folder: Path

    def data(self, cell: str, kind: str) -> Any:
        """Return the one output of a kind that a cell has."""
        found = [each.data[kind] for each in self.outputs[cell] if kind in each.get("data", {})]
        assert len(found) == 1
        return found[0]

    def lines(self, cell: str) -> dict[tuple[str, str], tuple[str, list[float]]]:
        """Return what a cell draws: by title and label, the colour and the values."""
        found = self.data(cell, "application/json")
        return {(title, label): (colour, values) for title, label, colour, values in found}

    def table(self, name: str) -> dict[str, list[Any]]:
        """Return a table that a cell shows, as of `content`."""
        table: dict[str, list[Any]] = json.loads(self.data("tables", "application/json")[name])
        return table


def execute(project: Project, folder: Path, head: str | None, base: str | None) -> Executed:
    """Run the notebook in a checkout as Jupyter does, for two revisions or one."""
    notebook = nbformat.read(project.path / NOTEBOOK, as_version=4)
    cells = {cell.id: cell for cell in notebook.cells}
    cells["revisions"].source = f"HEAD = {head!r}\nBASE = {base!r}"
    for name in ("curves", "search", "both-curves") if base else ("curves",):
        cells[name].source += LINES
    notebook.cells.append(nbformat.v4.new_code_cell(TABLES, id="tables"))
    path = (project.path / NOTEBOOK).with_name("executed.ipynb")
    nbformat.write(notebook, path)
    # Folders of its own: no kernel that a user has installed, and nothing left in a user's.
    kinds = ("CONFIG", "DATA", "RUNTIME")
    project.run(
        *("jupyter", "execute", "--inplace", "--timeout=300", str(path)),
        IPYTHONDIR=str(folder / "IPYTHON"),
        PYTHONPATH=str(project.path / "src"),
        **{f"JUPYTER_{kind}_DIR": str(folder / kind) for kind in kinds},
    )
    done = nbformat.read(path, as_version=4)
    return Executed({cell.id: cell.get("outputs", []) for cell in done.cells}, folder)


def content(table: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the columns, the index and the data of a table, as JSON has them."""
    values: dict[str, list[Any]] = json.loads(table.to_json(orient="split", double_precision=15))
    return values


def table(project: Project, name: str) -> pd.DataFrame:
    """Read a table of the checkout."""
    return read_results(name, folder=project.path / "results")[name]


@pytest.fixture(scope="module")
def alone(finished: Project, tmp_path_factory: pytest.TempPathFactory) -> Executed:
    """The notebook after it ran on the files of `finished`, as they are."""
    folder = tmp_path_factory.mktemp("alone")
    return execute(finished.copy(folder / "project"), folder, None, None)


def test_the_notebook_is_kept_without_what_a_run_leaves() -> None:
    """No outputs, counts or metadata of a machine; ids stay: clear outputs and metadata."""
    content = json.loads((REPOSITORY / NOTEBOOK).read_text())
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    assert content.pop("metadata") == {"kernelspec": kernel, "language_info": {"name": "python"}}
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in content["cells"]}) == len(content["cells"])
    for cell in content["cells"]:
        assert cell["metadata"] == {}
        if cell["cell_type"] == "code":
            assert (cell["outputs"], cell["execution_count"]) == ([], None)


def test_the_tables_are_those_of_the_files(finished: Project, alone: Executed) -> None:
    """Each is shown, with the values that results/ has."""
    leaderboard = table(finished, "leaderboard").set_index("variant")
    order = leaderboard.index.tolist()
    f1 = table(finished, "per_class").set_index(["variant", "class"])["f1"].unstack()
    seeds = table(finished, "seeds").set_index(["seed", "variant"])["accuracy"].unstack()
    expected = {"leaderboard": leaderboard, "f1": f1.loc[order], "by_seed": seeds[order]}
    assert {name: alone.table(name) for name in expected} == {
        name: content(values) for name, values in expected.items()
    }
    pairs = table(finished, "comparisons").query("metric == 'accuracy'")
    assert alone.table("verdicts")["data"] == [pairs["verdict"].tolist()]
    for cell in ("leaderboard", "verdicts", "per-class", "seeds"):
        assert order[0] in alone.data(cell, "text/html")
    answer = finished.read("results/leaderboard.md").decode().splitlines()[0]
    assert alone.data("answer", "text/markdown") == answer


def test_the_figures_are_of_the_tables(finished: Project, alone: Executed) -> None:
    """Curves are as the table has them, in the colours of the report; all figures are there."""
    curves = table(finished, "curves").set_index("variant")["validation_loss"]
    expected = {
        (title, name): (line.color, curves[name].tolist())
        for title in ("all", "the first three")
        for name, line in lines(["adam", "gd"]).items()
    }
    assert alone.lines("curves") == expected
    for cell in ("differences", "curves", "seeds-figure"):
        assert "adam" in alone.data(cell, "image/svg+xml")


def test_nothing_is_said_that_is_not_meant(alone: Executed) -> None:
    """No cell warns; a line tells that no learning rate was searched, and one of no revision."""
    printed = {
        cell: "".join(each.get("text", "") for each in outputs)
        for cell, outputs in alone.outputs.items()
    }
    assert {cell: text for cell, text in printed.items() if text} == {
        "search": "No learning rate was chosen from several.\n",
        "parameters": "BASE is None in the first cell: nothing to compare with.\n",
    }


def test_the_kernel_is_the_environments_own_and_ends(alone: Executed) -> None:
    """Cells run on this Python without an installed kernel; no file or process stays behind."""
    assert alone.data("tables", "application/json")["prefix"] == sys.prefix
    assert [path for path in (alone.folder / "RUNTIME").rglob("*") if path.is_file()] == []
    running = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]
    assert not any(str(alone.folder) in " ".join(command or ()) for command in running)


def test_two_revisions_are_compared(project: Project, tmp_path: Path) -> None:
    """An experiment by its name, and a commit of an older version, whose curves have no band."""
    curves = table(project, "curves")
    band = [name for name in map(str, curves) if name.endswith(("_min", "_max"))]
    write_csv(project.path / "results/curves.csv", curves.drop(columns=band))
    (project.path / "results/report.md").unlink()
    project.commit()
    before = json.loads(project.read("results/metrics.json"))
    rates = "variants.adam.learning_rate=[0.003, 0.01, 0.03]"
    new = "+variants.new={optimizer: SGD, learning_rate: 0.1}"
    project.run(
        *("dvc", "exp", "run", "--temp", "--name", "searched", "-S", rates, "-S", new, "compare"),
        OPTLEDGER_WORKERS="1",
    )
    done = execute(project, tmp_path, "searched", "HEAD")
    project.run("dvc", "exp", "apply", "searched")
    after = json.loads(project.read("results/metrics.json"))

    names = ("variants.adam.learning_rate", "variants.new.learning_rate", "variants.new.optimizer")
    values = [["0.01", "[0.003, 0.01, 0.03]"], ["", "0.1"], ["", "SGD"]]
    expected = {"columns": ["before", "after"], "index": list(names), "data": values}
    assert done.table("parameters") == expected
    assert {(row[0], row[1]): row[2:] for row in done.table("metrics")["data"]} == {
        (variant, metric): [old, value, None if old is None else pytest.approx(value - old)]
        for variant, metrics in after.items()
        for metric, value in metrics.items()
        for old in [before.get(variant, {}).get(metric)]
    }
    own = table(project, "curves").set_index("variant")["validation_loss"]
    old = curves.set_index("variant")["validation_loss"]
    assert done.lines("both-curves") == {
        (name, label): (colour, values[name].tolist())
        for name, line in lines(after).items()
        if name in before
        for label, colour, values in [("HEAD", GREY, old), ("searched", line.color, own)]
    }
    trials = table(project, "search").sort_values("learning_rate")
    errors = (1 - trials["validation_accuracy"]).tolist()
    assert done.lines("search") == {("", "adam"): (lines(after)["adam"].color, errors)}
