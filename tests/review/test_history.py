"""How the results went over time, in real repositories of small tables."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from drawn import strokes, texts
from optledger.core.documents import parse_yaml
from optledger.core.errors import UserError
from optledger.figures.style import lines
from optledger.review import history
from optledger.review.history_report import drawing, record, terminal
from project import Project

HEADS = {
    "without intervals": "rank,variant,accuracy,accuracy_std,seeds,optimizer",
    "with half widths": "rank,variant,leading,champion,accuracy,accuracy_half_width,seeds",
    "now": "rank,variant,leading,first,champion,accuracy,f1,accuracy_low,accuracy_high,f1_low,"
    "f1_high,seeds,diverged_seeds",
}
NOW = """\
1,sgd,1,0,1,0.98,0.97,0.97,0.985,0.96,0.98,3,0
2,adam,1,0,0,0.97,0.96,0.965,0.975,0.955,0.965,3,0
"""
PARAMS = """\
dataset: digits
training: {epochs: 3}
comparison: {metric: accuracy}
variants:
  sgd: {optimizer: SGD}
  adam: {optimizer: Adam}
"""


@dataclass(frozen=True)
class Repository:
    """A repository that has nothing but results and their parameters."""

    path: Path

    def git(self, *arguments: str, given: bytes | None = None) -> str:
        """Run a command of Git's; return what it prints."""
        command = ["git", "-c", "user.name=Tests", "-c", "user.email=tests@localhost", *arguments]
        done = subprocess.run(command, cwd=self.path, input=given, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def record(self, message: str, **files: str | None) -> None:
        """Commit files by what `PATHS` calls them; None removes one."""
        for name, content in files.items():
            path = self.path / PATHS[name]
            path.parent.mkdir(parents=True, exist_ok=True)
            if content is None:
                path.unlink()
            else:
                path.write_text(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)


PATHS = {
    "table": "results/leaderboard.csv",
    "params": "params.yaml",
    "code": "src/code.py",
    "packages": "requirements.lock",
}


def table(rows: str = NOW, head: str = "now") -> str:
    """Return a leaderboard."""
    return f"{HEADS[head]}\n{rows}"


def moved(accuracy: float) -> str:
    """Return one whose best variant has this accuracy."""
    return table(NOW.replace("0.98,0.97,0.97", f"{accuracy:g},0.97,0.97"))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """An empty one, which is the working directory."""
    made = Repository(tmp_path / "repository")
    made.path.mkdir()
    made.git("init", "--quiet", "--initial-branch", "main")
    monkeypatch.chdir(made.path)
    return made


def told(*asked: str, columns: int = 100) -> str:
    """Return the history of the working directory as a terminal shows it."""
    return terminal(history.read(), asked, columns)


def test_the_newest_is_first_with_what_it_changed(repository: Repository) -> None:
    """Figures, subject, who leads and the parameters that differ from the commit before."""
    repository.record("First", table=table(), params=PARAMS)
    repository.record("No results")
    repository.record(
        "More epochs", table=moved(0.981), params=PARAMS.replace("epochs: 3", "epochs: 4")
    )
    new, _, old = repository.git("log", "--format=%h   %as", "--abbrev=7").splitlines()
    assert told("sgd", "adam").splitlines() == [
        "commit    date        variant    accuracy    interval",
        "--------  ----------  ---------  ----------  ----------------",
        f"{new}  sgd        0.9810      0.9700 to 0.9850",
        "                      adam       0.9700      0.9650 to 0.9750",
        "          More epochs",
        "          leading: sgd and adam; champion: sgd",
        "          changed: training.epochs: 3 → 4",
        f"{old}  sgd        0.9800      0.9700 to 0.9850",
        "                      adam       0.9700      0.9650 to 0.9750",
        "          First",
        "          leading: sgd and adam; champion: sgd",
        "          the first results",
    ]


def test_the_champion_is_shown_if_nobody_is_asked_for(repository: Repository) -> None:
    """And a note names the others."""
    repository.record("First", table=table(), params=PARAMS)
    assert "adam  " not in told()
    assert told().endswith("sgd is the champion of the newest results. By their names: adam.")


@pytest.mark.parametrize("columns", [80, 120])
def test_it_fits_a_terminal(repository: Repository, columns: int) -> None:
    """Words are wrapped below the table, which needs less."""
    repository.record("First", table=table(), params=PARAMS)
    repository.record(
        f"A {'very ' * 20}long subject",
        table=moved(0.981),
        params=PARAMS + "".join(f"key{number}: [1, 2, 3, 4, 5, 6]\n" for number in range(12)),
    )
    lines = told(columns=columns).splitlines()
    assert max(map(len, lines)) <= columns
    assert any("; 4 more parameters" in line for line in lines)


@pytest.mark.parametrize(
    ("head", "rows", "interval", "leaders"),
    [
        ("without intervals", "1,sgd,0.98,0.001,3,SGD\n", (None, None), (None, None)),
        ("with half widths", "1,sgd,1,1,0.98,0.01,3\n", (0.97, 0.99), (["sgd"], "sgd")),
        ("with half widths", "1,sgd,0,0,0.98,inf,3\n", (None, None), ([], None)),
    ],
)
def test_an_older_version_tells_what_it_knew(
    repository: Repository,
    head: str,
    rows: str,
    interval: tuple[float | None, float | None],
    leaders: tuple[list[str] | None, str | None],
) -> None:
    """What it did not write is unknown, and nothing is made up."""
    repository.record("Older", table=table(rows, head), params=PARAMS)
    assert ("0.9800      unknown" in told("sgd")) == (interval == (None, None))
    [commit] = record(history.read(), [])["commits"]
    own = commit["variants"]["sgd"]
    assert (own["mean"], own["low"], own["high"]) == (0.98, *interval)
    assert (commit["leading"], commit["champion"]) == leaders


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        (
            {"table": table(NOW.replace("0.98,", "x,"))},
            "not readable: results/leaderboard.csv: line 2: column accuracy: found 'x'; allowed: a "
            "number from 0 to 1",
        ),
        (
            {"table": "rank,variant\n1,sgd\n"},
            "not readable: results/leaderboard.csv: has no column accuracy, which "
            "the table of dvc repro has",
        ),
        ({"table": None}, "the results were removed"),
        ({"table": None, "params": None}, "the results were removed"),
        (
            {"table": moved(0.9), "params": "variants: {"},
            "not readable: params.yaml:1: not valid YAML: ",
        ),
        (
            {"table": moved(0.9), "params": None},
            "not readable: params.yaml: not in this commit",
        ),
        (
            {"table": moved(0.9), "params": "comparison: {metric: speed}"},
            "not readable: params.yaml: comparison.metric: found 'speed'; allowed: one of accuracy",
        ),
        (
            {"table": moved(0.9), "params": "[]"},
            "not readable: params.yaml: the whole file: found []; allowed: a mapping",
        ),
    ],
)
def test_what_cannot_be_read_is_told_in_its_row(
    repository: Repository, files: dict[str, str | None], problem: str
) -> None:
    """The commits around it are shown all the same."""
    repository.record("First", table=table(), params=PARAMS)
    repository.record("Wrong", **files)
    repository.record("Right", table=moved(0.975), params=PARAMS)
    commits = record(history.read(), [])["commits"]
    assert [commit["problem"] is None for commit in commits] == [True, False, True]
    assert commits[1]["problem"].startswith(problem)
    printed = told()
    assert "0.9750" in printed
    assert "0.9800" in printed
    assert problem in " ".join(printed.split())


