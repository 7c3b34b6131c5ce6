"""The tables of a review: cause, effect and training. A cell shows a value before and after."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from optledger.analysis.words import (
    converged_after,
    epochs_to,
    further_seeds,
    interval,
    learning_rate,
    signed,
    verdict_at,
)
from optledger.core.errors import printable
from optledger.core.metric import METRICS
from optledger.core.params import Comparison
from optledger.review.effects import Effect, Review
from optledger.review.parameters import value_words


def parameters(review: Review) -> pd.DataFrame:
    """Return a row per parameter that differs, with what it touches."""
    return pd.DataFrame(
        {
            "parameter": [printable(change.key) for change in review.parameters],
            review.base.label: [value_words(change.before) for change in review.parameters],
            review.head.label: [value_words(change.after) for change in review.parameters],
            "touches": [
                change.elsewhere or touched(change.variants, review) for change in review.parameters
            ],
        }
    )


def touched(variants: Sequence[str], review: Review) -> str:
    """Return which variants a change touches, in words."""
    every = {effect.variant for effect in review.effects} | {*review.untouched}
    if len(variants) > 1 and every <= {*variants}:
        return "every variant"
    return ", ".join(variants) or "no variant"


def deciding(effects: Sequence[Effect], rules: Comparison) -> pd.DataFrame:
    """Return a row per variant: the deciding metric, its difference and the verdict."""
    metric = rules.metric
    rows = []
    for effect in effects:
        row = {
            "variant": name(effect),
            metric: "",
            f"difference{METRICS[metric].in_unit}": "",
            "interval": "",
            "verdict": _KIND_WORDS[effect.kind],
            "further seeds": "",
        }
        if effect.kind != "stale":
            row[metric] = _change(*(_figure(side, metric) for side in effect.rows))
        if effect.differences is not None:
            found = effect.decisive
            row[metric] = _means(found)
            row[f"difference{METRICS[metric].in_unit}"] = signed(found["difference"], metric)
            row["interval"] = interval(found, metric)
            row["verdict"] = verdict_at(found, rules)
            if found["verdict"] == "inconclusive":
                row["further seeds"] = further_seeds(found["further_seeds"])
        rows.append(row)
    table = pd.DataFrame(rows)
    return table if table["further seeds"].any() else table.drop(columns="further seeds")


_KIND_WORDS = {
    "changed": "",
    "new": "new",
    "gone": "gone",
    "stale": "not judged",
    "incomparable": "not compared",
}


def others(judged: Sequence[Effect], rules: Comparison) -> pd.DataFrame:
    """Return a row per judged variant and metric, without the deciding metric."""
    rows = []
    for effect in judged:
        assert effect.differences is not None
        for _, found in effect.differences.iloc[1:].iterrows():
            metric = found["metric"]
            known, size = pd.notna(found["difference"]), signed(found["difference"], metric)
            rows.append(
                {
                    "variant": name(effect),
                    "metric": metric,
                    "value": _means(found),
                    "difference": size and f"{size}{METRICS[metric].of_unit}",
                    "interval": interval(found, metric) if known else "",
                    "verdict": verdict_at(found, rules),
                }
            )
    return pd.DataFrame(rows)


def training(effects: Sequence[Effect]) -> pd.DataFrame:
    """Return a row per variant on how training went, for variants that are in both revisions."""
    rows = []
    for effect in effects:
        row = {"variant": name(effect), "learning rate": _both(effect, _rate)}
        for target in _targets(effect):
            row[f"epochs to {target}"] = _both(effect, _epochs_to, target)
        row["converged after"] = _both(effect, _converged)
        row["epochs"] = _both(effect, lambda side: f"{side['epochs']:.3g}")
        row["seeds"] = _both(effect, _seeds)
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


def _both(effect: Effect, cell: Any, *arguments: Any) -> str:
    return _change(*(None if side is None else cell(side, *arguments) for side in effect.rows))


def _targets(effect: Effect) -> list[str]:
    keys = [key for side in effect.rows if side for key in side]
    found = (key.removeprefix(_TARGET) for key in keys if key.startswith(_TARGET))
    return sorted(dict.fromkeys(found), key=float)


_TARGET = "epochs_to_"


def _epochs_to(side: Mapping[str, Any], target: str) -> str:
    if pd.isna(side.get(f"seeds_to_{target}")):
        return ""
    reached, seeds = int(side[f"seeds_to_{target}"]), int(side["seeds"])
    return epochs_to(float(side[f"{_TARGET}{target}"]), reached, seeds)


def _rate(side: Mapping[str, Any]) -> str:
    end = side.get("search_edge")
    seeds = side["seeds"]
    rate = learning_rate(side["learning_rate"], side.get("learning_rate_seeds", seeds), seeds)
    return rate if pd.isna(end) else f"{rate} ({end} tried)"


def _converged(side: Mapping[str, Any]) -> str:
    if pd.isna(side.get("converged_seeds")):
        return ""
    if not side["converged_seeds"]:
        return "not yet"
    return converged_after(side["converged_epoch"], side["converged_seeds"], side["seeds"])


def _seeds(side: Mapping[str, Any]) -> str:
    diverged = int(side["diverged_seeds"])
    return f"{side['seeds']:g}" + (f" ({diverged} diverged)" if diverged else "")


def name(effect: Effect) -> str:
    """Return a variant's name, with its old name if it was renamed."""
    old = effect.renamed_from
    return effect.variant if old is None else f"{effect.variant} (was {old})"


def _means(found: pd.Series) -> str:
    """Return the means that a difference is of."""
    return _change(*(_told(found[each], found["metric"]) for each in ("before", "after")))


def _figure(side: Mapping[str, Any] | None, metric: str) -> str | None:
    return None if side is None else _told(side.get(metric, math.nan), metric)


def _told(value: float, metric: str) -> str:
    return "none" if pd.isna(value) else METRICS[metric].formatted(value)


def _change(before: str | None, after: str | None) -> str:
    if before == after:
        return after or ""
    return " ".join(part for part in (before, "→", after) if part)
