"""Tables, JSON, arrays and IDX files: read as other readers read them, or refused in a line."""

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from damages import damaged, documents
from hypothesis import given
from hypothesis import strategies as st
from profiles import examples
from programs import Checkout
from refusals import attempt

from optledger.analysis import predictions
from optledger.analysis.schemas import METHODS, SCHEMAS, TRAJECTORIES
from optledger.core.documents import validate
from optledger.core.formats import read_json, read_npz
from optledger.core.tables import Schema, read
from optledger.datasets import prepared as splits
from optledger.datasets.formats.idx import read_idx
from optledger.datasets.kinds import KINDS
from optledger.report.gallery import read_gallery
from optledger.trials import records
from stored import summary

CASE = "results/cases/linear_regression"
TABLES: dict[str, Schema] = {
    **{f"results/{name}.csv": schema for name, schema in SCHEMAS.items()},
    **{f"results/trials/gd/{name}.csv": schema for name, schema in records.SCHEMAS.items()},
    f"{CASE}/methods.csv": METHODS,
    f"{CASE}/trajectories.csv": TRAJECTORIES,
}


@pytest.mark.parametrize("name", TABLES)
def test_tables(name: str, tally: Counter[str], checkout: Checkout, tmp_path: Path) -> None:
    """A cell is what Python makes of the text that the csv module finds there."""
    path = tmp_path / Path(name).name

    @examples(test=4, fuzz=300)
    @given(damaged(checkout.content(name)))
    def property_(content: bytes) -> None:
        path.write_bytes(content)
        table = attempt(tally, lambda: read(path, TABLES[name]))
        if table is not None:
            rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
            expected = [[_Cell(cell) for cell in row] for row in rows]
            assert expected == [list(table), *table.to_numpy(object).tolist()]

    property_()


class _Cell(str):
    """The text of a cell, which equals what it stands for."""

    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return str(self) == other
        return not self if pd.isna(other) else float(self) == other


def _read_summary(path: Path) -> Any:
    return splits.read_summary(path.parent)


def _read_split_digest(path: Path) -> Any:
    return validate(predictions.SplitDigest, read_json(path), path)


@pytest.mark.parametrize(
    ("name", "reader"),
    [
        ("data/prepared/summary.json", _read_summary),
        ("results/test/split.json", _read_split_digest),
        ("results/metrics.json", read_json),
    ],
)
def test_json(
    name: str,
    reader: Callable[[Path], Any],
    tally: Counter[str],
    checkout: Checkout,
    tmp_path: Path,
) -> None:
    """What is accepted is JSON."""
    path = tmp_path / Path(name).name

    @examples(test=8, fuzz=800)
    @given(documents(checkout.content(name)))
    def property_(content: bytes) -> None:
        path.write_bytes(content)
        if attempt(tally, lambda: [reader(path)]):
            json.loads(content)

    property_()


def _read_test_split(path: Path) -> Any:
    return splits.read_split("test", path.parent)


ARRAYS: dict[str, Callable[[Path], Any]] = {
    "data/prepared/test.npz": _read_test_split,
    "results/predictions/gd.npz": partial(
        predictions.read_predictions,
        targets=np.zeros(297, np.uint8),
        summary=splits.Summary(**summary(10)),
    ),
    "results/test/labels.npz": partial(read_npz, expected={"labels": (np.uint8, 1)}),
    "results/test/gallery.npz": partial(
        read_gallery, names=[str(each) for each in range(10)], kind=KINDS["classes"]
    ),
    "results/trials/gd/weights.npz": lambda path: records.read_weights(path.parent),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays(name: str, tally: Counter[str], checkout: Checkout, tmp_path: Path) -> None:
    """What is accepted is what NumPy wrote."""
    path = tmp_path / Path(name).name
    (tmp_path / "trials.csv").write_bytes(checkout.content("results/trials/gd/trials.csv"))

    @examples(test=8, fuzz=800)
    @given(_damaged_arrays(checkout.content(name)))
    def property_(archive: tuple[bytes, dict[str, Any]]) -> None:
        content, arrays = archive
        path.write_bytes(content)
        if attempt(tally, lambda: [ARRAYS[name](path)]):
            read = read_npz(path)
            assert all(repr(read[each]) == repr(arrays[each]) for each in read.keys() & arrays)

    property_()


def _damaged_arrays(content: bytes) -> st.SearchStrategy[tuple[bytes, dict[str, Any]]]:
    """Return an archive that is damaged, or a sound one of other arrays, and what was in it."""
    with np.load(io.BytesIO(content)) as loaded:
        arrays = dict(loaded)
    kinds = st.sampled_from(["<u1", "<f4", ">f8", "<i8", "?", "<c8", "<U3", "<M8[s]", "<f2", "V3"])
    shapes = st.sampled_from([(), (0,), (2,), (3,), (2, 0), (2, 297), (297,), (24, 8, 8), (1,) * 9])
    own = st.sampled_from(list(arrays)).map(lambda each: np.flip(arrays[each]))
    other = own | st.builds(lambda kind, shape: np.full(shape, 3, "u1").astype(kind), kinds, shapes)
    replaced = st.dictionaries(st.sampled_from([*arrays, "odd"]), other, min_size=1)
    return damaged(content).map(lambda them: (them, arrays)) | replaced.map(
        lambda them: (_archive(arrays | them), arrays | them)
    )


def _archive(arrays: dict[str, Any]) -> bytes:
    content = io.BytesIO()
    np.savez(content, **arrays)
    return content.getvalue()


@pytest.mark.parametrize("dimensions", [1, 3])
def test_idx_files(dimensions: int, tally: Counter[str], tmp_path: Path) -> None:
    """What is accepted is of the sizes that its head tells."""
    path = tmp_path / "file"
    head = bytes([0, 0, 8, dimensions]) + np.arange(2, 2 + dimensions, dtype=">u4").tobytes()
    sizes = st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 3), min_size=1, max_size=3)
    heads = sizes.map(lambda them: head[:4] + np.array(them, ">u4").tobytes())

    @examples(test=15, fuzz=1500)
    @given(damaged(head + bytes(math.prod(range(2, 2 + dimensions)))) | heads)
    def property_(content: bytes) -> None:
        path.write_bytes(content)
        array = attempt(tally, lambda: read_idx(path, dimensions))
        if array is not None:
            start = 4 + 4 * dimensions
            assert content[:4] == head[:4]
            assert list(array.shape) == np.frombuffer(content[4:start], ">u4").tolist()
            assert array.tobytes() == content[start:]

    property_()