def test_a_merge_is_one_change(repository: Repository) -> None:
    """Of the branch that is merged, what it came to; its own commits stand in no order here."""
    repository.record("First", table=table(), params=PARAMS)
    repository.git("checkout", "--quiet", "-b", "side")
    repository.record("On the side", table=moved(0.9), params=PARAMS.replace("3", "4"))
    repository.record("On the side, too", table=moved(0.99), params=PARAMS.replace("3", "5"))
    repository.git("checkout", "--quiet", "main")
    repository.record("Meanwhile")
    repository.git("merge", "--quiet", "--no-ff", "side", "--message", "The merge")
    merge, first = record(history.read(), [])["commits"]
    assert [merge["subject"], first["subject"]] == ["The merge", "First"]
    assert merge["variants"]["sgd"]["mean"] == 0.99
    [change] = merge["changed"]["parameters"]
    assert (change["before"], change["after"]) == (3, 5)


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"code": "2"}, "changed: code"),
        ({"packages": "2"}, "changed: pinned packages"),
        ({"code": "2", "packages": "2"}, "changed: code; pinned packages"),
        ({}, "changed: neither parameters nor code"),
        ({"params": f"# A comment\n{PARAMS}"}, "changed: neither parameters nor code"),
    ],
)
def test_what_is_no_parameter_is_told_as_what_it_is(
    repository: Repository, files: dict[str, str], words: str
) -> None:
    """Code, packages, or nothing that Git knows of."""
    repository.record("First", table=table(), params=PARAMS, code="1", packages="1")
    repository.record("Second", table=moved(0.9), **files)
    assert words in [line.strip() for line in told().splitlines()]


