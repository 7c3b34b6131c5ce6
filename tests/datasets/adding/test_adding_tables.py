from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optledger.core.errors import UserError
from optledger.datasets import registry
from optledger.datasets.adding.add import add
from optledger.datasets.adding.draft import Options
from optledger.datasets.items import Parts
from optledger.datasets.reading import read

Added = Callable[..., tuple[list[str], Parts]]


@pytest.mark.parametrize("kind", ["csv", "tsv", "semicolons", "bom", "crlf", "parquet"])
def test_a_table(kind: str, added: Added, wine: pd.DataFrame, place: Path) -> None:
    """Whatever stands between its cells and ends its lines, the numbers are the same."""
    path = place / f"wine.{kind if kind in ('tsv', 'parquet') else 'csv'}"
    match kind:
        case "parquet":
            wine.to_parquet(path)
        case "tsv" | "semicolons":
            wine.to_csv(path, index=False, sep="\t" if kind == "tsv" else ";")
        case "bom":
            wine.to_csv(path, index=False, encoding="utf-8-sig")
        case _:
            wine.to_csv(path, index=False, lineterminator="\r\n" if kind == "crlf" else "\n")
    lines, parts = added(path, target="kind", categories=("shelf",))
    told = "\n".join(lines)
    assert "note (texts; --categories takes them)" in told
    assert "3: barbera 48, barolo 59, grignolino 71" in told
    dataset = registry.load("own")
    assert dataset.column_names is not None
    assert dataset.column_names[-2:] == ("shelf=low", "shelf=top")
    assert parts.train.inputs.shape == (142, 15)
    assert parts.train.inputs.dtype == np.float32
    rows = np.concatenate([parts.train.inputs, parts.test.inputs])
    numbers = wine.drop(columns=["kind", "shelf", "note"]).to_numpy(np.float32)
    assert sorted(map(tuple, rows[:, :13])) == sorted(map(tuple, numbers))
    np.testing.assert_array_equal(rows[:, 13:].sum(axis=1), 1)


def test_a_column_says_which_rows_are_test(added: Added, wine: pd.DataFrame, place: Path) -> None:
    """That column is none of the inputs."""
    wine["part"] = np.where(np.arange(len(wine)) % 5 == 0, "held out", "mine")
    wine["grower"] = [f"g{index % 20}" for index in range(len(wine))]
    wine.to_csv(place / "wine.csv", index=False)
    options = {"target": "kind", "test": "part=held out", "drop": ("note", "shelf")}
    _, parts = added(place / "wine.csv", **options, by="grower")
    assert len(parts.test.targets) == 36
    assert parts.test.inputs.shape[1] == 13
    assert parts.groups is not None
    assert len(set(parts.groups)) == 16


def test_a_test_split_that_divides_a_group_is_one_line(wine: pd.DataFrame, place: Path) -> None:
    """And so are groups of a test file, of which an entry cannot tell."""
    wine["part"] = np.where(np.arange(len(wine)) % 5 == 0, "held out", "mine")
    wine["grower"] = [f"g{index % 3}" for index in range(len(wine))]
    wine.to_csv(place / "wine.csv", index=False)
    wine.to_csv(place / "more.csv", index=False)
    options = {"target": "kind", "by": "grower", "drop": ("note", "shelf")}
    for test, message in [
        ("part=held out", "--by: 3 groups in train and in test split"),
        (str(place / "more.csv"), "--by does not work with a test file of its own"),
    ]:
        with pytest.raises(UserError, match=message):
            add("own", place / "wine.csv", Options(**options, test=test))  # type: ignore[arg-type]


def test_a_second_file_is_the_test_split(added: Added, wine: pd.DataFrame, place: Path) -> None:
    """Its columns are those of the first, in whatever order."""
    wine[::2].to_csv(place / "train.csv", index=False)
    wine.loc[1::2, wine.columns[::-1]].to_csv(place / "test.csv", index=False)
    _, parts = added(place / "train.csv", target="kind", test=str(place / "test.csv"))
    assert (len(parts.train.targets), len(parts.test.targets)) == (89, 89)
    np.testing.assert_allclose(parts.test.inputs[0, 0], wine["alcohol"].iloc[1], rtol=1e-6)


