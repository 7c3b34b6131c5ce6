"""Folders of images, as new data."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from optledger.core.errors import UserError
from optledger.core.paths import PREPARED, RAW, RESULTS
from optledger.core.places import error_at_places, first_places
from optledger.datasets.adding.draft import DEFAULT_FRACTION, Draft, Options
from optledger.datasets.archive import images_below
from optledger.datasets.formats.images import (
    Fit,
    ImageError,
    Place,
    Problems,
    channels,
    decoded,
    fitted_pixels,
    groups_of,
    place_of,
)
from optledger.datasets.items import Items
from optledger.datasets.kinds import classes
from optledger.datasets.registry import Test

_TRAIN = ("train", "training")
_TEST = ("test", "testing")
_VALIDATION = ("val", "valid", "validation", "dev")


def draft_of(folder: Path, options: Options) -> Draft:
    """Look at a folder that has a folder of PNG and JPEG files for each class.

    Raises:
        UserError: some files cannot be used, or the folder could be understood in several ways.
    """
    options.check_used("images", "test", "test_fraction", "by", "size", "channels")
    files = images_below(folder)
    if not files.images:
        raise UserError(
            f"{folder}: has no PNG or JPEG file; put images into a folder for each class"
        )
    _check_that_they_stay(folder, files.images)
    test_folder = _test_folder(folder, files.images, options)
    places = [place_of(path, test_folder) for path in files.images]
    if alone := [path for path, at in zip(files.images, places, strict=True) if at is None]:
        raise error_at_places(folder, "images in no folder of a class", alone, "move them into one")
    found = [place for place in places if place is not None]
    names = tuple(sorted({place.name for place in found}))
    if len(names) < 2:
        remedy = "make a folder for each of two or more"
        raise UserError(f"{folder}: has only one class, {names[0]}; {remedy}")
    target = classes.Target(classes=names)
    shape, digests = _pixels(folder, found, options)
    own = Test(folder=test_folder, by=options.by) if test_folder else None
    test = own or options.fraction(by=options.by)
    items = Items(
        inputs=digests,
        targets=classes.read(folder, np.array([place.name for place in found]), target, str),
        is_test=np.array([place.is_test for place in found]) if test_folder else None,
        groups=groups_of(files.images, options.by, folder),
        place=lambda index: found[index].path,
    )
    left_out = [("left out", first_places(files.others))] if files.others else []
    return Draft(
        entry={
            "format": "images",
            "shape": list(shape),
            **({"resize": True} if options.size else {}),
            **({"recolour": True} if options.channels else {}),
        },
        target=target,
        items=items,
        test=test,
        files={"images": ("images.tar", folder)},
        found=[
            ("images", f"{shape[0]}x{shape[1]}, {'in colour' if len(shape) > 2 else 'grey'}"),
            *left_out,
        ],
    )


def _check_that_they_stay(folder: Path, paths: Sequence[str]) -> None:
    """Check that no image is in a folder that the pipeline empties, as `data/` holds some.

    Raises:
        UserError: there are such images.
    """
    for output in (RAW, PREPARED, RESULTS):
        emptied = output.resolve()
        if inside := [path for path in paths if (folder / path).is_relative_to(emptied)]:
            found = f"images in {output}/, which the pipeline writes anew"
            raise error_at_places(folder, found, inside, f"images outside of {output}/")


def _test_folder(folder: Path, paths: Sequence[str], options: Options) -> str | None:
    """Return the name of the folder of the test split, or None for a random fraction.

    It is the folder that --test names, or else a test folder beside a train folder.

    Raises:
        UserError: --test names no folder of images, or it is not clear which folder is meant.
    """
    first = {path.split("/")[0] for path in paths if "/" in path}
    if options.test is not None:
        if options.test not in first:
            there = f"--test can name {', '.join(sorted(first))}"
            raise UserError(f"{folder}: has no images in {options.test}/; {there}")
        return options.test
    trained, tested, validated = (
        [name for name in sorted(first) if name.lower() in usual]
        for usual in (_TRAIN, _TEST, _VALIDATION)
    )
    are_splits = len(first) == len(trained) + len(tested) + len(validated) > 1
    if not trained or (options.test_fraction is not None and not are_splits):
        return None
    if are_splits and len(tested) == 1 and options.test_fraction is None:
        return tested[0]
    choice = f"--test {(tested or validated or sorted(first))[-1]}"
    if are_splits:
        found = f"{', '.join(sorted(first))} look like splits and not like classes"
    else:
        found = f"of {', '.join(sorted(first))}, none is called test"
        choice += f" or --test-fraction {DEFAULT_FRACTION}, if they are classes"
    raise UserError(f"{folder}: {found}; add {choice}")


def _pixels(
    folder: Path, places: Sequence[Place], options: Options
) -> tuple[tuple[int, ...], np.ndarray]:
    """Return the shape that all images have, and digests of their pixels, shape (images, 16).

    Raises:
        UserError: some images cannot be read, or their shapes differ.
    """
    shapes: Counter[tuple[int, ...]] = Counter()
    first: dict[tuple[int, ...], str] = {}
    digests = np.zeros((len(places), 16), np.uint8)
    problems = Problems()
    progress = tqdm(places, unit=" images", unit_scale=True, leave=False, disable=None)
    for number, place in enumerate(progress):
        try:
            image = decoded((folder / place.path).read_bytes())
            colours = options.channels or channels(image)
            rows, columns = options.size or (image.height, image.width)
            shape = (rows, columns, colours)[: 2 if colours == 1 else 3]
            pixels = fitted_pixels(
                image, Fit(shape, options.size is not None, bool(options.channels))
            )
        except ImageError as error:
            problems.add(str(error), place.path)
            continue
        shapes[shape] += 1
        first.setdefault(shape, place.path)
        digest = hashlib.blake2b(pixels.tobytes(), digest_size=16).digest()
        digests[number] = np.frombuffer(digest, np.uint8)
    problems.raise_any(folder)
    if len({shape[:2] for shape in shapes}) > 1:
        examples = [f"{at[0]}x{at[1]} ({first[at]})" for at, _ in shapes.most_common()]
        rows, columns = shapes.most_common(1)[0][0][:2]
        remedy = f"add --size {rows}x{columns} to make them alike"
        raise error_at_places(folder, "sizes of images", examples, remedy)
    if len(shapes) > 1:
        examples = [
            f"{count:,} {'in colour' if len(shape) > 2 else 'grey'} ({first[shape]})"
            for shape, count in shapes.most_common()
        ]
        raise error_at_places(folder, "kinds of images", examples, "add --channels 1 or 3")
    return next(iter(shapes)), digests