def test_a_renamed_variant_is_followed(repository: Repository) -> None:
    """By both of its names, as long as all that it is stays the same."""
    repository.record("First", table=table(), params=PARAMS)
    repository.record(
        "Renamed",
        table=table().replace("sgd", "plain"),
        params=PARAMS.replace("sgd", "plain"),
    )
    assert told("sgd") == told("plain")
    assert "changed: plain was sgd" in told("plain")
    new, old = record(history.read(), ["sgd"])["commits"]
    assert new["variants"]["plain"]["variant"] == "plain"
    assert old["variants"]["plain"]["variant"] == "sgd"
    assert new["changed"]["renamed"] == {"plain": "sgd"}
    assert new["changed"]["parameters"] == []


def test_a_name_that_came_back_is_the_variant_of_that_name(repository: Repository) -> None:
    """A renamed one does not take the results of another that had the name before."""
    repository.record("Both", table=table(), params=PARAMS)
    adam = PARAMS.replace("  sgd: {optimizer: SGD}\n", "")
    only = "1,adam,1,0,1,0.97,0.96,0.965,0.975,0.955,0.965,3,0\n"
    repository.record("One", table=table(only), params=adam)
    renamed = adam.replace("  adam", "  sgd")
    repository.record("Renamed", table=table(only.replace("adam", "sgd")), params=renamed)
    commits = record(history.read(), ["sgd"])["commits"]
    assert [each["variants"]["sgd"]["variant"] for each in commits] == ["sgd", "adam", "sgd"]
    assert commits[-1]["variants"]["sgd"]["mean"] == 0.98


def test_a_variant_that_is_gone_has_its_history(repository: Repository) -> None:
    """Its rows end where it was taken out."""
    repository.record("Both", table=table(), params=PARAMS)
    repository.record("One", table=table(NOW.splitlines()[0] + "\n"), params=PARAMS)
    new, old = record(history.read(), ["adam"])["commits"]
    assert new["variants"] == {}
    assert old["variants"]["adam"]["mean"] == 0.97
    assert "0.9700" in told("adam")


def test_another_dataset_is_shown_as_such(repository: Repository) -> None:
    """It has a column, a note, and no place in the figure."""
    repository.record("First", table=moved(0.5), params=PARAMS)
    repository.record("Other", table=table(), params=PARAMS.replace("digits", "mnist"))
    assert "date        dataset" in told()
    assert "Figures on different datasets are no comparison." in told()
    figure = texts(drawing(history.read(), []))
    new, old = (each.commit[:7] for each in history.read().snapshots)
    assert any(new in text for text in figure)
    assert not any(old in text for text in figure)


