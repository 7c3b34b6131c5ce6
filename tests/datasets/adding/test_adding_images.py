import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from datasets_of_images import PIXELS, png
from optledger.core.errors import UserError
from optledger.core.formats import file_digest
from optledger.datasets import registry
from optledger.datasets.adding.add import add
from optledger.datasets.adding.draft import Options
from optledger.datasets.items import Parts
from optledger.datasets.sources import fetch

Added = Callable[..., tuple[list[str], Parts]]


def test_a_folder_for_each_class(added: Added, pictures: Path) -> None:
    """In colour; a fifth of each class is the test split, drawn alike each time."""
    lines, parts = added(pictures)
    told = "\n".join(lines)
    assert "8x8, in colour" in told
    assert "60: 48 train, 12 test" in told
    assert "3: one 20, two 20, zero 20" in told
    assert parts.train.inputs.shape == (48, 8, 8, 3)
    assert np.bincount(parts.test.targets).tolist() == [4, 4, 4]
    first = np.asarray(Image.open(pictures / "one/00.png"))
    assert any(np.array_equal(first, each) for each in np.concatenate([*map(inputs, parts[:2])]))


def inputs(examples: object) -> np.ndarray:
    """Return the images."""
    return examples.inputs  # type: ignore[attr-defined] # of Examples


def into_splits(pictures: Path) -> None:
    """Move the images below train/ and test/, a folder for each class in both."""
    for name in ("zero", "one", "two"):
        for split, files in (("train", range(15)), ("test", range(15, 20))):
            (pictures / split / name).mkdir(parents=True)
            for index in files:
                file = f"{index:02}.png"
                (pictures / name / file).rename(pictures / split / name / file)
        (pictures / name).rmdir()


def test_folders_of_splits(added: Added, pictures: Path) -> None:
    """Train and test, with a folder for each class in both; no validation split divides a group."""
    into_splits(pictures)
    _, parts = added(pictures, by="([0-9]+).png")
    assert (len(parts.train.targets), len(parts.test.targets)) == (45, 15)
    assert parts.groups is not None
    assert len({*parts.groups}) == 15


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "[0-9]([0-9]).png"}, "--by: 5 groups in train and in test split"),
        (
            {"test_fraction": 0.2},
            "test, train look like splits and not like classes",
        ),
    ],
)
def test_folders_of_splits_that_do_not_fit_are_one_line(
    pictures: Path, options: dict[str, object], message: str
) -> None:
    """They divide a group, or would be taken for classes."""
    into_splits(pictures)
    with pytest.raises(UserError) as caught:
        add("own", pictures, Options(**options))  # type: ignore[arg-type] # as a case says
    assert message in str(caught.value)
    assert not registry.path_of("own").exists()


def test_no_group_is_divided(added: Added, pictures: Path) -> None:
    """As a person's pictures are not, whose name the files begin with."""
    for index, file in enumerate(sorted(pictures.rglob("*.png"))):
        file.rename(file.with_name(f"p{index % 20 // 2}_{file.name}"))
    _, parts = added(pictures, by="(p[0-9]+)_")
    assert parts.groups is not None
    assert len(set(parts.groups)) + len(parts.test.targets) // 6 == 10


def test_the_archive_is_the_same_wherever_it_is_made(pictures: Path, place: Path) -> None:
    """Whoever owns the files, and since when."""
    add("own", pictures, Options())
    copy = place / "copy"
    shutil.copytree(pictures, copy, copy_function=shutil.copy)
    add("other", copy, Options())
    first, second = (registry.load(name).files["images"] for name in ("own", "other"))
    assert first == second


def test_a_folder_that_has_changed_since_is_no_source(pictures: Path, place: Path) -> None:
    """Its archive has other bytes than are pinned."""
    add("own", pictures, Options())
    (pictures / "one/new.png").write_bytes(png(PIXELS))
    (place / "raw").mkdir()
    with pytest.raises(UserError, match=r"images.tar: (more than|SHA-256 is not) the expected"):
        fetch("own", registry.load("own"), place / "raw")


def test_a_source_that_serves_the_archive(pictures: Path, place: Path) -> None:
    """What one has downloaded, a mirror gives to others."""
    add("own", pictures, Options())
    dataset = registry.load("own")
    for name in ("raw", "mirror", "again"):
        (place / name).mkdir()
    fetch("own", dataset, place / "raw")
    shutil.copy(place / "raw/images.tar", place / "mirror")
    shutil.rmtree(pictures)
    mirror = registry.Source(folder=str(place / "mirror"))
    fetch("own", dataset.model_copy(update={"sources": (mirror,)}), place / "again")
    assert file_digest(place / "again/images.tar") == dataset.files["images"].sha256


def grey(image: Image.Image) -> bytes:
    """Return an image as a grey PNG."""
    return png(np.asarray(image.convert("L")))


def saved(image: Image.Image, kind: str, **how: object) -> bytes:
    """Return an image in a format of Pillow's."""
    content = io.BytesIO()
    image.save(content, kind, **how)
    return content.getvalue()


