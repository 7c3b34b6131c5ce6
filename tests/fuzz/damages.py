"""What becomes of files and words: strategies for everything that was never meant to be read."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st
from ruamel.yaml import YAML

# As they stand in a document: odd values, kinds of values, and what only looks like one.
_SNIPPETS = [
    *("no", "~", "null", "''", '" "', "-0.0", "1e999", ".nan", "-.inf", "1e-320", "0x1F", "0o17"),
    *("1_000", "190:20:30", "2026-01-01", "2026-13-45", "2026-01-01 99:99:99", "9007199254740993"),
    *("!!int 0.01", "!!int ''", "!!float x", "!!bool maybe", "!!null x", "!!binary aGk=", "!foo 1"),
    *("!!set {x}", "!!omap [x: 1]", "!!python/name:os.system 1", "!!str 3", "!!timestamp x"),
    *(r'"\U7fffffff"', r'"\ud800"', r'"\e[31m"', r'"a\nb"', r'"\u202e"', r'"\0"', r'"\x85"'),
    *("&a [*a]", "*missing", "&a {b: &b 1, c: *b}", "{<<: 3}", "{<<: {a: 1}}", "{? [1]: 2}"),
    *("'9'", "9" * 5000, f"0x{'f' * 5000}", "[" * 50 + "]" * 50, "{a: " * 50 + "1" + "}" * 50),
    *("'${variants}'", "'${'", "'../../etc'", "'/'", "'~'", "'a/b'", "'a.b'", "'NUL'", "'é'"),
    *("[]", "{}", "[[]]", "[{}]", "{'': 1}", "{1: 2}", "{null: 1}", "{true: 1}", "{a: 1, a: 2}"),
    *("true", "0", "1", "-1", "2", "1.0", "0.5", "1.5", "0.1", "1e-3", "100", "1000000", "full"),
]

_NUMBERS = st.integers() | st.floats() | st.integers(-3, 300)

snippets = (
    st.sampled_from(_SNIPPETS)
    | _NUMBERS.map(repr)
    | st.text(max_size=8).map(json.dumps)
    | st.lists(st.sampled_from(_SNIPPETS), max_size=3).map(lambda them: f"[{', '.join(them)}]")
    | st.lists(st.sampled_from(_SNIPPETS), max_size=2).map(
        lambda them: f"{{x: {'}, {'.join(them)}}}"
    )
)
"""A value as it stands in a YAML document."""

_TOKENS = [
    *(b"", b"\n", b"\r\n", b"\r", b"\t", b"\0", b"\xff", b"\xc3", b"\xef\xbb\xbf", b"\x1b[31m"),
    *(
        b": ",
        b"- ",
        b"&a ",
        b"*a",
        b"!!int ",
        b"? ",
        b"{",
        b"}",
        b"[",
        b"]",
        b"'",
        b'"',
        b"#",
        b"%",
    ),
    *(b",", b",,", b"nan", b"inf", b"-inf", b"1e999", b"-1", b"0", b"9" * 40, "\u202e".encode()),
    *(b"---\n", b"...\n", b"<<<<<<< HEAD\n", b"=======\n", b">>>>>>> other\n", b"${x}", b"../"),
]

_ENCODINGS = ("utf-16", "utf-32", "utf-8-sig")


def damaged(content: bytes) -> st.SearchStrategy[bytes]:
    """Return what a file may have become: cut, merged, overwritten, of another encoding."""
    return st.lists(_damage(), min_size=1, max_size=2).map(lambda them: _after(content, them))


def mutated(document: bytes) -> st.SearchStrategy[bytes]:
    """Return a YAML document with values replaced, and keys removed, renamed or doubled."""
    tree = YAML(typ="safe", pure=True).load(document)
    changes = st.tuples(st.floats(0, 1), st.sampled_from(_CHANGES), snippets)
    return st.lists(changes, min_size=1, max_size=2).map(lambda them: _changed(tree, them))


def documents(document: bytes) -> st.SearchStrategy[bytes]:
    """Return anything that a YAML document may have become, and what never was one."""
    never = st.binary(max_size=60) | st.text(max_size=60).map(lambda text: _encoded(text, "utf-8"))
    return (
        mutated(document) | mutated(document) | damaged(document) | never | snippets.map(str.encode)
    )


Damage = Callable[[bytes], bytes]


def _damage() -> st.SearchStrategy[Damage]:
    place = st.floats(0, 1)
    return st.one_of(
        st.builds(_cut, place),
        st.builds(_overwritten, place, st.integers(0, 12), st.sampled_from(_TOKENS)),
        st.builds(_overwritten, place, st.integers(0, 12), st.binary(max_size=4)),
        st.builds(_lines, place, place, st.sampled_from(["double", "remove", "swap", "merge"])),
        st.builds(_cell, place, place, st.sampled_from(_TOKENS)),
        st.builds(_conflict, place, place),
        st.sampled_from(_ENCODINGS).map(
            lambda encoding: lambda content: _recoded(content, encoding)
        ),
        st.just(lambda content: content.replace(b"\n", b"\r\n")),
    )


def _after(content: bytes, damages: list[Damage]) -> bytes:
    for damage in damages:
        content = damage(content)
    return content


def _cut(place: float) -> Damage:
    return lambda content: content[: int(place * len(content))]


def _overwritten(place: float, length: int, token: bytes) -> Damage:
    def damage(content: bytes) -> bytes:
        start = int(place * len(content))
        return content[:start] + token + content[start + length :]

    return damage


def _lines(first: float, second: float, kind: str) -> Damage:
    def damage(content: bytes) -> bytes:
        lines = content.split(b"\n")
        one, other = (int(place * (len(lines) - 1)) for place in (first, second))
        match kind:
            case "double":
                lines.insert(other, lines[one])
            case "remove":
                del lines[one]
            case "swap":
                lines[one], lines[other] = lines[other], lines[one]
            case _:
                lines[one : one + 2] = [b" ".join(lines[one : one + 2])]
        return b"\n".join(lines)

    return damage


def _cell(first: float, second: float, token: bytes) -> Damage:
    def damage(content: bytes) -> bytes:
        lines = content.split(b"\n")
        row = int(first * (len(lines) - 1))
        cells = lines[row].split(b",")
        cells[int(second * (len(cells) - 1))] = token
        lines[row] = b",".join(cells)
        return b"\n".join(lines)

    return damage


def _conflict(first: float, second: float) -> Damage:
    def damage(content: bytes) -> bytes:
        lines = content.split(b"\n")
        start, end = sorted(int(place * len(lines)) for place in (first, second))
        sides = [b"<<<<<<< HEAD", *lines[start:end], b"=======", *lines[start:end], b">>>>>>> b"]
        return b"\n".join([*lines[:start], *sides, *lines[end:]])

    return damage


def _recoded(content: bytes, encoding: str) -> bytes:
    return _encoded(content.decode(errors="replace"), encoding)


def _encoded(text: str, encoding: str) -> bytes:
    return text.encode(encoding, "replace")


_CHANGES = ("replace", "replace", "replace", "remove", "rename", "double", "add")


def _changed(tree: Any, changes: list[tuple[float, str, str]]) -> bytes:
    """Return the tree in flow style, which JSON nearly is, with texts of its own for the odd."""
    tree, raw = json.loads(json.dumps(tree)), {}
    for number, (place, change, snippet) in enumerate(changes):
        marks = [f"\ue000{number}{end}" for end in "kv"]
        places = list(_places(tree))
        if not places:
            break
        parent, key = places[int(place * (len(places) - 1))]
        match change, parent:
            case "replace", _:
                parent[key] = marks[1]
            case "remove", _:
                del parent[key]
            case "rename", dict():
                parent[marks[0]] = parent.pop(key)
            case "double", dict():
                parent[marks[0]], snippet = parent[key], json.dumps(key)
            case _, dict():
                parent[marks[0]] = marks[1]
            case _:
                parent.append(marks[1])
        raw |= {json.dumps(mark, ensure_ascii=False): snippet for mark in marks}
    text = json.dumps(tree, ensure_ascii=False)
    for mark, snippet in raw.items():
        text = text.replace(mark, snippet)
    return text.encode(errors="replace")


def _places(tree: Any) -> Any:
    """Yield each mapping or list with each key or index in it."""
    keys = list(tree) if isinstance(tree, dict) else range(len(tree))
    for key in keys:
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from _places(tree[key])


words = (
    st.sampled_from(
        [
            *("", " ", "-", "--", "-h", "--help", "--no", "--json", "--markdown", "--restore"),
            *(
                "--power",
                "--power=2",
                "--power=0.9",
                "--difference",
                "--difference=nan",
                "--replace",
            ),
            *(
                "--difference=1e-9",
                "--fail-on",
                "--fail-on=worse",
                "worse",
                "diverged",
                "adam",
                "gd",
            ),
            *("HEAD", "HEAD~1", "HEAD^{tree}", "HEAD:params.yaml", "@", "@{-1}", "main", "--all"),
            *(
                "workspace",
                "..",
                "HEAD..HEAD",
                ":/",
                "0" * 40,
                "refs/heads/main",
                "-n1",
                "main.lock",
            ),
            *(
                "a/b",
                "/",
                "/dev/null",
                "/proc/self",
                ".",
                "~",
                "params.yaml",
                "build/x\ny",
                "a" * 300,
            ),
            *(
                "\x1b[31m",
                "\u202e",
                "\udcff",
                "é",
                "\n",
                "'",
                '"',
                "$(id)",
                "%s",
                "{}",
                "NaN",
                "inf",
            ),
            *("0", "-1", "1e999", "0x1", "1_0", "½", "٤"),
        ]
    )
    | _NUMBERS.map(str)
    | st.text(max_size=6).map(lambda text: text.replace("\0", ""))
)
"""What is typed, or set as a variable."""