def test_each_commit_is_told_by_its_own_metric(repository: Repository) -> None:
    """The one that decided then; the figure has the present one of all commits."""
    repository.record("First", table=table(), params=PARAMS)
    repository.record("By f1", table=moved(0.981), params=PARAMS.replace("accuracy", "f1"))
    new, old = record(history.read(), ["sgd"])["commits"]
    assert (new["metric"], new["variants"]["sgd"]["mean"]) == ("f1", 0.97)
    assert (old["metric"], old["variants"]["sgd"]["mean"]) == ("accuracy", 0.98)
    assert "variant    metric    mean" in told("sgd")
    assert "f1" in texts(drawing(history.read(), []))


def test_a_shallow_clone_says_that_it_is_cut(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its oldest commit seems to have made everything, and is not said to have."""
    repository.record("First", table=table(), params=PARAMS)
    repository.record("Second", table=moved(0.981), params=PARAMS)
    clone = ["git", "clone", "--quiet", "--depth", "1", repository.path.as_uri()]
    subprocess.run([*clone, str(tmp_path / "clone")], check=True)
    monkeypatch.chdir(tmp_path / "clone")
    printed = " ".join(told().split())
    assert "changed: not known, as this clone is cut here" in printed
    assert "git fetch --unshallow brings the rest" in printed
    assert "First" not in printed
    assert record(history.read(), [])["shallow"]


def test_results_that_are_not_committed_are_a_note(repository: Repository) -> None:
    """A history is of commits; a review tells of the files as they are."""
    repository.record("First", table=table(), params=PARAMS)
    assert "HEAD" not in told()
    (repository.path / PATHS["table"]).write_text(moved(0.5))
    assert "0.9800" in told()
    assert "results/leaderboard.csv is not here as HEAD has it" in told()


def test_a_project_may_be_a_folder_of_its_repository(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where results of another one, beside it, are nothing to it."""
    repository.record("Another", table=moved(0.5), params=PARAMS)
    inner = Repository(repository.path / "inner")
    inner.path.mkdir()
    inner.record("Inner", table=table(), params=PARAMS)
    monkeypatch.chdir(inner.path)
    assert [each.subject for each in history.read().snapshots] == ["Inner"]
    assert "0.9800" in told()


def test_a_subject_may_be_of_any_encoding(repository: Repository) -> None:
    """What the user has Git print counts for nothing; a mark stands for what is no text."""
    repository.git("config", "i18n.logOutputEncoding", "latin1")
    repository.record("Café", table=table(), params=PARAMS)
    repository.record("Second", table=moved(0.981), params=PARAMS)
    commit = repository.git("cat-file", "commit", "HEAD").encode().replace(b"Second", b"Caf\xe9")
    made = repository.git("hash-object", "-t", "commit", "-w", "--stdin", given=commit)
    repository.git("reset", "--quiet", "--soft", made)
    assert [each.subject for each in history.read().snapshots] == [
        "Caf\N{REPLACEMENT CHARACTER}",
        "Café",
    ]


@pytest.mark.parametrize(
    ("prepare", "line"),
    [
        (
            lambda made: shutil.rmtree(made.path / ".git"),
            "git rev-parse: fatal: not a git repository",
        ),
        (lambda made: None, "no commit has results/leaderboard.csv; run dvc repro"),
        (lambda made: made.record("No results", params=PARAMS), "no commit has results/"),
        (
            lambda made: made.record("First", table=table(), params=PARAMS),
            "no commit has a variant 'lion'; there are sgd, adam",
        ),
    ],
)
def test_what_has_no_history_is_one_line(
    repository: Repository,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[Repository], object],
    line: str,
) -> None:
    """No Git, no commit, none with results, and a variant that never was."""
    prepare(repository)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repository.path.parent))
    with pytest.raises(UserError) as caught:
        told("lion")
    assert str(caught.value).startswith(f"optledger history: {line}")
    assert "\n" not in str(caught.value)


