"""What a page is made of, and that it is the same wherever it is made."""

import sys

from project import Project

OUTPUTS = ("results/answer.svg", "results/report.html", "results/report.md")


def outputs(project: Project, *names: str) -> dict[str, bytes]:
    """Return the bytes of these outputs."""
    return {name: project.read(name) for name in names}


def test_the_environment_changes_no_byte(project: Project) -> None:
    """Hashes, locale, time zone, Matplotlib's back end and its user's own style."""
    before = outputs(project, *OUTPUTS)
    style = project.path.parent / "matplotlibrc"
    style.write_text("font.size: 30\nsavefig.bbox: tight\nsvg.fonttype: path\n")
    variables = {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "MATPLOTLIBRC": str(style)}
    encoding = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "MPLBACKEND": "pdf"}
    for name in OUTPUTS:
        (project.path / name).unlink()
    stage = (sys.executable, "-m", "optledger.stages.report")
    project.run(*stage, PYTHONPATH="src", **variables, **encoding)
    assert outputs(project, *OUTPUTS) == before


def test_nothing_after_evaluate_opens_the_test_split(project: Project) -> None:
    """What it left of it is enough, for the comparison, the report and MLflow."""
    tables = ("results/comparisons.csv", "results/leaderboard.csv")
    before = outputs(project, *tables, *OUTPUTS)
    (project.path / "data/prepared/test.npz").unlink()
    for name in ("compare", "report"):
        project.run("python", "-m", f"optledger.stages.{name}", PYTHONPATH="src")
    # The stage would first find that the file is missing.
    publication = "publication.publish(params.load(), Path())"
    imports = "from pathlib import Path; from optledger.core import params"
    program = f"{imports}; from optledger.tracking import publication; {publication}"
    project.run("python", "-c", program, PYTHONPATH="src")
    assert outputs(project, *tables, *OUTPUTS) == before
