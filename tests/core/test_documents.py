import os
from pathlib import Path

import pytest
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import load_yaml

from optledger.core import params
from optledger.core.documents import mistake, parse_yaml, read_yaml, shown, validate
from optledger.core.errors import UserError
from optledger.core.params import Variant
from project import DIGITS_PARAMS

LAUGHS = "".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x]\n"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)]
)

# Each with what its line says.
REFUSED = {
    "a date that is none": ("dataset: 2026-13-45", "found a value of type timestamp; allowed: "),
    "a date": ("dataset: 2026-01-01", "found a value of type timestamp; allowed: "),
    "a time": ("a: 2026-01-01 99:99:99", "found a value of type timestamp; allowed: "),
    "no integer": ("a: !!int 0.01", "found '0.01'; allowed: an integer"),
    "an empty integer": ('a: !!int ""', "found ''; allowed: an integer"),
    "no number": ("a: !!float x", "found 'x'; allowed: a number"),
    "no boolean": ("a: !!bool maybe", "found 'maybe'; allowed: true or false"),
    "many digits": (f"a: {'9' * 5000}", "found '9999"),
    "many hexadecimal digits": (f"a: 0x{'f' * 5000}", "found '0xfff"),
    "no character": (r'a: "\U7fffffff"', "not valid YAML: found an escape sequence of no charac"),
    "half a character": (r'a: "\ud800"', r"found '\\ud800'; allowed: a text"),
    "nested blocks": ("\n".join(" " * n + "a:" for n in range(1500)), "found more than 40 levels"),
    "nested lists": (f"a: {'[' * 1500}{']' * 1500}", "found more than 40 levels"),
    "laughs": (LAUGHS, "found more than 1000000 values"),
    "itself": ("a: &a [*a]", "found *a inside of &a of line 1"),
    "no anchor": ("a: *x", "not valid YAML: found undefined alias 'x'"),
    "an anchor twice": (
        "a: &x 1\nb: &x 2",
        "found &x again, which stands in line 1; name one diff",
    ),
    "a set": ("a: !!set {x}", "found a value of type set; allowed: "),
    "an ordered mapping": ("a: !!omap [x: 1]", "found a value of type omap; allowed: "),
    "bytes": ("a: !!binary aGVsbG8=", "found a value of type binary; allowed: "),
    "a tag": ("a: !foo 1", "found a value of type !foo; allowed: "),
    "Python": ("a: !!python/name:os.system 1", "found a value of type python/name:os.system"),
    "a list as a key": ("[1, 2]: 3", "found a mapping or a list as a key; allowed: "),
    "a mapping as a key": ("? {a: 1}\n: 2", "found a mapping or a list as a key; allowed: "),
    "a merge of nothing": ("a: {<<: 3}", "not valid YAML: expected a mapping or list of mappings"),
    "two documents": ("a: 1\n---\nb: 2", "expected a single document in the stream, but found"),
    "a key twice": ("a: 1\na: 2", 'not valid YAML: found duplicate key "a"'),
    "a tab": ("a:\n\tb: 1", r"not valid YAML: found character '\\t'"),
    "a NUL": ("a: \0", r"not valid YAML: found the character '\\x00'"),
    "a colon in a list": (
        "a: [1, b:c]",
        "not valid YAML: found unexpected ':'; put the text in quo",
    ),
    "a bell": ("a: \a", r"not valid YAML: found the character '\\x07'"),
}


