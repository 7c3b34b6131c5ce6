"""Changes of params.yaml for another dataset: only what its target requires."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ruamel.yaml.error import YAMLError

from optledger.core.documents import parse_yaml
from optledger.core.editing import with_value
from optledger.core.errors import UserError
from optledger.core.metric import METRICS
from optledger.core.paths import PARAMS
from optledger.datasets.kinds import KINDS, AnyTarget, Kind

# A difference of this share of a target's standard deviation counts as negligible.
_LITTLE = 0.01

Change = tuple[tuple[str, ...], str]
"""The keys that lead to a value, and the value in YAML's flow style."""


def use(text: str, name: str, target: AnyTarget) -> tuple[str, list[str]]:
    """Return the text of params.yaml for another dataset, and a report of the changes.

    Args:
        text: the content of params.yaml.
        name: the name of the dataset.
        target: the target of the dataset.

    Returns:
        The new text, and a line for each change, or one line that says that there is none.

    Raises:
        UserError: a value cannot be changed automatically.
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
    problem = "cannot be changed by itself as it is written"
    return UserError(f"{PARAMS}: {'.'.join(keys)}: {problem}; set it to {written} by hand")


def _changes(document: Any, name: str, target: AnyTarget) -> Iterator[Change]:
    """Yield the changes that the dataset and its target need; settings that fit are kept."""
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
    """Yield the changes of the margins, where the present ones do not fit the target.

    Metrics without a usual margin are in the unit of the target. Their margins are a share of its
    deviation, so each target has its own.
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