@pytest.mark.parametrize("names", [("data.csv", "DATA.csv"), ("dä.csv", "dö.csv")])
def test_files_of_two_folders_may_share_a_name(
    names: tuple[str, str], added: Added, wine: pd.DataFrame, place: Path
) -> None:
    """Where they are downloaded, the second one is named after its role, too."""
    train, test = place / "train" / names[0], place / "test" / names[1]
    for path, rows in ((train, wine[::2]), (test, wine[1::2])):
        path.parent.mkdir()
        rows.to_csv(path, index=False)
    _, parts = added(train, target="kind", test=str(test))
    assert (len(parts.train.targets), len(parts.test.targets)) == (89, 89)
    np.testing.assert_allclose(parts.test.inputs[0, 0], wine["alcohol"].iloc[1], rtol=1e-6)
    plain = [name.replace("ä", "_").replace("ö", "_") for name in names]
    assert [file.name for file in registry.load("own").files.values()] == [
        plain[0],
        f"test_table-{plain[1]}",
    ]


@pytest.mark.parametrize(
    ("column", "cell", "options", "message"),
    [
        ("ash", "x", {}, "{test}: ash: 1 cells that are no finite numbers: 'x' at line 3; "),
        ("kind", None, {}, "{test}: kind: 1 empty cells: line 3; "),
        ("shelf", None, {"categories": ("shelf",)}, "{test}: shelf: 1 empty cells: line 3; "),
        (
            *("ash", "x", {"target": "ash", "kind": "number"}),
            "{train}: ash: 1 targets that are no numbers: 'x' at line 3 of {test}; ",
        ),
        (
            *("all", None, {}),
            "{train}: 1 test items that the train items hold, too: line 3 of {test}; ",
        ),
    ],
)
def test_a_row_of_the_second_file_is_named_by_its_own_line(
    column: str,
    cell: object,
    options: dict[str, object],
    message: str,
    wine: pd.DataFrame,
    place: Path,
) -> None:
    """A message names the file and the line where an editor finds what is wrong."""
    paths = {"train": place / "train.csv", "test": place / "test.csv"}
    test = wine[1::2].astype(object).reset_index(drop=True)
    if column == "all":
        test.loc[1] = wine.loc[0]
    else:
        test.loc[1, column] = cell
    wine[::2].to_csv(paths["train"], index=False)
    test.to_csv(paths["test"], index=False)
    given = {"target": "kind", "test": str(paths["test"]), **options}
    with pytest.raises(UserError) as caught:
        add("own", paths["train"], Options(**given))  # type: ignore[arg-type] # as a test says
    assert str(caught.value).startswith(message.format(**paths))


def test_downloaded_rows_are_named_by_their_own_line(
    added: Added, wine: pd.DataFrame, place: Path
) -> None:
    """The first row of each of two tables is on the line below the header."""
    wine[::2].to_csv(place / "train.csv", index=False)
    wine[1::2].to_csv(place / "test.csv", index=False)
    added(place / "train.csv", target="kind", test=str(place / "test.csv"))
    items = read(registry.load("own"), Path("data/raw"))
    places = [items.place(index) for index in (0, 88, 89, 177)]
    raw = "data/raw"
    assert places == [
        *(f"line 2 of {raw}/train.csv", f"line 90 of {raw}/train.csv"),
        *(f"line 2 of {raw}/test.csv", f"line 90 of {raw}/test.csv"),
    ]