@pytest.mark.parametrize(("text", "line"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_plain_document_is_one_line(tmp_path: Path, text: str, line: str) -> None:
    """From a file and from bytes, in a moment: file, line, what was found."""
    path = tmp_path / "some.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_yaml(path)
    (told,) = str(caught.value).splitlines()
    assert told.startswith(f"{path}:")
    assert line.replace(r"\\", "\\") in told
    assert told.isprintable()
    with pytest.raises(UserError) as again:
        parse_yaml(text.encode(), str(path))
    assert str(again.value) == told


@pytest.mark.parametrize("content", ["a: é".encode("utf-16"), "a: é".encode("latin-1")])
def test_what_is_not_utf_8_is_one_line(tmp_path: Path, content: bytes) -> None:
    """As DVC reads nothing else."""
    path = tmp_path / "some.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"some.yaml:1: not valid YAML: .* not UTF-8$"):
        read_yaml(path)


def test_what_is_no_file_or_too_large_is_one_line(tmp_path: Path) -> None:
    """A folder, a pipe that nobody writes to, and more than twenty megabytes."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_text("#" * 20_000_001)
    for path, line in [
        (tmp_path, "Is a directory"),
        (tmp_path / "pipe", "is no regular file"),
        (tmp_path / "large", "is too large; the most is 20000000 bytes"),
    ]:
        with pytest.raises(UserError, match=line) as caught:
            read_yaml(path)
        assert str(caught.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    "text",
    [
        *("a: 1", "\ufeffa: 1", "a: 1\r\nb: 2\r\n", "a: [1e3, 1e999, .inf, 0o17, 0x1F]"),
        *(
            "a: 190:20:30",
            "a:\t1",
            "2: 2\ntrue: 3\nnull: 4",
            "a: no",
            "%YAML 1.1\n---\na: no",
            "a: &x 1\nb: *x",
        ),
        *("x: &x {a: 1, b: [1]}\ny: {<<: *x, a: 2}", "x: &x [1]\ny: *x"),
        *("a: |\n  text\n  text\n", "a: é\u2028", "a: null\nb:\nc: ~"),
    ],
)
def test_a_document_means_what_it_means_for_dvc(tmp_path: Path, text: str) -> None:
    """The same values of the same types."""
    path = tmp_path / "some.yaml"
    path.write_text(text, newline="")
    assert repr(read_yaml(path)) == repr(load_yaml(path))


@pytest.mark.parametrize(
    ("own", "line"),
    [
        ("optimizer: *o", "*o shares the mapping &o of line 20; write it out"),
        ("optimizer: SGD, <<: *o", "*o shares the mapping &o of line 20"),
        ("optimizer: SGD, class_weights: *w", "*w shares the list &w of line 20"),
    ],
)
def test_parameters_share_no_mapping_and_no_list(tmp_path: Path, own: str, line: str) -> None:
    """`dvc exp run -S` sets a shared mapping for both, or for neither; dvc.lock shares a list."""
    text = DIGITS_PARAMS.partition("variants:")[0] + (
        "variants:\n"
        "  a: {optimizer: &o {name: Adam}, learning_rate: 0.1, class_weights: &w [1, 1]}\n"
        f"  b: {{learning_rate: 0.1, {own}}}\n"
    )
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        params.load(path)
    assert str(caught.value).startswith(f"{path}:21: {line}")


def test_parameters_may_share_a_number(tmp_path: Path) -> None:
    """`dvc exp run -S` sets it where it was told to, and leaves the other."""
    path = tmp_path / "params.yaml"
    shared = DIGITS_PARAMS.replace("learning_rate: 0.5", "learning_rate: &rate 0.5")
    for name, other in (("gd", "adam"), ("adam", "gd")):
        path.write_text(shared.replace("learning_rate: 0.01", "learning_rate: *rate"))
        apply_overrides(path, [f"variants.{name}.learning_rate=0.25"])
        variants = params.load(path).variants
        assert (variants[name].learning_rate, variants[other].learning_rate) == (0.25, 0.5)


HOSTILE = "a\nb\r\x1b[31m\x9b\u202e\u2028\0é 字"


def test_a_mistake_is_one_line_that_only_shows() -> None:
    """Line breaks, escape sequences and marks of direction do nothing, wherever they come from."""
    for line in (
        mistake(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
        shown({HOSTILE: HOSTILE}),
        shown(HOSTILE),
    ):
        assert line.isprintable()
        assert "é 字" in line


@pytest.mark.parametrize("key", [r"\e[31mred", r"two\nlines", r"\u202eleft", r"\u2028"])
def test_a_key_of_a_document_is_shown_as_it_is_written(tmp_path: Path, key: str) -> None:
    """In the line of its mistake."""
    path = tmp_path / "params.yaml"
    path.write_text(f'{DIGITS_PARAMS}"{key}": 1\n')
    with pytest.raises(UserError) as caught:
        params.load(path)
    assert str(caught.value).isprintable()
    assert str(caught.value) == f"{path}: {key}: unknown key".replace(r"\e", r"\x1b")


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("lerning_rate", "; did you mean learning_rate?"),
        ("batchsize", "; did you mean batch_size?"),
        ("lr", "; did you mean learning_rate?"),
        ("q", ""),
    ],
)
def test_an_unknown_key_has_the_nearest_known_one_beside_it(key: str, near: str) -> None:
    """If any is near."""
    document = {"optimizer": "Adam", "learning_rate": 0.1, key: 1}
    with pytest.raises(UserError) as caught:
        validate(Variant, document, Path("params.yaml"))
    assert f"params.yaml: {key}: unknown key{near}" in str(caught.value).splitlines()
