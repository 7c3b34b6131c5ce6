"""Data as people have them, made of what scikit-learn ships."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_digits, load_wine

from optledger.datasets import registry
from optledger.datasets.adding.add import add
from optledger.datasets.adding.draft import Options
from optledger.datasets.items import Parts, divide
from optledger.datasets.reading import read
from optledger.datasets.sources import fetch

NAMES = ["zero", "one", "two"]

Added = Callable[..., tuple[list[str], Parts]]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout to work in, beside which the data lie."""
    (tmp_path / "checkout").mkdir()
    monkeypatch.chdir(tmp_path / "checkout")
    monkeypatch.delenv(registry.MIRROR_VARIABLE, raising=False)
    return tmp_path


@pytest.fixture
def added(place: Path) -> Added:
    """Return a function that adds data, downloads and reads them, and leaves them as they were."""

    def run(path: Path, **options: object) -> tuple[list[str], Parts]:
        before = contents(path)
        lines = add("own", path, Options(**options))  # type: ignore[arg-type] # as a test says
        dataset = registry.load("own")
        raw = Path("data/raw")
        raw.mkdir(parents=True)
        fetch("own", dataset, raw)
        parts = divide("own", dataset, read(dataset, raw))
        assert contents(path) == before
        return lines, parts

    return run


def contents(path: Path) -> dict[Path, tuple[bytes, int]]:
    """Return what a file or a folder holds, and when that was written."""
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if each.is_file())
    return {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in files}


@pytest.fixture
def pictures(place: Path) -> Path:
    """Twenty digits each of three classes as PNG files in colour, a folder for each."""
    bundled = load_digits()
    for number, name in enumerate(NAMES):
        folder = place / "pictures" / name
        folder.mkdir(parents=True)
        images = (bundled.images[bundled.target == number][:20] * 15).astype(np.uint8)
        for index, grey in enumerate(images):
            colour = np.stack([grey, 255 - grey, grey // 2], axis=-1)
            Image.fromarray(colour).save(folder / f"{index:02}.png")
    return place / "pictures"


@pytest.fixture
def wine() -> pd.DataFrame:
    """178 wines of three kinds: 13 measured numbers, a shelf, and a note that tells nothing."""
    frame = load_wine(as_frame=True).frame
    frame["kind"] = frame.pop("target").map({0: "barolo", 1: "grignolino", 2: "barbera"})
    frame["shelf"] = np.where(np.arange(len(frame)) % 3 == 0, "top", "low")
    frame["note"] = [f"bottle {index}" for index in range(len(frame))]
    return frame
