"""Data as people have them, from a folder or a file to the report, through the real pipeline."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_diabetes, load_digits, load_wine

from optledger.core.formats import read_json
from project import Project

CNN = "  conv: {optimizer: Adam, learning_rate: 0.01, model: {name: cnn, filters: [4]}}\n"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty digits each of three classes as PNG files in colour, a folder for each."""
    bundled = load_digits()
    place = tmp_path_factory.mktemp("pictures")
    for number, name in enumerate(["zero", "one", "two"]):
        (place / name).mkdir()
        for index, image in enumerate(bundled.images[bundled.target == number][:60]):
            grey = (image * 15).astype(np.uint8)
            colour = np.stack([grey, 255 - grey, grey // 2], axis=-1)
            Image.fromarray(colour).save(place / name / f"{index:02}.png")
    return place


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """178 wines: 13 measured numbers, a shelf, and which of three kinds each is."""
    frame = load_wine(as_frame=True).frame
    frame["kind"] = frame.pop("target").map({0: "barolo", 1: "grignolino", 2: "barbera"})
    frame["shelf"] = np.where(np.arange(len(frame)) % 3 == 0, "top", "low")
    path = tmp_path_factory.mktemp("table") / "wine.csv"
    frame.to_csv(path, index=False)
    return path


GD = "  gd: {optimizer: SGD, learning_rate: 0.5, batch_size: full, epochs: 5}\n"


def ran(project: Project, *added: str) -> str:
    """Add data, run the pipeline on them, publish the results, and return what verify says."""
    project.edit("params.yaml", "count: 2", "count: 5")
    project.run("optledger", "dataset", "add", "own", *added, PYTHONPATH="src")
    project.run("optledger", "dataset", "use", "own", PYTHONPATH="src")
    project.run("optledger", "check", PYTHONPATH="src")
    project.run("dvc", "repro", "report")
    # A model is published once the results are those of a commit.
    project.commit()
    project.run("dvc", "repro", "--single-item", "publish")
    return project.run("optledger", "verify", PYTHONPATH="src")


def test_images_in_colour(project: Project, pictures: Path) -> None:
    """With both models; the page names the classes, and the data stay as they are."""
    before = {path: path.read_bytes() for path in pictures.rglob("*.png")}
    project.edit("params.yaml", GD, CNN)
    assert ran(project, str(pictures)).endswith(": 0 breaks\n")
    assert {path: path.read_bytes() for path in pictures.rglob("*.png")} == before
    summary = read_json(project.path / "data/prepared/summary.json")
    assert summary["image_shape"] == [8, 8, 3]
    per_class = pd.read_csv(project.path / "results/per_class.csv")
    assert set(per_class["class"]) == {"one", "two", "zero"}
    seeds = pd.read_csv(project.path / "results/seeds.csv")
    assert seeds[seeds["variant"] == "conv"]["accuracy"].mean() > 0.6
    page = (project.path / "results/report.html").read_text()
    assert '<th scope="col">zero</th>' in page
    # Whoever has no such folder gets the archive.
    shutil.rmtree(project.path / "data/raw")
    project.run("dvc", "checkout", "data/raw")
    assert (project.path / "data/raw/images.tar").exists()


def test_a_table(project: Project, table: Path) -> None:
    """Columns are scaled in the model, so that what is served takes them raw."""
    project.edit("params.yaml", GD, "")
    said = ran(project, str(table), "--target", "kind", "--categories", "shelf")
    assert said.endswith(": 0 breaks\n")
    seeds = pd.read_csv(project.path / "results/seeds.csv")
    assert seeds[seeds["variant"] == "adam"]["accuracy"].mean() > 0.7
    frame = pd.read_csv(table)
    for value in ("low", "top"):
        frame[f"shelf={value}"] = (frame["shelf"] == value).astype(float)
    raw = table.with_name("raw.csv")
    frame[frame.columns[::-1]].to_csv(raw, index=False)
    assert (predicted(project, raw)["class"] == frame["kind"]).mean() > 0.7


def test_a_number(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Less is better, from the search to the review; a published model tells it by its name."""
    path = tmp_path_factory.mktemp("number") / "diabetes.csv"
    frame = load_diabetes(as_frame=True, scaled=False).frame
    frame = frame.rename(columns={"target": "progression"})
    frame.to_csv(path, index=False)
    project.edit("params.yaml", "learning_rate: 0.5", "learning_rate: [0.01, 0.03]")
    said = ran(project, str(path), "--target", "progression", "--kind", "number")
    assert said.endswith(": 0 breaks\n")
    seeds = pd.read_csv(project.path / "results/seeds.csv")
    assert seeds[seeds["variant"] == "adam"]["rmse"].mean() < 65
    assert seeds[seeds["variant"] == "adam"]["r2"].mean() > 0.3
    search = pd.read_csv(project.path / "results/search.csv").groupby("chosen")["validation_rmse"]
    assert search.mean()[1] < search.mean()[0]
    board = pd.read_csv(project.path / "results/leaderboard.csv")
    assert board["rmse"].is_monotonic_increasing
    page = (project.path / "results/report.html").read_text()
    assert "Predicted beside true" in page
    assert "Confusion matrix" not in page
    told = predicted(project, path)
    assert np.sqrt(((told["progression"] - frame["progression"]) ** 2).mean()) < 65
    project.run("optledger", "tensorboard", PYTHONPATH="src")
    assert " in rmse with a power of 80 %" in project.run("optledger", "power", PYTHONPATH="src")
    # A pull request that makes it worse.
    project.edit("params.yaml", "learning_rate: 0.01", "learning_rate: 0.0001")
    project.run("dvc", "repro", "compare")
    review = project.run("optledger", "review", "HEAD", "workspace", PYTHONPATH="src")
    assert "adam" in review
    assert "worse" in review
    assert "rmse" in review


def test_several_labels(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Of digits: whether they are even, prime, have a loop, or are five or more."""
    path = tmp_path_factory.mktemp("labels") / "digits.parquet"
    bundled = load_digits()
    frame = pd.DataFrame(bundled.data, columns=[f"pixel {number}" for number in range(64)])
    digit = bundled.target
    frame["even"], frame["large"] = digit % 2 == 0, digit >= 5
    frame["prime"], frame["loop"] = np.isin(digit, [2, 3, 5, 7]), np.isin(digit, [0, 4, 6, 8, 9])
    frame.to_parquet(path)
    project.edit("params.yaml", GD, "")
    said = ran(project, str(path), "--target", "even,large,prime,loop")
    assert said.endswith(": 0 breaks\n")
    seeds = pd.read_csv(project.path / "results/seeds.csv")
    assert seeds[seeds["variant"] == "adam"]["micro_f1"].mean() > 0.8
    per_class = pd.read_csv(project.path / "results/per_class.csv")
    assert set(per_class["class"]) == {"even", "large", "prime", "loop"}
    page = (project.path / "results/report.html").read_text()
    assert "F1 of each label" in page
    assert "Confusion matrix" not in page
    told = predicted(project, path)
    even = [
        ("even" in labels) == is_even
        for labels, is_even in zip(told["labels"], frame["even"], strict=True)
    ]
    assert np.mean(even) > 0.8


def predicted(project: Project, path: Path) -> pd.DataFrame:
    """Return what the published model says of a table."""
    program = """
import sys, mlflow, pandas as pd
client = mlflow.MlflowClient("sqlite:///mlflow.db")
(version,) = client.search_model_versions()
uri = client.get_model_version_download_uri(version.name, version.version)
model = mlflow.pyfunc.load_model(uri)
given = sys.argv[1]
frame = pd.read_csv(given) if given.endswith("csv") else pd.read_parquet(given)
model.predict(frame).to_json(sys.argv[2])
"""
    told = project.path / "told.json"
    project.run("python", "-c", program, str(path), str(told), PYTHONPATH="src")
    return pd.read_json(told)
