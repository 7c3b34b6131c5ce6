import json
from pathlib import Path

import pytest

from optledger.core.errors import UserError
from optledger.datasets import registry


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_bundled_datasets(name: str) -> None:
    """Both have 60,000 train images of ten classes and several sources."""
    dataset = registry.load(name)
    assert dataset.items.train == 60_000
    assert dataset.target.outputs == 10
    assert len(dataset.sources) >= 3


def test_mnist_is_the_published_one() -> None:
    """The pinned checksums are those of the four files as they were published."""
    digests = {role: file.sha256[:8] for role, file in registry.load("mnist").files.items()}
    assert digests == {
        "train_images": "ba891046",
        "train_labels": "65a50cbb",
        "test_images": "0fa7898d",
        "test_labels": "ff7bcfd4",
    }


def test_public_mirrors_come_before_the_package_index() -> None:
    """The package index is the last resort."""
    kinds = [source.package is not None for source in registry.load("mnist").sources]
    assert kinds == [False, False, True]


def test_an_unknown_dataset_is_one_line() -> None:
    """The message names the key of params.yaml and the datasets there are."""
    with pytest.raises(UserError) as caught:
        registry.load("mnits")
    assert str(caught.value) == "params.yaml: dataset: found 'mnits'; allowed: fashion_mnist, mnist"


def test_a_mistake_in_an_entry_is_one_line(tmp_path: Path, digits_entry: str) -> None:
    """An entry that a user adds is checked like params.yaml."""
    path = tmp_path / "digits.yaml"
    path.write_text(digits_entry.replace("classes: 10", "classes: ten"))
    with pytest.raises(UserError, match=r"target.classes: found 'ten'; allowed: a number from 2"):
        registry.load("digits", tmp_path)


def test_a_source_is_of_one_kind(tmp_path: Path, digits_entry: str) -> None:
    """A source with two kinds, or with none, is refused."""
    path = tmp_path / "digits.yaml"
    path.write_text(digits_entry + "    url: https://example.org/\n")
    with pytest.raises(UserError, match="one of url, folder, paths and package"):
        registry.load("digits", tmp_path)


def replaced(text: str, old: str, new: str) -> str:
    """Return `text` with what it has once replaced."""
    assert text.count(old) == 1
    return text.replace(old, new)


NO_FILE_NAMES = [
    *("/data/d/train-images", "../notes.txt", "train/images", "..", ".", ".hidden", "-rf", ""),
    *("a\\b", "a b", "name ", "a\nb", "a\0", "a\x1b[31m", "ä", "a?b", "a%2fb", "a~", "x" * 201),
]


@pytest.mark.parametrize("name", NO_FILE_NAMES)
def test_a_file_has_a_plain_name(tmp_path: Path, digits_entry: str, name: str) -> None:
    """What could lead out of a folder, or be two names, is refused with the name of its entry."""
    path = tmp_path / "digits.yaml"
    path.write_text(replaced(digits_entry, "name: train-images", f"name: {json.dumps(name)}"))
    with pytest.raises(UserError, match=r"files\.train_images\.name: .* plain") as caught:
        registry.load("digits", tmp_path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["train-images", "Train-Images"])
def test_no_name_has_two_roles(tmp_path: Path, digits_entry: str, name: str) -> None:
    """Nor is it the same one where the file system does not know capitals."""
    path = tmp_path / "digits.yaml"
    path.write_text(replaced(digits_entry, "name: test-images", f"name: {name}"))
    with pytest.raises(
        UserError, match=r"names differ in more than capitals, unlike 'train-images'$"
    ):
        registry.load("digits", tmp_path)


FOLDERS = ["data/mine", "./d", "../d", "~someone/d", "file:///d", "s3://d", "/a\nb", "/a\0b", ""]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_is_the_same_wherever_a_copy_runs(
    tmp_path: Path, digits_entry: str, folder: str
) -> None:
    """A relative one is refused."""
    start, _, _ = digits_entry.rpartition("folder: ")
    path = tmp_path / "digits.yaml"
    path.write_text(f"{start}folder: {json.dumps(folder)}\n")
    with pytest.raises(UserError, match=r"sources\.0\.folder: .* starts with / or ~/$"):
        registry.load("digits", tmp_path)


@pytest.mark.parametrize(
    "url", ["https://", "http://[::1", "http://a:b/", "http://a b/", "ftp://a"]
)
def test_a_url_has_a_host(tmp_path: Path, digits_entry: str, url: str) -> None:
    """What is no address is refused before anything is asked."""
    start, _, _ = digits_entry.rpartition("folder: ")
    path = tmp_path / "digits.yaml"
    path.write_text(f"{start}url: {json.dumps(url)}\n")
    with pytest.raises(UserError, match=r"sources\.0\.url: .* the address of a folder"):
        registry.load("digits", tmp_path)


@pytest.mark.parametrize("count", [0, 9, 2**28, 2**40])
def test_there_are_items_to_train_on(tmp_path: Path, digits_entry: str, count: int) -> None:
    """A number that leaves a class without any, or is too large to hold, is refused."""
    path = tmp_path / "digits.yaml"
    path.write_text(replaced(digits_entry, "train: 1500", f"train: {count}"))
    with pytest.raises(UserError, match=r"digits"):
        registry.load("digits", tmp_path)


@pytest.mark.parametrize("folder", ["data/raw", "data/prepared/mine", "results", "link"])
def test_a_source_is_no_folder_of_the_pipeline(
    tmp_path: Path, digits_entry: str, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DVC empties it before it asks for the source."""
    monkeypatch.chdir(tmp_path)
    Path("data/raw").mkdir(parents=True)
    Path("link").symlink_to("data/raw")
    start, _, _ = digits_entry.rpartition("folder: ")
    path = tmp_path / "digits.yaml"
    path.write_text(f"{start}folder: {tmp_path / folder}\n")
    with pytest.raises(UserError, match=r"sources\.0\.folder: .* what is outside of"):
        registry.load("digits", tmp_path)


@pytest.mark.parametrize("mirror", ["relative", "file:///d", "http://", "a\x1bb"])
def test_a_mirror_that_is_none_is_one_line(mirror: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is checked as the registry is."""
    monkeypatch.setenv(registry.MIRROR_VARIABLE, mirror)
    with pytest.raises(UserError, match=registry.MIRROR_VARIABLE) as caught:
        registry.own_mirror("digits")
    assert str(caught.value).isprintable()


def test_a_password_is_not_shown_in_part(tmp_path: Path, digits_entry: str) -> None:
    """A message that is cut short is cut after the credentials are gone."""
    start, _, _ = digits_entry.rpartition("folder: ")
    path = tmp_path / "digits.yaml"
    path.write_text(f"{start}url: https://me:{'secret' * 20}@example.org:port/\n")
    with pytest.raises(UserError) as caught:
        registry.load("digits", tmp_path)
    assert "secret" not in str(caught.value)
