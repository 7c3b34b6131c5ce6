import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from optledger.core.formats import write_csv
from optledger.review.effects import Review
from optledger.review.judging import review
from optledger.review.report import terminal
from project import Project


@pytest.fixture(autouse=True)
def _own_site_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site cache"))


@pytest.fixture
def reviewed(history: Project, monkeypatch: pytest.MonkeyPatch) -> Review:
    """The change, against its base."""
    monkeypatch.chdir(history.path)
    return review("base", "changed")


def effects(found: Review) -> dict[str, str]:
    """Return by variant its verdict, or what else became of it."""
    return {each.variant: each.verdict or each.kind for each in found.effects}


def test_each_touched_variant_has_its_verdict(reviewed: Review) -> None:
    """A ruined learning rate is worse, a nudged one noise; a new name alone changes nothing."""
    found = effects(reviewed)
    assert found.pop("nudged") in {"equivalent", "inconclusive"}
    assert found == {"spoilt": "worse", "lion": "new", "renamed": "same"}
    assert reviewed.untouched == ["steady"]
    assert [each.renamed_from for each in reviewed.of_kind("same")] == ["old"]


def test_the_way_back_is_better(history: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the same two commits in the other order, what was worse is better, what was new gone."""
    monkeypatch.chdir(history.path)
    found = effects(review("changed", "base"))
    assert found["spoilt"] == "better"
    assert found["lion"] == "gone"


def test_the_noise_is_of_seeds_and_images(reviewed: Review) -> None:
    """Where both revisions' predictions lie in the cache, the interval is for other images too."""
    judged = reviewed.of_kind("changed")
    noise = {name for each in judged for name in each.differences["noise"]}
    assert noise == {"seeds and images"}
    assert reviewed.missing == []


def test_without_predictions_it_is_of_this_test_set(
    history: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clone without the cache, from Git alone, has the same verdicts and says what it lacks."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(history.path), str(clone)], check=True)
    monkeypatch.chdir(clone)
    found = review("base", "changed")
    assert {name for each in found.of_kind("changed") for name in each.differences["noise"]} == {
        "seeds"
    }
    assert effects(found)["spoilt"] == "worse"
    assert found.missing[0].startswith("the predictions of base")


def test_a_default_touches_the_variants_that_keep_it(
    branches: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More epochs for all are nothing to the variant that has its own; it is not even listed."""
    monkeypatch.chdir(branches.path)
    found = review("main", "shared")
    assert [(each.key, each.variants) for each in found.parameters] == [
        ("training.epochs", ("adam",))
    ]
    assert [each.variant for each in found.effects] == ["adam"]
    # Trained anew, as DVC does not know which defaults it keeps, and to the same bytes.
    assert found.untouched == ["gd"]


def test_more_seeds_touch_every_variant(branches: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What both revisions have is no evidence against itself."""
    monkeypatch.chdir(branches.path)
    found = review("main", "seeds")
    assert {each.variant: each.kind for each in found.effects} == {
        "adam": "same",
        "gd": "same",
    }
    assert [each.after["seeds"] for each in found.effects] == [3, 3]
    assert [each.key for each in found.parameters] == ["seeds.count"]
    assert "every variant" in terminal(found, 1000)


def test_another_division_is_compared_on_the_same_test_split(
    branches: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another train and validation split is judged like any other change."""
    monkeypatch.chdir(branches.path)
    found = review("main", "split")
    assert {each.kind for each in found.effects} == {"changed"}
    assert found.missing == []


def test_other_test_images_are_no_comparison(
    branches: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the test split is another one, no variant is judged."""
    monkeypatch.chdir(branches.path)
    found = review("main", "fewer")
    assert {each.kind for each in found.effects} == {"incomparable"}
    assert found.is_preview
    assert [(each.path, each.kind) for each in found.inputs] == [("data/raw", "data")]
    assert found.inputs[0].variants == ["adam", "gd"]


def test_a_comment_is_no_change(branches: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Comments and the order of keys in params.yaml differ, and nothing that results depend on."""
    monkeypatch.chdir(branches.path)
    path = branches.path / "params.yaml"
    text = path.read_text()
    try:
        path.write_text(
            "# why\n" + "".join(reversed(re.split(r"^(?=\w)", text, flags=re.MULTILINE)))
        )
        found = review("main", "workspace")
    finally:
        path.write_text(text)
    assert [*found.parameters, *found.inputs, *found.effects] == []
    assert found.untouched == ["adam", "gd"]
    assert found.history.uncommitted == ["params.yaml"]


def test_results_that_are_not_of_their_parameters_are_not_judged(
    branches: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edit that was not run yet is told; other variants are as they were."""
    project = branches.copy(tmp_path / "project")
    project.edit("params.yaml", "learning_rate: 0.01", "learning_rate: 0.02")
    monkeypatch.chdir(project.path)
    found = review("main", "workspace")
    assert effects(found) == {"adam": "stale"}
    assert found.untouched == ["gd"]
    assert [(each.name, reasons) for each, reasons in found.stale] == [
        ("workspace", ["params.yaml: variants.adam.learning_rate"])
    ]


def test_code_that_was_not_run_is_told(
    branches: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results are not judged where the code of training is another one than dvc.lock records."""
    project = branches.copy(tmp_path / "project")
    with (project.path / "src/optledger/training/engine.py").open("a") as code:
        code.write("# more\n")
    monkeypatch.chdir(project.path)
    assert effects(review("main", "workspace")) == {"adam": "stale", "gd": "stale"}


def test_a_table_that_someone_changed_is_told(
    branches: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Figures that are not those of dvc.lock are not judged."""
    project = branches.copy(tmp_path / "project")
    project.run("sed", "-i", "s/^adam,0,0.01,0[.]/&0/", "results/seeds.csv")
    monkeypatch.chdir(project.path)
    found = review("main", "workspace")
    assert {each.kind for each in found.effects} == {"stale"}
    assert "results/seeds.csv" in terminal(found, 1000)


def test_a_case_that_was_not_run_is_told(
    branches: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No variant is touched, and the results are not all of what is there."""
    project = branches.copy(tmp_path / "project")
    project.edit("params.yaml", "l2: 0", "l2: 0.5")
    monkeypatch.chdir(project.path)
    found = review("main", "workspace")
    assert effects(found) == {}
    assert [(each.name, reasons) for each, reasons in found.stale] == [
        ("workspace", ["params.yaml: cases.linear_regression.l2"])
    ]


def test_a_stale_base_does_not_shut_the_gate(
    branches: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change that mends it has to get through: only the head's own results are asked for."""
    project = branches.copy(tmp_path / "project")
    project.edit("params.yaml", "learning_rate: 0.01", "learning_rate: 0.02")
    project.commit()
    monkeypatch.chdir(project.path)
    found = review("HEAD", "HEAD~1")
    assert effects(found) == {"adam": "stale"}
    assert found.base.stale
    assert not found.head.stale


def test_trained_and_not_evaluated_is_not_judged(
    branches: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the tables are of earlier trials than the lock has, they are of no variant's."""
    project = branches.copy(tmp_path / "project")
    # What `dvc repro train@adam train@gd` leaves: the stages' new outputs, and nothing after them.
    lock, old = (
        YAML().load(project.run("git", "show", f"{b}:dvc.lock")) for b in ("split", "main")
    )
    for name in ("evaluate", "compare"):
        lock["stages"][name] = old["stages"][name]
    project.run("git", "checkout", "--quiet", "split", "--", "params.yaml")
    YAML().dump(lock, project.path / "dvc.lock")
    monkeypatch.chdir(project.path)
    assert effects(review("main", "workspace")) == {"adam": "stale", "gd": "stale"}
    # Also where the trials are not in the cache: their sizes in the lock tell.
    shutil.rmtree(project.path / ".dvc/cache")
    assert effects(review("main", "workspace")) == {"adam": "stale", "gd": "stale"}


def test_a_leaderboard_that_someone_changed_is_told(
    branches: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who leads is not told by a table that is not the lock's; no figure is taken from it."""
    project = branches.copy(tmp_path / "project")
    table = pd.read_csv(project.path / "results/leaderboard.csv").assign(accuracy=0.99)
    write_csv(project.path / "results/leaderboard.csv", table)
    monkeypatch.chdir(project.path)
    found = review("main", "workspace")
    assert "results/leaderboard.csv" in terminal(found, 1000)
    assert "0.99" not in terminal(found, 1000)


def test_code_that_changes_no_figure(
    branches: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change of code that trains to the same bytes touches every variant."""
    project = branches.copy(tmp_path / "project")
    with (project.path / "src/optledger/analysis/gallery.py").open("a") as code:
        code.write("# more\n")
    project.run("dvc", "repro", "--quiet", "compare", OPTLEDGER_WORKERS="1")
    monkeypatch.chdir(project.path)
    found = review("main", "workspace")
    assert effects(found) == {"adam": "same", "gd": "same"}
    inputs = {each.path: (each.kind, each.variants) for each in found.inputs}
    assert inputs["src/optledger/analysis/gallery.py"] == ("code", ["adam", "gd"])


def test_a_model_s_file_touches_variants_with_such_a_model(
    branches: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variant with a model of the package reads nothing in models/."""
    project = branches.copy(tmp_path / "project")
    model = (project.path / "src/optledger/training/models/mlp.py").read_text()
    (project.path / "models/own.py").write_text(model.replace("def mlp(", "def own("))
    adam = next(
        line for line in project.read("params.yaml").decode().splitlines() if "Adam" in line
    )
    project.edit(
        "params.yaml", adam, adam.replace("}", ", model: {name: own, hidden_units: [16]}}")
    )
    project.run("dvc", "repro", "--quiet", "compare", OPTLEDGER_WORKERS="1")
    monkeypatch.chdir(project.path)
    found = review("main", "workspace")
    assert [(each.path, each.variants) for each in found.inputs] == [("models", ["adam"])]
    assert list(found.untouched) == ["gd"]
    assert "Code changed, which touches adam: models." in terminal(found, 1000)


def test_a_base_that_is_ahead_is_told(branches: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the base has and the head has not would look like a change of the head's."""
    monkeypatch.chdir(branches.path)
    assert review("main", "shared").history.behind == 0
    assert review("shared", "main").history.behind == 1
