"""The parameters that two revisions differ in, and which variants each of them touches."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from optledger.core.documents import differences
from optledger.core.params import inheriting

Document = Mapping[str, Any]
"""params.yaml as it stands: also of a revision whose schema was another one."""


@dataclass(frozen=True)
class ParameterChange:
    """A key of params.yaml with another value.

    Attributes:
        key: dotted.
        before: its value; None where there is none.
        after: likewise.
        variants: those it touches.
        elsewhere: what else it touches, in words; empty where that is nothing.
    """

    key: str
    before: Any
    after: Any
    variants: tuple[str, ...]
    elsewhere: str = ""


def parameter_changes(before: Document, after: Document) -> list[ParameterChange]:
    """Return every key of two revisions' params.yaml that differs, by section.

    Order, comments and the way a number is written are no differences.
    """
    return [
        ParameterChange(key, old, new, tuple(_touched(key, before, after)), _elsewhere(key))
        for key, old, new in differences(before, after)
    ]


def variants_of(document: Document) -> list[str]:
    """Return the names of a revision's variants, sorted."""
    return sorted(map(str, _section(document, "variants")))


def resolved(document: Document, variant: str) -> Document | None:
    """Return a variant with the model and the defaults that it keeps; None if there is none."""
    own = _section(document, "variants").get(variant)
    if not isinstance(own, dict):
        return None
    found: Document = inheriting(document.get("model"), _section(document, "training"), own)
    return found


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
    """Whether two resolved variants differ in a field; or at all, where one is missing."""
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


def _section(document: Document, name: str) -> Document:
    section = document.get(name)
    return section if isinstance(section, Mapping) else {}
