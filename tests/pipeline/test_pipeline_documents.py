"""What DVC reads, read before DVC does, which ends in tracebacks where ours is a line."""

import os
from pathlib import Path

import pytest

from optledger.core.errors import UserError
from optledger.pipeline.description import DOCUMENTS, opened
from optledger.review import revision
from optledger.review.judging import review
from project import Project


@pytest.mark.parametrize("path", [*DOCUMENTS, Path("datasets/digits.yaml")], ids=str)
@pytest.mark.parametrize("text", ["odd: 2026-13-45\n", 'odd: "\\U7fffffff"\n', "odd: &a [*a]\n"])
def test_a_document_that_dvc_fails_at_is_one_line(
    project: Project, monkeypatch: pytest.MonkeyPatch, path: Path, text: str
) -> None:
    """In the checkout and in a commit; the line names the file, and which line it is."""
    monkeypatch.chdir(project.path)
    line = path.read_text().count("\n") + 1
    path.write_text(path.read_text() + text)
    with pytest.raises(UserError, match=f"^{path}:{line}: ") as caught, opened():
        pass
    assert str(caught.value).isprintable()
    project.commit()
    for name in ("HEAD", revision.WORKSPACE):
        prefix = "HEAD: " if name == "HEAD" else ""
        with (
            pytest.raises(UserError, match=f"^{prefix}{path}:{line}: ") as caught,
            revision.repository() as repository,
        ):
            revision.read(repository, name)
        assert str(caught.value).isprintable()


def test_an_empty_path_is_one_line(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC asserts that there is none."""
    monkeypatch.chdir(project.path)
    project.edit("dvc.yaml", "      - data/prepared/test.npz\n      - models\n", '      - ""\n')
    with pytest.raises(UserError, match=r"^dvc\.yaml: a dependency is empty"), opened():
        pass


@pytest.mark.parametrize("text", ["0x1F", "[1]"])
def test_a_dataset_that_is_no_mapping_is_one_line(
    project: Project, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """DVC takes it for one."""
    monkeypatch.chdir(project.path)
    Path("datasets/digits.yaml").write_text(text)
    line = r"^datasets/digits\.yaml: the whole file: found .*; allowed: a mapping$"
    with pytest.raises(UserError, match=line), opened():
        pass


@pytest.mark.parametrize("text", ["", "[1]", "3"])
def test_a_revision_whose_parameters_are_no_mapping_is_one_line(
    project: Project, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Whatever its schema was."""
    monkeypatch.chdir(project.path)
    Path("params.yaml").write_text(text)
    with (
        pytest.raises(UserError, match=r"^params.yaml: the whole file: found .*a mapping$"),
        revision.repository() as repository,
    ):
        revision.read(repository, revision.WORKSPACE)


def test_a_folder_whose_name_is_not_utf_8_is_one_line(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC looks at every folder of a checkout, also at those that are nothing to the pipeline."""
    monkeypatch.chdir(project.path)
    Path(os.fsdecode(b"odd\xff")).mkdir()
    with pytest.raises(UserError, match=r"^optledger review: the name 'odd") as caught:
        review("HEAD", revision.WORKSPACE)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "text",
    [
        *("remote = x\n", "[remote]\nx = 1\n", "[core\n", "[core]\nx\n"),
        "remote = x\n['remote \"a\"']\nurl = b\n",
    ],
)
def test_a_mistake_in_dvc_s_configuration_is_one_line(
    project: Project, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Also a text in the place of a section, which DVC does not expect itself."""
    monkeypatch.chdir(project.path)
    Path(".dvc/config.local").write_text(text)
    for reader in (opened, revision.repository):
        with pytest.raises(UserError, match=r"^\.dvc/config(\.local: | or )") as caught, reader():
            pass
        assert str(caught.value).isprintable()