def test_a_figure_has_a_line_for_each_variant(repository: Repository) -> None:
    """In the colour that it has elsewhere, whoever is asked for; and the same bytes each time."""
    repository.record("First", table=table(), params=PARAMS)
    repository.record("Second", table=moved(0.981), params=PARAMS)
    whole, one = drawing(history.read(), []), drawing(history.read(), ["adam"])
    colours = lines(["sgd", "adam"])
    assert set(strokes(whole, "sgd")) == {colours["sgd"].color}
    assert set(strokes(whole, "adam")) == set(strokes(one, "adam")) == {colours["adam"].color}
    assert strokes(one, "sgd") == []
    assert drawing(history.read(), []) == whole


@pytest.mark.parametrize(
    ("content", "stand_alone"),
    [
        (PARAMS, True),
        (f"# A comment\n\n{PARAMS}", True),
        ("a:\n  - 1\n\n\nb: |+\n  text\n\nc: 'it is'\n", True),
        ("  a: 1\n  b: 2\n", True),
        ('"a": 1\nb: 2\n', True),
        ("a: |\nb: 1\n", True),
        ("a: >-\n  x\n  b: 1\nc: 1e-3\n", True),
        (f"---\n{PARAMS}", False),
        ("a: &x 3\nb: *x\n", False),
        ("a: {x: 1,\n b: 2}\nc: 'x\n  y'\n", True),
        ("{\na: 1,\nb: 2}\n", False),
        ("'a':\n- 1\n- b: 2\nc: 3\n", True),
        ("text\n", False),
    ],
)
def test_sections_come_to_what_the_whole_means(content: str, stand_alone: bool) -> None:
    """Where they stand by themselves; else the whole is parsed."""
    joined = history._joined(content.encode(), lambda own: parse_yaml(own, "params.yaml"))
    assert joined == (parse_yaml(content.encode(), "params.yaml") if stand_alone else None)


def test_a_section_that_stands_twice_is_a_mistake(repository: Repository) -> None:
    """Also where each of the two could be parsed."""
    twice = PARAMS + "dataset: mnist\n"
    repository.record("First", table=table(), params=twice)
    [snapshot] = history.read().snapshots
    assert snapshot.problem.startswith("not readable: params.yaml:7: not valid YAML: ")


def test_the_command(finished: Project, tmp_path: Path) -> None:
    """Its three forms, in a real checkout after its first `dvc repro`."""
    printed = finished.run("optledger", "history")
    assert printed.startswith("commit    date        variant    accuracy    interval\n")
    assert "the first results" in printed
    found = json.loads(finished.run("optledger", "history", "adam", "--json"))
    [commit] = found["commits"]
    assert list(commit["variants"]) == ["adam"]
    assert commit["commit"] == finished.run("git", "rev-parse", "HEAD").strip()
    figure = tmp_path / "drawn.svg"
    figure.write_text("an older one")
    finished.run("optledger", "history", "--figure", str(figure))
    assert strokes(figure.read_text(), "gd")


def test_a_figure_replaces_nothing_but_a_figure(finished: Project, tmp_path: Path) -> None:
    """A file of another name is one line, and stays."""
    own = tmp_path / "notes.txt"
    own.write_text("mine")
    shell = 'optledger history --figure "$1"; echo $?'
    line, status = finished.run("sh", "-c", shell, "sh", str(own)).splitlines()
    assert line.startswith("optledger history: --figure: found ")
    assert line.endswith("; allowed: a file whose name ends with .svg")
    assert status == "2"
    assert own.read_text() == "mine"


def test_it_needs_none_of_the_large_libraries(finished: Project) -> None:
    """It reads Git alone: no TensorFlow and no MLflow; Matplotlib only for a figure."""
    program = (
        "import sys; from optledger.__main__ import main\n"
        "sys.argv = ['optledger', 'history']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted({'tensorflow', 'keras', 'mlflow', 'matplotlib'} & sys.modules.keys()))"
    )
    assert finished.run(sys.executable, "-c", program).splitlines()[-1] == "[]"
