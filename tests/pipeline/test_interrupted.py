"""What a DVC leaves that was killed in the middle of writing it."""

import random
import re
import shutil
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from optledger.pipeline import interrupted
from project import Project


@pytest.fixture
def written(finished: Project) -> str:
    """A lock as DVC has written it."""
    return finished.read("dvc.lock").decode()


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    """Where a lock is, and where one is kept."""
    return tmp_path / "dvc.lock", tmp_path / "kept"


def cuts(text: str, seed: int) -> list[int]:
    """Places in a text: its last ends of a line, where an entry is cut between two, and others."""
    ends = [match.end() for match in re.finditer("\n", text)][:-1]
    rng = random.Random(seed)
    return sorted({0, *ends[-9:], *rng.sample(ends, 4), *rng.sample(range(len(text)), 3)})


def starts(text: str) -> dict[str, int]:
    """Where the entry of each stage begins."""
    return {match[1]: match.start() for match in re.finditer(r"^  (\S+):\n", text, re.MULTILINE)}


def heals(text: str, before: str, intended: str) -> bool:
    """Whether DVC, which makes a stage without digests of outputs anew, ends as was intended."""
    stages, known, whole = (
        YAML(typ="safe").load(each)["stages"] for each in (text, before, intended)
    )
    last = list(stages)[-1]
    stages_before = [name for name in stages if name != last]
    complete = stages[last] == whole[last]
    made, wanted = ((each[last] or {}).get("outs") or [] for each in (stages, whole))
    always = last == "publish"
    return (
        list(stages) == list(whole)[: len(stages)]
        and known.keys() <= stages.keys()
        and all(stages[name] == whole[name] for name in stages_before)
        and (complete or len(made) < len(wanted) or always)
    )


@pytest.mark.parametrize("stage", ["download", "train@adam", "compare", "publish"])
def test_a_cut_lock_is_put_back_or_heals(
    stage: str, written: str, paths: tuple[Path, Path]
) -> None:
    """In a first run, wherever DVC was killed as it added the entry of a stage."""
    path, kept = paths
    beginnings = starts(written)
    later = [place for place in beginnings.values() if place > beginnings[stage]]
    before, intended = written[: beginnings[stage]], written[: min(later, default=len(written))]
    kept.write_text(before)
    for place in cuts(intended, seed=0):
        path.write_text(intended[:place])
        if interrupted.repair_lock(path, kept):
            assert path.read_text() == before
        elif stage != "download":
            assert heals(path.read_text(), before, intended), place


@pytest.mark.parametrize("stage", ["preprocess", "train@gd", "report"])
def test_a_lock_that_is_cut_as_it_is_changed_is_put_back(
    stage: str, written: str, paths: tuple[Path, Path]
) -> None:
    """Entries after the cut would be made anew in another order."""
    path, kept = paths
    place = written.index("md5: ", starts(written)[stage]) + len("md5: md5\n      md5: ")
    before = written[:place] + "0" * 8 + written[place + 8 :]
    kept.write_text(before)
    for cut in cuts(written, seed=1):
        path.write_text(written[:cut])
        if interrupted.repair_lock(path, kept):
            assert path.read_text() == before
        else:
            assert heals(path.read_text(), before, written), cut


def test_another_lock_is_left_alone(written: str, paths: tuple[Path, Path]) -> None:
    """That of another commit, of a merge, one that is complete, or none at all."""
    path, kept = paths
    kept.write_text(written)
    other = re.sub(r"md5: [0-9a-f]{8}", "md5: 00000000", written)
    fewer = other[: starts(other)["compare"]]
    for text in (written, other, fewer, f"<<<<<<< HEAD\n{written}"):
        path.write_text(text)
        assert not interrupted.repair_lock(path, kept)
        assert path.read_text() == text
    path.unlink()
    assert not interrupted.repair_lock(path, kept)
    path.write_text(fewer)
    kept.unlink()
    assert not interrupted.repair_lock(path, kept)


def test_the_pipeline_goes_on_with_a_lock_that_was_put_back(project: Project) -> None:
    """A stage keeps it as it starts; `optledger sweep`, as in `make repro`, puts it back."""
    before = project.read("dvc.lock")
    kept = project.path / interrupted.LOCK_COPY
    assert kept.exists()
    shutil.copyfile(project.path / "dvc.lock", kept)
    (project.path / "dvc.lock").write_bytes(before[: len(before) // 2])
    printed = project.run("optledger", "sweep")
    assert printed.startswith("dvc.lock: was cut off when a DVC that wrote it was killed; restored")
    project.run("dvc", "repro")
    assert project.read("dvc.lock") == before


@pytest.mark.parametrize("content", ["", '{"write": {"data'])
def test_a_cut_note_of_dvc_s_is_removed(content: str, project: Project) -> None:
    """Every DVC after it would end there."""
    note = project.path / interrupted.DVC_NOTE
    note.write_text(content)
    assert "JSON structure is corrupted" in project.run("dvc", "repro", check=False)
    printed = project.run("optledger", "check", PYTHONPATH="src")
    assert printed.startswith(
        f"{interrupted.DVC_NOTE}: was cut off when a DVC that wrote it was killed"
    )
    project.run("dvc", "repro")


def test_a_note_that_is_sound_stays(project: Project) -> None:
    """And nothing is said."""
    note = project.path / interrupted.DVC_NOTE
    note.write_text('{"read": {}, "write": {}}')
    assert project.run("optledger", "check", PYTHONPATH="src").startswith("params.yaml: 2 variants")
    assert note.exists()


def test_what_git_has_is_left_alone(project: Project) -> None:
    """Fewer variants than were run last, say: the user went back."""
    project.edit(
        "params.yaml", "  adam: {", "  new: {optimizer: SGD, learning_rate: 0.1}\n  adam: {"
    )
    project.run("dvc", "repro", "train")
    project.run("git", "checkout", "--quiet", "params.yaml", "dvc.lock")
    before = project.read("dvc.lock")
    project.run("optledger", "check", PYTHONPATH="src")
    assert project.read("dvc.lock") == before


@pytest.mark.parametrize("entry", ["x: 5", "x: {outs: 3}", "x: {outs: [a]}", "x: []"])
def test_an_entry_that_is_none_is_no_traceback(
    entry: str, written: str, paths: tuple[Path, Path]
) -> None:
    """Whoever reads the lock says what is wrong with it."""
    path, kept = paths
    kept.write_text(written)
    path.write_text(f"{written}  {entry}\n")
    interrupted.repair_lock(path, kept)
