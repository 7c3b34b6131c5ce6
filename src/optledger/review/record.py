"""A review as a JSON document, for programs."""

from collections.abc import Mapping
from numbers import Integral
from typing import Any

import pandas as pd

from optledger.core.formats import rounded
from optledger.review.effects import Effect, Review
from optledger.review.report import outcome
from optledger.review.revision import Revision


def record(review: Review) -> dict[str, Any]:
    """Return everything that a review says; unknown and infinite numbers are null."""
    return {
        "outcome": outcome(review),
        "verdicts": {effect.variant: effect.verdict or effect.kind for effect in review.effects},
        "base": _revision(review.base),
        "head": _revision(review.head),
        "rules": review.rules.model_dump(mode="json"),
        "parameters": [change.record() for change in review.parameters],
        "inputs": [
            {
                "path": change.path,
                "kind": change.kind,
                "variants": list(change.variants),
                "elsewhere": change.elsewhere,
            }
            for change in review.inputs
        ],
        "effects": [_effect(effect) for effect in review.effects],
        "untouched": list(review.untouched),
        "stale": [
            {"revision": revision.name, "not_run_since": list(reasons)}
            for revision, reasons in review.stale
        ],
        "diverging": [effect.variant for effect in review.diverging],
        "not_in_cache": list(review.missing),
        "commits_behind": review.history.behind,
        "uncommitted": list(review.history.uncommitted),
    }


def _revision(revision: Revision) -> dict[str, Any]:
    return {
        "name": revision.name,
        "commit": revision.commit,
        "leading": revision.leading,
        "champion": next(iter(revision.champions or []), None),
    }


def _effect(effect: Effect) -> dict[str, Any]:
    differences = [] if effect.differences is None else effect.differences.to_dict("records")
    return {
        "variant": effect.variant,
        "renamed_from": effect.renamed_from,
        "kind": effect.kind,
        "verdict": effect.verdict,
        "before": _plain(effect.before),
        "after": _plain(effect.after),
        "differences": [_plain(row) for row in differences],
    }


def _plain(row: Mapping[Any, Any] | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {str(key): _number(value) for key, value in row.items()}


def _number(value: Any) -> Any:
    if isinstance(value, str):
        return value
    if isinstance(value, Integral):
        return int(value)
    return None if pd.isna(value) else rounded(float(value))
