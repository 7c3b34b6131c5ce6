from pathlib import Path

import pytest

from optledger.datasets import registry
from optledger.errors import UserError


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_the_bundled_datasets(name: str) -> None:
    """Both have 60,000 train images of ten classes and several sources."""
    dataset = registry.load(name)
    assert dataset.train_examples == 60_000
    assert dataset.classes == 10
    assert len(dataset.sources) >= 3


def test_mnist_is_the_published_one() -> None:
    """The pinned checksums are those of the four files as they were published."""
    digests = {
        role: file.sha256[:8] for role, file in registry.load("mnist").files.by_role().items()
    }
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
    path = tmp_path / "registry.yaml"
    path.write_text(digits_entry.replace("classes: 10", "classes: ten"))
    with pytest.raises(UserError, match=r"digits.classes: found 'ten'; allowed: a valid integer$"):
        registry.load("digits", path)


def test_a_source_is_of_one_kind(tmp_path: Path, digits_entry: str) -> None:
    """A source with two kinds, or with none, is refused."""
    path = tmp_path / "registry.yaml"
    path.write_text(digits_entry + "      url: https://example.org/\n")
    with pytest.raises(UserError, match="one of url, folder and package"):
        registry.load("digits", path)
