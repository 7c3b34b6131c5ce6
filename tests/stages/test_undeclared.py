import json
from pathlib import Path

import pytest

from optledger.core.documents import read_yaml
from optledger.core.errors import UserError
from optledger.core.formats import file_digest, tree_digest
from optledger.core.paths import CASES, TRIALS
from optledger.pipeline import lock
from optledger.stages import undeclared
from project import REPOSITORY, Project

VARIANTS = ("adam", "old")


@pytest.fixture
def trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The outputs of two variants and of a case, as dvc.lock has them."""
    monkeypatch.chdir(tmp_path)
    Path(".dvcignore").write_bytes((REPOSITORY / ".dvcignore").read_bytes())
    stages = {}
    for name in VARIANTS:
        folder = TRIALS / name
        folder.mkdir(parents=True)
        (folder / "weights.npz").write_text(name)
        md5 = tree_digest({"weights.npz": file_digest(folder / "weights.npz", "md5")})
        stages[f"train@{name}"] = {"cmd": "true", "outs": [{"path": str(folder), "md5": md5}]}
    table = CASES / "old" / "methods.csv"
    table.parent.mkdir(parents=True)
    table.write_text("a table\n")
    out = {"path": str(table), "md5": file_digest(table, "md5")}
    stages["case@old"] = {"cmd": "true", "outs": [out]}
    Path("dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": stages}))
    return TRIALS


def files() -> set[str]:
    """Every file below the working directory but the lock, whose form is DVC's."""
    return {str(path) for path in Path().rglob("*") if not path.is_dir()} - {"dvc.lock"}


