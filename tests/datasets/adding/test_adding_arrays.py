from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digits import load, write
from optledger.core.errors import UserError
from optledger.datasets import registry
from optledger.datasets.adding.add import add
from optledger.datasets.adding.draft import Options
from optledger.datasets.items import Parts

Added = Callable[..., tuple[list[str], Parts]]


@pytest.fixture
def arrays() -> dict[str, np.ndarray[Any, Any]]:
    """The digits as Keras has its datasets."""
    train, test = load()
    inputs = {"x_train": train.inputs, "x_test": test.inputs}
    return inputs | {"y_train": train.targets, "y_test": test.targets}


def test_arrays_as_keras_has_them(added: Added, arrays: dict[str, Any], place: Path) -> None:
    """Compressed or not, big-endian, in the order of Fortran."""
    odd = {name: np.asfortranarray(each.astype(">i4")) for name, each in arrays.items()}
    np.savez_compressed(place / "digits.npz", **odd)
    _, parts = added(place / "digits.npz")
    np.testing.assert_array_equal(parts.train.inputs, arrays["x_train"])
    np.testing.assert_array_equal(parts.test.targets, arrays["y_test"])
    assert parts.train.inputs.dtype == parts.test.targets.dtype == np.uint8


@pytest.mark.parametrize(
    ("divisor", "told"),
    [(1, "0 to 240"), (15, "0 to 16; models divide by 255, so scale them to 0 to 255 first")],
)
def test_the_range_of_pixels_is_told(
    divisor: int, told: str, added: Added, arrays: dict[str, Any], place: Path
) -> None:
    """With what to do where they are as dark as nobody means them."""
    dark = {name: each // (divisor if name[0] == "x" else 1) for name, each in arrays.items()}
    np.savez(place / "digits.npz", **dark)
    lines, _ = added(place / "digits.npz")
    assert f"  pixels    {told}" in lines


def test_arrays_of_columns(added: Added, arrays: dict[str, Any], place: Path) -> None:
    """One part, of which a fraction is drawn; classes by names."""
    names = np.array(["even", "odd"])[arrays["y_train"] % 2]
    rows = arrays["x_train"].reshape(-1, 64) / 7
    np.savez(place / "digits.npz", data=rows, target=names)
    lines, parts = added(place / "digits.npz", test_fraction=0.3)
    assert parts.train.inputs.shape == (1050, 64)
    assert parts.train.inputs.dtype == np.float32
    assert any("2: even" in line for line in lines)


def test_more_than_255_classes(added: Added, place: Path) -> None:
    """Their numbers take two bytes."""
    labels = np.repeat(np.arange(300), 5)
    np.savez(place / "many.npz", x=np.arange(1500.0)[:, None], y=labels)
    _, parts = added(place / "many.npz")
    assert parts.train.targets.dtype == np.uint16
    assert registry.load("own").target.classes == 300


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"x_train": np.array([None, "a"], object)}, {}, "objects, which only pickle reads"),
        ({"y_train": np.zeros(3)}, {}, "both need as many items"),
        (
            {"x_train": np.zeros((1500, 8, 8)) + 0.5},
            {},
            "pixels that are fractions; allowed: whole",
        ),
        ({"x_train": np.zeros((1500, 3, 8, 8), np.uint8)}, {}, "channels first"),
        ({"x_train": np.zeros((1500, 9, 9), np.uint8)}, {}, "items differ in shape"),
        ({"y_train": np.eye(10)[np.arange(1500) % 10]}, {}, "targets differ in columns"),
        (
            {"x_train": np.full((1500, 3), np.nan)},
            {},
            "numbers that are not finite: item 0, column 0",
        ),
        ({}, {"arrays": {"train_inputs": "x"}}, "allowed: train_inputs, train_targets, and both"),
        ({}, {"target": "y"}, "--target is not for arrays"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    change: dict[str, Any],
    options: dict[str, Any],
    message: str,
    arrays: dict[str, Any],
    place: Path,
) -> None:
    """Nothing that is pickled is loaded, and nothing is written."""
    np.savez(place / "digits.npz", **(arrays | change))
    with pytest.raises(UserError, match=message) as caught:
        add("own", place / "digits.npz", Options(**options))
    assert "\n" not in str(caught.value)
    assert not registry.path_of("own").exists()


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"\x93NUMPY\1\0"])
def test_what_is_no_file_of_arrays_is_one_line(content: bytes, place: Path) -> None:
    """Whatever NumPy makes of it."""
    (place / "digits.npz").write_bytes(content)
    with pytest.raises(UserError, match="cannot be read as arrays"):
        add("own", place / "digits.npz", Options())


def test_four_files_as_mnist_has_them(added: Added, arrays: dict[str, Any], place: Path) -> None:
    """Their names say which is which."""
    (place / "idx").mkdir()
    write(place / "idx")
    _, parts = added(place / "idx")
    np.testing.assert_array_equal(parts.train.inputs, arrays["x_train"])
    assert registry.load("own").format == "idx"


@pytest.mark.parametrize("name", ["", "a/b", "../a", "-a", "a b", "ä"])
def test_a_name_is_plain(name: str, place: Path) -> None:
    """It becomes that of a file."""
    with pytest.raises(UserError, match="found the name"):
        add(name, place, Options())


def test_an_entry_is_never_replaced(added: Added, arrays: dict[str, Any], place: Path) -> None:
    """Somebody wrote it."""
    np.savez(place / "digits.npz", **arrays)
    added(place / "digits.npz")
    before = registry.path_of("own").read_bytes()
    with pytest.raises(UserError, match="a dataset of this name exists"):
        add("own", place / "digits.npz", Options())
    assert registry.path_of("own").read_bytes() == before
