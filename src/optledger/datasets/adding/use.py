"""params.yaml for another dataset: what has to change with the kind of target, and no more."""

from collections.abc import Iterator
from typing import Any

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
        found: Any = before
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        if found == parse_yaml(written.encode(), str(PARAMS)):
            continue
        try:
            text = with_value(text, keys, written)
        except (AssertionError, StopIteration):
            allowed = f"a section {keys[0]}, as README.md shows it"
            raise UserError(f"{PARAMS}: found none to change; allowed: {allowed}") from None
        lines.append(f"{PARAMS}: {'.'.join(keys)}: {written}")
    return text, lines or [f"{PARAMS}: dataset: {name}, as before"]


def _changes(document: Any, name: str, target: AnyTarget) -> Iterator[Change]:
    """Yield what such a target needs; what fits already stays."""
    kind: Kind = KINDS[target.kind]
    yield ("dataset",), name
    sections = {} if not isinstance(document, dict) else document
    comparison = sections.get("comparison") or {}
    metric = comparison.get("metric")
    if metric in kind.METRICS:
        return
    yield ("training", "loss"), kind.LOSS
    yield ("comparison", "metric"), kind.METRICS[0]
    yield ("comparison", "targets"), "[]"
    if margins := _margins(kind, target):
        yield ("comparison", "margins"), margins
    monitor = (sections.get("convergence") or {}).get("monitor", "")
    if not str(monitor).endswith(("_loss", kind.SCORE)):
        yield ("convergence", "monitor"), "validation_loss"


def _margins(kind: Kind, target: AnyTarget) -> str:
    """Return the margins of metrics that have no usual one, as these are in the target's unit."""
    deviation = getattr(target, "deviation", 0.0)
    needed = [name for name in kind.METRICS if not METRICS[name].margin]
    each = [f"{name}: {float(f'{_LITTLE * deviation:.2g}'):g}" for name in needed]
    return f"{{{', '.join(each)}}}" if each else ""
