"""params.yaml for another dataset: what has to change with the kind of target, and no more."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ruamel.yaml.error import YAMLError

from optledger.core.documents import parse_yaml
from optledger.core.editing import with_value
from optledger.core.errors import UserError
from optledger.core.metric import METRICS
from optledger.core.paths import PARAMS
from optledger.datasets.kinds import KINDS, AnyTarget, Kind

# Of the deviation of a target, what is taken for a difference that does not matter.
_LITTLE = 0.01

Change = tuple[tuple[str, ...], str]
"""The keys of a value, and the value, in YAML's flow style."""


def use(text: str, name: str, target: AnyTarget) -> tuple[str, list[str]]:
    """Return the text of a params.yaml with another dataset, and what was changed, in lines.

    Args:
        text: of the file.
        name: of the dataset.
        target: what it tells of an item.

    Raises:
        UserError: the file is none that can be changed so.
    """
    before = parse_yaml(text.encode(), str(PARAMS))
    lines = []
    for keys, written in _changes(before, name, target):
        if _at(before, keys) == parse_yaml(written.encode(), str(PARAMS)):
            continue
        try:
            text = with_value(text, keys, written)
            changed = parse_yaml(text.encode(), str(PARAMS))
        except (AssertionError, StopIteration, UserError, YAMLError):
            raise _refused(keys, written) from None
        if _at(changed, keys) != parse_yaml(written.encode(), str(PARAMS)):
            raise _refused(keys, written)
        lines.append(f"{PARAMS}: {'.'.join(keys)}: {written}")
    return text, lines or [f"{PARAMS}: dataset: {name}, as before"]


def _at(document: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _refused(keys: Sequence[str], written: str) -> UserError:
    found = f"{'.'.join(keys)} where it cannot be changed by itself"
    return UserError(f"{PARAMS}: found {found}; allowed: {written} there, by hand")


def _changes(document: Any, name: str, target: AnyTarget) -> Iterator[Change]:
    """Yield what such a target needs; what fits already stays."""
    kind: Kind = KINDS[target.kind]
    yield ("dataset",), name
    sections = {} if not isinstance(document, dict) else document
    comparison = sections.get("comparison") or {}
    is_other = comparison.get("metric") not in kind.METRICS
    if is_other:
        yield ("training", "loss"), kind.LOSS
        yield ("comparison", "metric"), kind.METRICS[0]
        yield ("comparison", "targets"), "[]"
    if is_other or sections.get("dataset") != name:
        margins = comparison.get("margins") or {}
        yield from _margins(kind, target, margins if isinstance(margins, dict) else {})
    if not is_other:
        return
    monitor = str((sections.get("convergence") or {}).get("monitor", "validation_loss"))
    if monitor.partition("_")[2] not in ("loss", kind.SCORE):
        yield ("convergence", "monitor"), "validation_loss"


def _margins(kind: Kind, target: AnyTarget, present: Mapping[str, Any]) -> Iterator[Change]:
    """Yield the margins of metrics of the kind, where those that there are do not do.

    Those that have no usual one are in the unit of the target, and so another one for each.
    """
    deviation = getattr(target, "deviation", 0.0)
    little = float(f"{_LITTLE * deviation:.2g}")
    usual = {name for name, metric in METRICS.items() if metric.margin}
    kept = {name: own for name, own in present.items() if name in usual}
    needed = {name: little for name in kind.METRICS if name not in usual}
    if present and kept.keys() | needed.keys() >= present.keys():
        for name, margin in needed.items():
            yield ("comparison", "margins", name), f"{margin:g}"
    elif needed or kept != dict(present):
        each = ", ".join(f"{name}: {margin:g}" for name, margin in {**kept, **needed}.items())
        yield ("comparison", "margins"), f"{{{each}}}"