def test_no_group_is_divided(added: Added, wine: pd.DataFrame, place: Path) -> None:
    """As the rows of a grower are not."""
    wine["grower"] = [f"g{index % 20}" for index in range(len(wine))]
    wine.to_csv(place / "wine.csv", index=False)
    _, parts = added(place / "wine.csv", target="kind", by="grower")
    assert parts.groups is not None
    assert len(set(parts.groups)) == 16


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (
            {"ash": [None, "x", *["1.5"] * 176]},
            {},
            r"ash: 2 cells .* empty cell at line 2, 'x'",
        ),
        ({"ash": [float("inf")] + [1.5] * 177}, {}, r"ash: 1 cells .* inf at line 2"),
        (
            {"kind": ["a", None] * 89},
            {},
            r"kind: 89 empty cells: line 3, line 5, line 7 and 86",
        ),
        ({"kind": ["a"] * 178}, {}, r"kind: found 1 different classes"),
        (
            {"kind": [0.5] * 178},
            {},
            r"kind: every target is 0\.5",
        ),
        ({"kind": ["a"] * 177 + ["b"]}, {}, r"1 classes with fewer than three items: b"),
        ({"shelf": ["top", None] * 89}, {"categories": ("shelf",)}, r"shelf: 89 empty cells"),
        ({}, {"target": "none"}, r"--target: found 'none'; allowed: one of alcohol, "),
        ({}, {"target": None}, r"which column is the target is not known; add --target"),
        ({}, {"size": (8, 8)}, r"--size is not for a table; use only .*--target"),
        ({}, {"test": "shelf=no"}, r"shelf: 2 values: 'top', 'low'; some rows, not all, need 'no'"),
        ({}, {"test": "../wine.csv"}, r"--test: .*/wine\.csv is the train table itself; "),
        ({}, {"test": "nowhere.csv"}, r"--test: found 'nowhere\.csv'; allowed: COLUMN=VALUE"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    change: dict[str, list[object]],
    options: dict[str, object],
    message: str,
    wine: pd.DataFrame,
    place: Path,
) -> None:
    """It names the column, how many cells and the first of them; nothing is written."""
    wine.assign(**change).to_csv(place / "wine.csv", index=False)
    given = {"target": "kind", **options}
    with pytest.raises(UserError, match=message) as caught:
        add("own", place / "wine.csv", Options(**given))  # type: ignore[arg-type] # as a test says
    assert "\n" not in str(caught.value)
    assert not registry.path_of("own").exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "one column"),
        ("a.csv", b"x,y\n", "no rows"),
        ("a.csv", b"x,x,y\n1,2,a\n3,4,b\n", "1 names that columns share: 'x'"),
        ("a.csv", b"x,y\n1,2,3,4\n", "cannot be read as "),
        ("a.csv", b"\xff\xfe\x00x,y\n1,2\n", "cannot be read as "),
        ("a.csv", b"\x00\x01,\x02\n\x03,\x04", "."),
        ("a.parquet", b"PAR1", "cannot be read as "),
        ("a.parquet", b"", "cannot be read as "),
        ("a.xlsx", b"PK", "files of this kind cannot be added"),
    ],
)
def test_what_is_no_table_is_one_line(name: str, content: bytes, message: str, place: Path) -> None:
    """Whatever pandas makes of it."""
    (place / name).write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        add("own", place / name, Options(target="y"))
    assert str(caught.value).isprintable()


def test_columns_that_no_table_of_numbers_has(
    added: Added, wine: pd.DataFrame, place: Path
) -> None:
    """Lists, times and what has no name are left out, and told."""
    wine["when"] = pd.Timestamp("2020-01-01")
    wine["list"] = [[1, 2]] * len(wine)
    wine["same"] = 7
    wine["sure"] = np.arange(len(wine)) % 2 == 0
    wine.to_parquet(place / "wine.parquet")
    lines, parts = added(place / "wine.parquet", target="kind")
    told = "\n".join(lines)
    for reason in ("when (times)", "list (no single values)", "same (all its cells are the same)"):
        assert reason in told
    assert set(np.unique(parts.train.inputs[:, -1])) == {0, 1}
