"""Three hundred damaged files, of every format: each is used as it is, or refused in a line.

What is added can be downloaded, read and divided: what was not refused once is not refused later.
"""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from digits import load, write
from optledger.core.errors import UserError
from optledger.datasets import registry
from optledger.datasets.adding.add import add
from optledger.datasets.adding.draft import Options
from optledger.datasets.items import divide
from optledger.datasets.reading import read
from optledger.datasets.sources import fetch

DAMAGES = 50
FORMATS = ("png", "jpeg", "csv", "parquet", "npz", "idx")


def whole(kind: str, place: Path) -> tuple[Path, Path, Options]:
    """Return sound data: what is added, the file that is to be damaged, and the options."""
    images, labels = load()[0]
    frame = pd.DataFrame(images[:90].reshape(90, 64), columns=[f"p{n}" for n in range(64)])
    frame["digit"] = np.arange(90) % 3
    path = place / f"data.{kind}"
    table = Options(target="digit", duplicates=True)
    match kind:
        case "png" | "jpeg":
            for index, image in enumerate(load_digits().images[:24]):
                folder = place / "data" / f"class {index % 3}"
                folder.mkdir(parents=True, exist_ok=True)
                file = folder / f"{index:02}.{kind}"
                Image.fromarray((image * 15).astype(np.uint8)).save(file)
            return place / "data", file, Options(duplicates=True)
        case "csv":
            frame.to_csv(path, index=False)
        case "parquet":
            frame.to_parquet(path)
        case "npz":
            np.savez(path, x=images[:90], y=np.arange(90) % 3)
            table = Options(duplicates=True)
        case _:
            (place / "data").mkdir()
            write(place / "data")
            return place / "data", place / "data" / "train-labels", Options(duplicates=True)
    assert len(labels)
    return path, path, table


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Return bytes that were cut, changed, doubled, or filled with others, somewhere."""
    start = int(rng.integers(0, len(content)))
    length = int(rng.integers(1, 1 + max(1, len(content) // 4)))
    end = start + length
    match int(rng.integers(0, 5)):
        case 0:
            return content[:start]
        case 1:
            return content[:start] + content[end:]
        case 2:
            return content[:start] + bytes(length) + content[end:]
        case 3:
            return content[:end] + content[start:]
        case _:
            changed = bytearray(content)
            for place in rng.integers(0, len(content), 4):
                changed[place] = int(rng.integers(0, 256))
            return bytes(changed)


def damages(content: bytes) -> Iterator[bytes]:
    """Yield the content, damaged in so many ways, the same ones each time."""
    for seed in range(DAMAGES):
        yield damaged(content, np.random.default_rng(seed))


@pytest.mark.filterwarnings("ignore::Warning")
@pytest.mark.parametrize("kind", FORMATS)
def test_damaged_data_are_used_or_refused_in_a_line(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of the user's changes, and no entry is left behind what is refused."""
    data, file, options = whole(kind, tmp_path)
    sound = file.read_bytes()
    refused = used = 0
    for number, content in enumerate(damages(sound)):
        file.write_bytes(content)
        place = tmp_path / f"checkout {number}"
        place.mkdir()
        monkeypatch.chdir(place)
        try:
            add("own", data, options)
        except UserError as error:
            line = str(error)
            assert re.search(r": \S", line), line
            assert "\n" not in line
            assert line.isprintable()
            assert not registry.path_of("own").exists()
            refused += 1
        else:
            dataset, raw = registry.load("own"), Path("data/raw")
            raw.mkdir(parents=True)
            fetch("own", dataset, raw)
            divide("own", dataset, read(dataset, raw))
            used += 1
        assert file.read_bytes() == content
    assert refused
    assert refused + used == DAMAGES


def test_what_is_pickled_is_never_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever would happen then."""

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[object, ...]]:
            return (Path(tmp_path / "it went off").touch, ())

    monkeypatch.chdir(tmp_path)
    buffer = io.BytesIO()
    np.savez(buffer, x=np.zeros((9, 4), np.float32), y=np.array([Bomb()] * 9, dtype=object))
    (tmp_path / "data.npz").write_bytes(buffer.getvalue())
    with pytest.raises(UserError, match="objects, which only pickle reads"):
        add("own", tmp_path / "data.npz", Options())
    assert not (tmp_path / "it went off").exists()
