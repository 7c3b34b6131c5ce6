"""Three clones at once, each with a try, one of which is merged; on a server with PostgreSQL.

    python tests/team.py FOLDER

writes to the folder, as pictures, what the team sees in MLflow at each step.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from mlflow import MlflowClient
from mlflow.entities import Experiment
from playwright.sync_api import sync_playwright

from digits import registry_entry, write
from optledger.tracking.experiment_tags import leaderboard
from project import DIGITS_PARAMS, Project, new_project
from servers import mlflow_server, postgresql

EXPERIMENT = "optledger-digits"

TRIES = {
    "slower": "variants.adam.learning_rate=0.0001",
    "faster": "variants.adam.learning_rate=0.02",
    "patient": "variants.gd.epochs=8",
}
"""By the name of a DVC experiment, what it sets."""


class Step(NamedTuple):
    """What has happened, by one word, and in a sentence."""

    name: str
    words: str


def steps(
    project: Project, folder: Path, uri: str, names: Collection[str] = TRIES.keys()
) -> Iterator[Step]:
    """Let a team work on clones of a project; yield after each step.

    Args:
        project: committed, with its results.
        folder: where the clones are to be.
        uri: of the server that they publish to.
        names: the experiments of its members: `slower`, `faster` and maybe more.
    """
    clones = {name: project.copy(folder / name) for name in names}
    clones["slower"].run("dvc", "repro", "--single-item", "publish", MLFLOW_TRACKING_URI=uri)
    yield Step("official", "main has results")
    started = [
        clones[name].start(
            *("dvc", "exp", "run", "--name", name, "-S", TRIES[name]), MLFLOW_TRACKING_URI=uri
        )
        for name in names
    ]
    for process in started:
        printed, _ = process.communicate()
        if process.returncode:
            raise AssertionError(printed)
    yield Step("tries", "each has an experiment")
    merged = clones["slower"]
    merged.commit()
    merged.run("dvc", "repro", "--single-item", "publish", MLFLOW_TRACKING_URI=uri)
    yield Step("merged", "main has taken over one of them")
    stale = clones["faster"]
    stale.run("git", "checkout", "--quiet", "--force", "main")
    stale.run("dvc", "checkout", "--quiet")
    stale.run("dvc", "repro", "--single-item", "publish", MLFLOW_TRACKING_URI=uri)
    yield Step("stale", "another publishes main as it was before")


def experiment(uri: str) -> Experiment:
    """Return what the server holds."""
    found = MlflowClient(uri).get_experiment_by_name(EXPERIMENT)
    assert found is not None
    return found


def main(pictures: Path) -> None:
    """Take the pictures."""
    executable = shutil.which("chromium") or shutil.which("chrome") or sys.exit("no chromium")
    params = re.sub("count: 2", "count: 5", DIGITS_PARAMS)
    with (
        tempfile.TemporaryDirectory() as name,
        postgresql() as database,
        mlflow_server(Path(name), database) as uri,
        sync_playwright() as playwright,
        closing(
            playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        ) as browser,
    ):
        folder = Path(name)
        (folder / "digits").mkdir()
        write(folder / "digits")
        project = new_project(folder / "project", registry_entry(folder / "digits"), params)
        project.run("dvc", "repro")
        project.commit()
        for step in steps(project, folder, uri):
            print(step.words, flush=True)
            now = experiment(uri)
            views = {step.name: ""}
            if step.name == "tries":
                views["try"] = "faster"
            for view, attempt in views.items():
                page = browser.new_page(viewport={"width": 1440, "height": 560})
                page.goto(f"{uri}/{leaderboard(now.experiment_id, attempt)}")
                page.get_by_text(re.compile("matching run")).wait_for()
                page.wait_for_timeout(2000)
                page.screenshot(path=pictures / f"team-{view}.png")
                page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