def test_what_is_not_declared_any_more_goes_and_that_is_said(
    trials: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its entry in the lock; the rest stays."""
    before = files()
    undeclared.remove_undeclared("train", trials, ["adam"])
    undeclared.remove_undeclared("case", CASES, ["another"])
    assert before - files() == {"results/trials/old/weights.npz", "results/cases/old/methods.csv"}
    assert not (CASES / "old").exists()
    assert list(lock.outputs()) == ["train@adam"]
    assert [line.partition(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "results/trials/old",
        "results/cases/old/methods.csv",
    ]


def test_what_no_stage_made_is_refused_and_stays(trials: Path) -> None:
    """A line for each file, or folder of them; nothing is deleted, and the lock is as it was."""
    (trials / "README.txt").write_text("mine")
    (trials / "keep").mkdir()
    (trials / "keep/a").write_text("mine")
    (trials / "keep/b").write_text("mine")
    (trials / "empty/folders").mkdir(parents=True)
    (trials / "two\nlines").write_text("mine")
    (trials / "link").symlink_to(trials.resolve() / "adam")
    (trials / "nowhere").symlink_to("nowhere at all")
    before, locked = files(), Path("dvc.lock").read_bytes()
    with pytest.raises(UserError) as caught:
        undeclared.remove_undeclared("train", trials, ["adam"])
    told = str(caught.value).splitlines()
    assert [line.partition(": no stage wrote it, ")[0] for line in told] == [
        *("results/trials/README.txt", "results/trials/keep", "results/trials/link"),
        *("results/trials/nowhere", r"results/trials/two\nlines"),
    ]
    assert (files(), Path("dvc.lock").read_bytes()) == (before, locked)


def test_a_file_beside_a_case_s_is_refused_too(trials: Path) -> None:
    """Whether the case is declared or not."""
    (CASES / "old/NOTES.md").write_text("mine")
    for declared in (["old"], ["another"]):
        with pytest.raises(UserError, match=r"^results/cases/old/NOTES.md: no stage wrote it"):
            undeclared.remove_undeclared("case", CASES, declared)
    assert (CASES / "old/methods.csv").exists()


@pytest.mark.parametrize("name", ["weights.npz", "more.txt"])
def test_what_was_changed_is_refused_and_stays(trials: Path, name: str) -> None:
    """It is not what dvc.lock says that a stage made."""
    (trials / "old" / name).write_text("mine")
    before = files()
    with pytest.raises(UserError, match=r"^results/trials/old: differs from dvc.lock"):
        undeclared.remove_undeclared("train", trials, ["adam"])
    assert files() == before


def test_what_dvc_ignores_in_an_output_stays(trials: Path) -> None:
    """No digest has it, so that nobody knows whose it is; the rest goes."""
    (trials / "old/.ipynb_checkpoints").mkdir()
    (trials / "old/.ipynb_checkpoints/notes.ipynb").write_text("mine")
    (trials / "old/notes.txt~").write_text("mine")
    undeclared.remove_undeclared("train", trials, ["adam"])
    left = {path for path in files() if path.startswith("results/trials/old/")}
    assert left == {
        *("results/trials/old/.ipynb_checkpoints/notes.ipynb", "results/trials/old/notes.txt~"),
    }
    undeclared.remove_undeclared("train", trials, ["adam"])


def test_a_link_to_a_folder_in_an_output_is_refused(trials: Path) -> None:
    """No stage makes one."""
    (trials / "old/link").symlink_to(Path().resolve())
    with pytest.raises(UserError, match=r"^results/trials/old: differs from dvc.lock"):
        undeclared.remove_undeclared("train", trials, ["adam"])
    assert (trials / "old/link").is_symlink()


def test_a_link_in_place_of_an_output_is_refused(trials: Path) -> None:
    """Though it leads to the same bytes."""
    (trials / "old").rename("elsewhere")
    (trials / "old").symlink_to(Path("elsewhere").resolve())
    with pytest.raises(UserError, match=r"^results/trials/old: differs from dvc.lock"):
        undeclared.remove_undeclared("train", trials, ["adam"])
    assert Path("elsewhere/weights.npz").exists()


def test_a_lock_that_names_other_places_deletes_nothing_there(trials: Path) -> None:
    """It is a text that anyone may edit."""
    Path("notes.txt").write_text("mine")
    for path in ("notes.txt", "results/trials/../../notes.txt", str(Path("notes.txt").resolve())):
        text = read_yaml(Path("dvc.lock"))
        out = {"path": path, "md5": file_digest(Path("notes.txt"), "md5")}
        text["stages"]["train@older"] = {"cmd": "true", "outs": [out]}
        Path("dvc.lock").write_text(json.dumps(text))
        undeclared.remove_undeclared("train", trials, ["adam", "old"])
        assert Path("notes.txt").read_text() == "mine"


@pytest.mark.parametrize("text", ["stages: 3", "stages: {train@old: [1]}", "[]", "stages: {"])
def test_a_lock_that_is_none_is_one_line(trials: Path, text: str) -> None:
    """Nothing is deleted by it."""
    Path("dvc.lock").write_text(text)
    before = files()
    with pytest.raises(UserError, match=r"^dvc.lock:") as caught:
        undeclared.remove_undeclared("train", trials, ["adam"])
    assert len(str(caught.value).splitlines()) == 1
    assert files() == before


LEFT = (
    ".DS_Store",
    ".methods.csv.swp",
    "methods.csv~",
    "#a#",
    ".ipynb_checkpoints/a.csv",
    ".x-1/a",
)


def test_what_editors_leave_is_not_there_for_stages_and_dvc(project: Project) -> None:
    """Nothing reruns for it, and nothing is said of it."""
    for folder in ("results/trials", "results/cases/linear_regression", "src/optledger/training"):
        for name in LEFT[:-1] if folder.startswith("src") else LEFT:
            path = project.path / folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("left")
    status = json.loads(project.run("dvc", "status", "--json"))
    assert status == {"publish": ["always changed"]}
    project.run("python", "-m", "optledger.stages.report", PYTHONPATH="src")


def test_a_stage_ends_at_a_file_of_somebody_s(project: Project) -> None:
    """Status 2 and a line, as any mistake; a case that runs again leaves it, too."""
    note = project.path / "results/cases/linear_regression/NOTES.md"
    note.write_text("mine")
    process = project.start("python", "-m", "optledger.stages.report", PYTHONPATH="src")
    printed, _ = process.communicate()
    assert process.returncode == 2
    assert printed.startswith("results/cases/linear_regression/NOTES.md: no stage wrote it")
    assert len(printed.splitlines()) == 1
    before = project.read("results/cases/linear_regression/methods.csv")
    command = ("python", "-m", "optledger.stages.case", "linear_regression")
    project.run(*command, PYTHONPATH="src")
    assert project.read("results/cases/linear_regression/methods.csv") == before
    other = project.path / "data/prepared/notes.txt"
    other.write_text("mine")
    project.run("python", "-m", "optledger.stages.preprocess", PYTHONPATH="src")
    assert (note.read_text(), other.read_text()) == ("mine", "mine")
    assert sorted(path.name for path in note.parent.iterdir()) == [
        *("NOTES.md", "figure.svg", "methods.csv", "trajectories.csv"),
    ]
