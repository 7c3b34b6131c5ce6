from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from optledger.analysis.schemas import SCHEMAS, read_results
from optledger.core.errors import UserError
from optledger.core.formats import write_csv
from optledger.core.tables import (
    COUNT,
    FRACTION,
    INFINITE,
    NUMBER,
    TEXT,
    Schema,
    one_of,
    optional,
    read,
)

SCHEMA = Schema(
    {
        **{"variant": TEXT, "seed": COUNT, "accuracy": FRACTION, "loss": optional(NUMBER)},
        **{"epochs": INFINITE, "kept": optional(COUNT), "edge": optional(one_of(["low", "high"]))},
    },
    key=("variant", "seed"),
    families={"to_": COUNT},
    is_complete=True,
)

SOUND = """\
variant,seed,accuracy,loss,epochs,kept,edge,to_0.9,note
a,0,0.5,1e-3,inf,3,low,1,x
a,1,0.25,,2,,,2,
001,0,1,-2.5,2.5,0,high,3,y
001,1,0,1,-inf,10,,4,z
"""


def mistake(folder: Path, content: bytes, schema: Schema = SCHEMA) -> str:
    """Return the line that a file's content is refused with."""
    (folder / "a.csv").write_bytes(content)
    with pytest.raises(UserError) as caught:
        read(folder / "a.csv", schema)
    (line,) = str(caught.value).splitlines()
    return line.removeprefix(f"{folder / 'a.csv'}: ").removesuffix("; dvc repro makes it anew")


def test_a_column_has_the_type_that_is_declared(tmp_path: Path) -> None:
    """Whatever its cells look like; what is not declared is a text."""
    (tmp_path / "a.csv").write_text(SOUND)
    table = read(tmp_path / "a.csv", SCHEMA)
    assert table["variant"].tolist() == ["a", "a", "001", "001"]
    assert table["epochs"].tolist() == [np.inf, 2, 2.5, -np.inf]
    assert table["loss"].isna().tolist() == [False, True, False, False]
    assert table["note"].tolist()[2] == "y"
    types = table.dtypes.astype(str).to_dict()
    assert types == {
        **{"variant": "str", "seed": "int64", "accuracy": "float64", "loss": "float64"},
        **{"epochs": "float64", "kept": "Int64", "edge": "str", "to_0.9": "int64", "note": "str"},
    }


def test_cells_are_returned_as_the_texts_that_they_are(tmp_path: Path) -> None:
    """If asked for: digests are of these."""
    (tmp_path / "a.csv").write_text(SOUND)
    table = read(tmp_path / "a.csv", SCHEMA, as_text=True)
    assert table["loss"].tolist() == ["1e-3", "", "-2.5", "1"]


