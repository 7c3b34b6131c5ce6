"""The parameters in which two revisions differ, and the variants that each of them touches."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from optledger.core.documents import differences, shown
from optledger.core.params import inheriting

Document = Mapping[str, Any]
"""params.yaml as it was parsed, without a schema, as older revisions may have had another one."""


@dataclass(frozen=True)
class ParameterChange:
    """A key of params.yaml whose value differs.

    Attributes:
        key: the key with its sections, joined by dots.
        before: the old value; None if there is none.
        after: the new value; None if there is none.
        variants: the names of the variants that it touches.
        elsewhere: what else it touches, in words; empty if there is nothing.
    """

    key: str
    before: Any
    after: Any
    variants: tuple[str, ...]
    elsewhere: str = ""

    def record(self) -> dict[str, Any]:
        """Return the change as a mapping that JSON can hold."""
        return {
            "key": self.key,
            "before": _plain(self.before),
            "after": _plain(self.after),
            "variants": list(self.variants),
            "elsewhere": self.elsewhere,
        }


def parameter_changes(before: Document, after: Document) -> list[ParameterChange]:
    """Return every key that differs between two revisions' params.yaml, sorted by section.

    The order of keys, comments and the way a number is written make no difference.
    """
    return [
        ParameterChange(key, old, new, tuple(_touched(key, before, after)), _elsewhere(key))
        for key, old, new in differences(before, after)
    ]


def value_words(value: object) -> str:
    """Return the value of a parameter as the text of a cell, cut short if it is long."""
    text = " ".join(value.split()) if isinstance(value, str) else shown(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


_WIDEST = 40


def variants_of(document: Document) -> list[str]:
    """Return the names of a revision's variants, sorted."""
    return sorted(map(str, _section(document, "variants")))


def resolved(document: Document, variant: str) -> Document | None:
    """Return a variant with the model and defaults that it inherits; None if it does not exist."""
    own = _section(document, "variants").get(variant)
    if not isinstance(own, dict):
        return None
    found: Document = inheriting(document.get("model"), _section(document, "training"), own)
    return found


def pairs(before: Document, after: Document) -> Iterator[tuple[str | None, str | None]]:
    """Yield each variant's name in both revisions; None for the one that does not have it.

    A variant counts as renamed if everything but its name is the same.
    """
    old_names, new_names = variants_of(before), variants_of(after)
    gone = [name for name in old_names if name not in new_names]
    for name in new_names:
        if name in old_names:
            yield name, name
            continue
        wanted = resolved(after, name)
        old = next((each for each in gone if resolved(before, each) == wanted), None)
        if old is not None:
            gone.remove(old)
        yield old, name
    for name in gone:
        yield name, None


def _touched(key: str, before: Document, after: Document) -> Iterator[str]:
    section, _, rest = key.partition(".")
    name, _, own = rest.partition(".")
    for variant in sorted({*variants_of(before), *variants_of(after)}):
        pair = resolved(before, variant), resolved(after, variant)
        match section:
            case "comparison" | "convergence" | "cases":
                touched = False
            case "variants":
                field = own.partition(".")[0]
                touched = variant == name and _differ(*pair, field)
            case "training":
                touched = None not in pair and _differ(*pair, name)
            case "model":
                touched = None not in pair and _differ(*pair, "model")
            case "search":
                touched = any(each is not None and _is_searched(each) for each in pair)
            case _:
                touched = True
        if touched:
            yield variant


def _differ(before: Document | None, after: Document | None, field: str) -> bool:
    """Whether two resolved variants differ in a field.

    If one of them is missing, or no field is named, the whole variants are compared.
    """
    if before is None or after is None or not field:
        return before != after
    return bool(before.get(field) != after.get(field))


def _is_searched(variant: Document) -> bool:
    return not isinstance(variant.get("learning_rate"), int | float)


def _elsewhere(key: str) -> str:
    section, _, rest = key.partition(".")
    match section:
        case "comparison":
            return "how variants are compared"
        case "convergence":
            return "when a seed has converged"
        case "cases":
            return f"the case {rest.partition('.')[0]}" if rest else "the cases"
    return ""


def _plain(value: Any) -> Any:
    """Return a value of params.yaml that JSON can hold; what JSON lacks becomes text."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if isinstance(value, bool | int | float | str | None) else str(value)


def _section(document: Document, name: str) -> Document:
    section = document.get(name)
    return section if isinstance(section, Mapping) else {}