COLOUR = Image.fromarray(PIXELS)
HALF = Image.merge("RGBA", [*COLOUR.split(), Image.new("L", COLOUR.size, 128)])
FULL = Image.merge("RGBA", [*COLOUR.split(), Image.new("L", COLOUR.size, 255)])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"1 empty files: one/x\.png"),
        (b"not an image", r"1 files that cannot be read as PNG or JPEG: one/x\.png"),
        (png(PIXELS)[:60], "cannot be read"),
        (saved(COLOUR, "GIF"), "cannot be read"),
        (saved(HALF, "PNG"), "1 transparent images"),
        (saved(Image.new("I;16", (8, 8)), "PNG"), "1 images of 16 bits a channel"),
        (saved(COLOUR, "PNG", save_all=True, append_images=[FULL]), "1 animated images"),
        (png(PIXELS[:4]), r"2 sizes of images: 8x8 \(.*\), 4x8 \(one/x\.png\); .* --size 8x8"),
        (grey(COLOUR), r"2 kinds of images: 60 in colour .*, 1 grey \(one/x\.png\); .* --channels"),
    ],
    ids=["empty", "text", "cut", "gif", "alpha", "16 bit", "animated", "small", "grey"],
)
def test_an_image_that_cannot_be_used_is_one_line(
    content: bytes, message: str, pictures: Path
) -> None:
    """It names how many there are and the first of them; nothing is written."""
    (pictures / "one/x.png").write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        add("own", pictures, Options())
    assert "\n" not in str(caught.value)
    assert not registry.path_of("own").exists()


@pytest.mark.parametrize(
    "content",
    [
        saved(FULL, "PNG"),
        saved(COLOUR.convert("P"), "PNG"),
        saved(COLOUR.convert("CMYK"), "JPEG"),
        saved(COLOUR, "JPEG", progressive=True),
    ],
    ids=["opaque", "palette", "cmyk", "progressive"],
)
def test_an_image_of_an_odd_kind_is_used(content: bytes, added: Added, pictures: Path) -> None:
    """Where no choice is to be made."""
    (pictures / "one/x.jpg").write_bytes(content)
    _, parts = added(pictures)
    assert len(parts.train.targets) + len(parts.test.targets) == 61


def test_an_image_stands_as_its_camera_says(added: Added, pictures: Path) -> None:
    """By the orientation of EXIF."""
    shutil.rmtree(pictures / "one")
    (pictures / "one").mkdir()
    turned = Image.Exif()
    turned[0x0112] = 6  # a quarter turn
    for index in range(5):
        pixels = np.zeros((8, 8, 3), np.uint8)
        pixels[0] = 40 + index
        image = Image.fromarray(pixels)
        image.save(pictures / f"one/{index}.png", exif=turned)
    _, parts = added(pictures)
    images = np.concatenate([parts.train.inputs, parts.test.inputs])
    labels = np.concatenate([parts.train.targets, parts.test.targets])
    upright = images[labels == 0]
    assert (upright[:, :, -1] >= 40).all()
    assert not upright[:, :, :-1].any()


def test_sizes_and_channels_are_made_to_fit(added: Added, pictures: Path) -> None:
    """Where one says which."""
    (pictures / "one/x.png").write_bytes(png(PIXELS[:4]))
    (pictures / "two/x.png").write_bytes(png(PIXELS[..., 0]))
    _, parts = added(pictures, size=(6, 5), channels=1)
    assert parts.train.inputs.shape[1:] == (6, 5)


def test_what_is_no_image_is_left_out_and_told(added: Added, pictures: Path) -> None:
    """Files of other kinds, and folders that programs leave."""
    (pictures / ".ipynb_checkpoints").mkdir()
    (pictures / ".ipynb_checkpoints/a.png").write_bytes(png(PIXELS))
    (pictures / "one/notes.txt").write_text("mine")
    lines, _ = added(pictures)
    assert "  left out  .ipynb_checkpoints/, one/notes.txt" in lines


def test_an_image_of_no_class_is_one_line(pictures: Path) -> None:
    """It lies beside the folders of the classes."""
    (pictures / "cover.png").write_bytes(png(PIXELS))
    with pytest.raises(UserError, match=r"1 images in no folder of a class: cover\.png"):
        add("own", pictures, Options())


def test_images_in_a_folder_of_the_pipeline_are_refused(pictures: Path) -> None:
    """DVC would remove them; the folder around it may be added if there are none in it."""
    data = Path("data")
    shutil.copytree(pictures, data)
    (data / "zero").rename(data / "raw")
    with pytest.raises(UserError, match=r"20 images in data/raw/, .*: raw/00\.png, "):
        add("own", data, Options())
    assert not registry.path_of("own").exists()
    (data / "raw").rename(data / "zero")
    (data / "raw").mkdir()
    add("own", data, Options())
    assert registry.load("own").items.train == 48


def test_a_test_image_that_train_holds_is_one_line(added: Added, pictures: Path) -> None:
    """The same pixels in both parts make every figure too good; unless one allows it."""
    for file in sorted((pictures / "one").iterdir()):
        file.write_bytes(png(PIXELS))
    with pytest.raises(UserError, match=r"4 test items that the train items hold, too: one/"):
        add("own", pictures, Options())
    added(pictures, duplicates=True)