def test_a_variant_is_a_text_whatever_its_name(tmp_path: Path) -> None:
    """Names that pandas takes for numbers or for missing values stay as they are."""
    names = ["None", "NA", "nan", "01", "1e-3", "inf", "True"]
    write_csv(tmp_path / "a.csv", pd.DataFrame({"variant": names, "loss": [0.5, *[None] * 6]}))
    schema = Schema({"variant": TEXT, "loss": optional(NUMBER)}, key=("variant",))
    table = read(tmp_path / "a.csv", schema)
    assert table["variant"].tolist() == names
    assert table["loss"].isna().tolist() == [False, *[True] * 6]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("0.25", "x", "line 3: column accuracy: found 'x'; allowed: a number from 0 to 1"),
        ("0.25", "nan", "line 3: column accuracy: found 'nan'; allowed: a number from 0 to 1"),
        ("0.25", "1.25", "line 3: column accuracy: found '1.25'; allowed: a number from 0 to 1"),
        ("0.25", "", "line 3: column accuracy: found nothing; allowed: a number from 0 to 1"),
        ("0.25", "\u0664", "line 3: column accuracy: found '\u0664'; allowed: a number from 0 to"),
        ("1e-3", "inf", "line 2: column loss: found 'inf'; allowed: a finite number, or nothing"),
        ("1e-3", "1e999", "line 2: column loss: found '1e999'; allowed: a finite number, or not"),
        ("a,1", "a,1.0", "line 3: column seed: found '1.0'; allowed: an integer of at least 0"),
        ("a,1", "a,-1", "line 3: column seed: found '-1'; allowed: an integer of at least 0"),
        ("a,1", f"a,{9**30}", f"line 3: column seed: found '{9**30}'; allowed: an integer of at "),
        ("a,1", ",1", "line 3: column variant: found nothing; allowed: a text"),
        ("a,1", "\x1b[31m,1", r"line 3: column variant: found '\x1b[31m'; allowed: a text"),
        ("low", "middle", "line 2: column edge: found 'middle'; allowed: one of low, high, or no"),
        ("low,1", "low,1.5", "line 2: column to_0.9: found '1.5'; allowed: an integer of at least"),
        ("a,1", "a,0", "line 3: is a second row of a, 0"),
        ("a,1", "b,1", "found 4 rows; allowed: 6, one for each combination of variant, seed"),
        ("a,1", "a,1,1", "line 3: found a row of length 10; allowed: 9, a cell a column"),
        ("a,1", "a", "line 3: found a row of length 8; allowed: 9, a cell a column"),
        ("a,1", "\na,1", "line 3: found a row of length 0; allowed: 9, a cell a column"),
        ("a,1", "<<<<<<< HEAD\na,1", "line 3: has a merge conflict"),
        ("a,1", "\"a\"b,1", "line 3: cannot be read as CSV: "),
        ("x\n", "\"x\n", "line 5: cannot be read as CSV: "),
        ("variant,", "name,", "has no column variant, which the table of dvc repro has"),
        ("variant,", "\ufeffvariant,", "has no column variant"),
        ("seed,acc", "seed,seed,acc", "line 1: found the column 'seed'; allowed: names th"),
        ("note", "", "line 1: found the column ''; allowed: names that differ"),
    ],
)  # fmt: skip
def test_what_is_not_declared_is_one_line(tmp_path: Path, old: str, new: str, line: str) -> None:
    """It names the place, what was found and what is allowed."""
    assert SOUND.count(old) == 1
    assert mistake(tmp_path, SOUND.replace(old, new).encode()).startswith(line)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"", "is empty; names of columns belong there"),
        (b"\n\n", "line 1: is empty; names of columns belong there"),
        (SOUND.partition("\n")[0].encode(), "has names of columns, but no rows"),
        (SOUND.encode()[:-4] + b"\xe9\n", "line 5: found the byte 0xe9; allowed: UTF-8"),
        (bytes(range(256)), "line 2: found the byte 0x80; allowed: UTF-8"),
        (SOUND.encode("utf-16"), "line 1: found the byte 0xff; allowed: UTF-8"),
        (SOUND.encode()[:-20], "line 5: found a row of length 1; allowed: 9, a cell a column"),
        (b"\0" * 4096, "has no column variant, which the table of dvc repro has"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_is_one_line(tmp_path: Path, content: bytes, line: str) -> None:
    """Empty, cut, binary, or of another encoding."""
    assert mistake(tmp_path, content) == line


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_changed_byte_is_a_table_or_one_line(tmp_path: Path, name: str) -> None:
    """Whichever byte it is, and whatever it becomes: there is no other exception."""
    schema, random = SCHEMAS[name], np.random.default_rng(0)
    stored = (Path(__file__).parents[2] / f"results/{name}.csv").read_bytes()
    read(Path(__file__).parents[2] / f"results/{name}.csv", schema)
    path = tmp_path / "a.csv"
    for place in random.integers(0, len(stored), 200):
        byte = bytes([random.choice([*b'\n\r,"\0-einfx0 \xff'])])
        path.write_bytes(stored[:place] + byte + stored[place + random.integers(3) :])
        with suppress(UserError):
            read(path, schema)


PAIRS = """\
metric,variant,against,look,difference,half_width,low,high,inner_low,inner_high,p_value,p_adjusted,\
verdict,noise,further_seeds,difference_of_all
accuracy,a,b,2,0.1,inf,-inf,inf,-inf,inf,,,inconclusive,,inf,0.1
"""


@pytest.mark.parametrize(
    ("row", "line"),
    [
        ("accuracy,b,a", "line 3: is a second row of accuracy, a, b"),
        ("loss,c,c", "line 3: compares 'c' with itself"),
        ("loss,a,c", "found 2 rows; allowed: 6, one for each combination of metric, variant, aga"),
        ("speed,a,b", "line 3: column metric: found 'speed'; allowed: one of accuracy, precision"),
    ],
)
def test_a_pair_is_compared_once(tmp_path: Path, row: str, line: str) -> None:
    """By each metric, whichever variant stands first."""
    content = PAIRS + row + PAIRS.splitlines()[1].removeprefix("accuracy,a,b") + "\n"
    assert mistake(tmp_path, content.encode(), SCHEMAS["comparisons"]).startswith(line)


def test_tables_that_belong_together_are_of_the_same_variants(tmp_path: Path) -> None:
    """Else what is asked of one about another's variant has no answer."""
    for name in ("leaderboard", "comparisons"):
        stored = Path(__file__).parents[2] / f"results/{name}.csv"
        text = stored.read_text()
        (tmp_path / f"{name}.csv").write_text(text.replace("rmsprop", "rms" + name[:4]))
    with pytest.raises(UserError, match=r"comparisons.csv: has rmscomp, which is no variant of"):
        read_results("leaderboard", "comparisons", folder=tmp_path)
    with pytest.raises(UserError, match=r"leaderboard.csv: has no x, which is a variant of params"):
        read_results("leaderboard", folder=tmp_path, variants=["x"])


def test_a_table_that_is_missing_is_one_line(tmp_path: Path) -> None:
    """It says what brings it."""
    with pytest.raises(UserError, match=r"a.csv: does not exist; run dvc repro"):
        read(tmp_path / "a.csv", SCHEMA)
