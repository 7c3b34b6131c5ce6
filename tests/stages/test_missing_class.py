"""A class that the dataset declares and no image has, through the stages that tell of it."""

import json

import numpy as np
import pandas as pd

from project import Project

ENTRY = "classes: 10}"


def test_stages_say_which_class_no_image_has_and_average_over_the_others(project: Project) -> None:
    """Preprocess prints it; the leaderboard and the report have it, and the same macro averages."""
    project.edit("datasets/digits.yaml", ENTRY, ENTRY.replace("10", "11"))
    before = pd.read_csv(project.path / "results/leaderboard.csv")
    gallery = project.path / "results/test/gallery.npz"
    arrays = dict(np.load(gallery))
    # As `evaluate` writes it of models that have an output for the class: none answers with it.
    arrays["votes"] = np.pad(arrays["votes"], ((0, 0), (0, 1)))
    np.savez(gallery, **arrays)
    printed = {
        name: project.run("python", "-m", f"optledger.stages.{name}", PYTHONPATH="src")
        for name in ("preprocess", "compare", "report")
    }
    assert json.loads(project.read("data/prepared/summary.json"))["classes"] == 11
    lines = printed["preprocess"].splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        f"No {split} example is of class 10 (of 11)" for split in ("train", "validation", "test")
    ]
    for file in ("leaderboard.md", "report.md", "report.html"):
        text = project.read(f"results/{file}").decode()
        assert all(line in text for line in lines), file
    after = pd.read_csv(project.path / "results/leaderboard.csv")
    pd.testing.assert_frame_equal(before, after)
