"""A review in words: one sentence, then tables, for a terminal or for a pull request."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from optledger.analysis.comparisons import deciding_first
from optledger.analysis.words import (
    are,
    confidence,
    converged_after,
    epochs_to,
    further_seeds,
    interval,
    listed,
    points_or_nats,
    signed,
)
from optledger.documents import shown
from optledger.review.effects import Effect, Review

MARKER = "<!-- optledger review -->"
"""The first line of a report in Markdown: by it, a later one takes its place."""


def outcome(review: Review) -> str:
    """Return in one sentence what the change did."""
    parts = list(_findings(review))
    if not parts:
        changed = bool(review.parameters or review.inputs)
        return (
            "What changed touches no variant."
            if changed
            else "Nothing differs that results depend on."
        )
    judged = review.of_kind("changed")
    quiet = bool(judged) and not review.with_verdict("worse")
    together = f" for {len(judged)} variants together" if len(judged) > 1 else ""
    scope = f" ({confidence(review.rules)}{together})" if judged else ""
    return f"{'No regression is shown: ' if quiet else ''}{'; '.join(parts)}{scope}."


def _findings(review: Review) -> Iterator[str]:
    metric = review.rules.metric
    for verdict in ("worse", "better"):
        if found := review.with_verdict(verdict):
            yield f"{_with_differences(found, metric)} {_are(found)} {verdict} in {metric}"
    if found := review.with_verdict("equivalent"):
        margin = points_or_nats(getattr(review.rules.margins, metric), metric)
        yield f"{_with_differences(found, metric)} {_are(found)} equivalent, within {margin}"
    if found := review.with_verdict("inconclusive"):
        yield f"for {_with_differences(found, metric)} the noise leaves it open"
    for effect in review.effects:
        more = _diverged(effect.after) - _diverged(effect.before)
        if more > 0 and effect.before is not None:
            yield f"{more} more of {effect.variant}'s seeds diverged"
    if found := review.of_kind("same"):
        every = len(found) == len(review.effects)
        yield "every figure is the same" if every else f"{_names(found)} came out the same"
    if found := review.of_kind("incomparable"):
        yield f"{_names(found)} cannot be compared, as the test split is another one"
    if found := review.of_kind("stale"):
        yield f"{_names(found)} {_are(found)} not judged, as results are not of what is there"
    if found := review.of_kind("new"):
        yield f"{_names(found)} {_are(found)} new"
    if found := review.of_kind("gone"):
        yield f"{_names(found)} {_are(found)} gone"


def terminal(review: Review) -> str:
    """Return the review as a terminal shows it."""
    return "\n\n".join(
        part if isinstance(part, str) else _table(part, "simple")
        for part in (*_decision(review), *_details(review), *_notes(review))
    )


def markdown(review: Review) -> str:
    """Return the review as Markdown, for a comment."""
    answer, *decision = _in_markdown(_decision(review))
    details = _in_markdown(_details(review))
    if details:
        summary = "<details><summary>Other metrics, and how training went</summary>"
        details = [summary, *details, "</details>"]
    notes = _in_markdown(_notes(review))
    return "\n\n".join([MARKER, f"**{answer}**", *decision, *details, *notes])


def _in_markdown(parts: Iterable[str | pd.DataFrame]) -> list[str]:
    return [part if isinstance(part, str) else _table(part.map(_escaped), "pipe") for part in parts]


def _decision(review: Review) -> Iterator[str | pd.DataFrame]:
    """Yield what one decides by: the answer, the cause, the effect."""
    yield outcome(review)
    if review.parameters:
        yield _parameters(review)
    yield from _inputs(review)
    if review.effects:
        yield _deciding(review)
    yield from stale(review)


def _details(review: Review) -> Iterator[pd.DataFrame]:
    if judged := review.of_kind("changed"):
        yield _others(judged, review)
    in_both = [each for each in review.effects if each.kind != "stale" and all(_sides(each))]
    if in_both:
        yield _training(in_both)


def stale(review: Review) -> list[str]:
    """Return a line for each revision whose results are not of what is there, and the command."""
    lines = []
    for revision in (review.base, review.head):
        own = [
            reason.removeprefix(f"{revision.name}: ")
            for effect in review.of_kind("stale")
            for reason in effect.why
            if reason.startswith(f"{revision.name}: ")
        ]
        # Who leads is told by a later stage.
        if reasons := list(dict.fromkeys(own)) or list(revision.stale.get("compare", ())):
            lines.append(
                f"The results of {revision.label} are not of its {_some(reasons)}, as its dvc.lock "
                "tells: run dvc repro there, and commit what that changes."
            )
    return lines


def _some(paths: Sequence[str]) -> str:
    """Return paths as a sentence has them, not too many."""
    if len(paths) <= _MOST:
        return listed(paths)
    return f"{', '.join(paths[:_MOST])} and {len(paths) - _MOST} more"


_MOST = 6


def _parameters(review: Review) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "parameter": [change.key for change in review.parameters],
            review.base.label: [_value(change.before) for change in review.parameters],
            review.head.label: [_value(change.after) for change in review.parameters],
            "touches": [
                change.elsewhere or _touched(change.variants, review)
                for change in review.parameters
            ],
        }
    )


def _value(value: object) -> str:
    text = value if isinstance(value, str) else shown(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


_WIDEST = 40


def _touched(variants: Sequence[str], review: Review) -> str:
    every = {effect.variant for effect in review.effects} | {*review.untouched}
    if len(variants) > 1 and every <= {*variants}:
        return "every variant"
    return ", ".join(variants) or "no variant"


_KINDS = {"code": "Code", "packages": "Pinned packages", "data": "Data"}


def _inputs(review: Review) -> Iterator[str]:
    for touches in dict.fromkeys(change.touches for change in review.inputs):
        paths = [change.path for change in review.inputs if change.touches == touches]
        kinds = {change.kind for change in review.inputs if change.touches == touches}
        what = listed([_KINDS[kind] for kind in _KINDS if kind in kinds])
        yield f"{what} changed, which touches {touches}: {_some(paths)}."


def _deciding(review: Review) -> pd.DataFrame:
    metric = review.rules.metric
    rows = []
    for effect in review.effects:
        row = {
            "variant": _name(effect),
            metric: "",
            f"difference in {_unit(metric)}": "",
            "interval": "",
            "verdict": _KIND_WORDS[effect.kind],
            "further seeds": "",
        }
        if effect.kind != "stale":
            row[metric] = _change(*(_figure(side, metric) for side in _sides(effect)))
        if effect.differences is not None:
            found = effect.differences.iloc[0]
            row[f"difference in {_unit(metric)}"] = signed(found["difference"], metric)
            row["interval"] = interval(found, metric)
            row["verdict"] = f"{found['verdict']}"
            if found["verdict"] == "inconclusive":
                row["further seeds"] = further_seeds(found["further_seeds"])
        rows.append(row)
    table = pd.DataFrame(rows)
    return table if table["further seeds"].any() else table.drop(columns="further seeds")


_KIND_WORDS = {
    "changed": "",
    "same": "the same",
    "new": "new",
    "gone": "gone",
    "stale": "not judged",
    "incomparable": "not compared",
}


def _others(judged: Sequence[Effect], review: Review) -> pd.DataFrame:
    metrics = deciding_first(review.rules)[1:]
    table = pd.DataFrame({"variant": [_name(effect) for effect in judged]})
    for metric in metrics:
        cells = []
        for effect in judged:
            assert effect.differences is not None
            found = effect.differences.set_index("metric").loc[metric]
            figures = _change(*(_figure(side, metric) for side in _sides(effect)))
            cells.append(f"{figures}: {found['verdict']}")
        table[metric] = cells
    return table


def _training(effects: Sequence[Effect]) -> pd.DataFrame:
    """Return how training went, of variants that are in both revisions."""
    rows = []
    for effect in effects:
        row = {"variant": _name(effect), "learning rate": _both(effect, _rate)}
        for target in _targets(effect):
            row[f"epochs to {target}"] = _both(effect, _epochs_to, target)
        row["converged after"] = _both(effect, _converged)
        row["epochs"] = _both(effect, lambda side: f"{side['epochs']:.3g}")
        row["seeds"] = _both(effect, _seeds)
        rows.append(row)
    return pd.DataFrame(rows).fillna("")


def _both(effect: Effect, cell: Any, *arguments: Any) -> str:
    return _change(*(None if side is None else cell(side, *arguments) for side in _sides(effect)))


def _targets(effect: Effect) -> list[str]:
    keys = [key for side in _sides(effect) if side for key in side]
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
    return f"{side['learning_rate']:g}" + ("" if pd.isna(end) else f" ({end} tried)")


def _converged(side: Mapping[str, Any]) -> str:
    if pd.isna(side.get("converged_epoch")):
        return ""
    return converged_after(side["converged_epoch"], side["converged_seeds"], side["seeds"])


def _seeds(side: Mapping[str, Any]) -> str:
    diverged = _diverged(side)
    return f"{side['seeds']}" + (f" ({diverged} diverged)" if diverged else "")


def _diverged(side: Mapping[str, Any] | None) -> int:
    return 0 if side is None else int(side["diverged_seeds"])


def _leaders(review: Review) -> Iterator[str]:
    """Tell who leads, and who the champion is, in both revisions."""
    before, after = review.base, review.head
    if before.leading is not None and after.leading is not None:
        yield _was("leading group", before.leading, after.leading)
    if before.champion or after.champion:
        champions = ([each.champion] if each.champion else [] for each in (before, after))
        yield _was("champion", *champions)


def _was(what: str, before: Sequence[str], after: Sequence[str]) -> str:
    was, now = (listed(names) if names else "nobody" for names in (before, after))
    if {*before} == {*after}:
        return f"The {what} is still {now}."
    return f"The {what} was {was}; now it is {now}."


def _notes(review: Review) -> Iterator[str]:
    """Yield who leads, what is as it was, and how it was judged."""
    rules, base = review.rules, review.base
    if review.effects and not stale(review):
        yield from _leaders(review)
    if review.untouched:
        yield f"Not touched: {listed(review.untouched)}."
    if review.of_kind("incomparable"):
        yield (
            "The test split differs, and figures on other images are no comparison; what each "
            "revision says of itself stands in its leaderboard."
        )
    if unexplained := review.unexplained:
        yield (
            f"No parameter, code or data explains the figures of {_names(unexplained)}: they may "
            "be from another kind of processor, or of results that someone changed."
        )
    if judged := review.of_kind("changed"):
        margin = points_or_nats(getattr(rules.margins, rules.metric), rules.metric)
        together = f", of {len(judged)} variants together" if len(judged) > 1 else ""
        sources = [_of_noise(each) for each in judged]
        yield (
            f"Judged by the rules of {base.label}: {rules.metric}, {confidence(rules)}{together}, "
            f"a margin of {margin}; with the noise of {'; '.join(dict.fromkeys(sources))}."
        )
    if review.missing:
        yield f"Not in DVC's cache here: {listed(list(review.missing))}."
    if open_ := review.with_verdict("inconclusive"):
        yield from _advice(open_)
    if review.behind:
        commits = "a commit" if review.behind == 1 else f"{review.behind} commits"
        yield (
            f"{base.name} has {commits} that {review.head.name} has not, which this review shows "
            f"undone: merge {base.name} first, or review against what both started from "
            f"(git merge-base {base.name} {_as_in_git(review)})."
        )


def _of_noise(effect: Effect) -> str:
    assert effect.differences is not None
    return {
        "seeds and images": "other seeds and other test images",
        "seeds": "other seeds, on this test set",
        "images": "other test images, for these two models: one seed each",
    }[effect.differences["noise"].iloc[0]]


def _advice(effects: Sequence[Effect]) -> Iterator[str]:
    """Tell how many seeds would decide."""
    for effect in effects:
        assert effect.differences is not None
        needed = effect.differences["further_seeds"].iloc[0]
        if pd.isna(needed):
            yield f"{effect.variant}: one seed does not tell how far seeds spread; take more."
        elif needed == float("inf"):
            yield f"{effect.variant}: no number of seeds would decide; more test images would."
        else:
            fewer = min(int(side["seeds"]) for side in _sides(effect) if side)
            yield (
                f"{effect.variant}: {fewer + needed:g} seeds in each revision would decide, with a "
                "power of 80 %, if difference and spread are what they seem."
            )


def _as_in_git(review: Review) -> str:
    return "HEAD" if review.head.commit is None else review.head.name


def _with_differences(effects: Sequence[Effect], metric: str) -> str:
    """Return names with their differences and intervals."""
    words = []
    for effect in effects:
        assert effect.differences is not None
        found = effect.differences.iloc[0]
        size = signed(found["difference"], metric)
        ends = f"; {interval(found, metric)}" if size else ""
        words.append(f"{effect.variant} ({size or 'unknown'} {_unit(metric)}{ends})")
    return listed(words)


def _names(effects: Sequence[Effect]) -> str:
    return listed([_name(effect) for effect in effects])


def _are(effects: Sequence[Effect]) -> str:
    return are([effect.variant for effect in effects])


def _name(effect: Effect) -> str:
    old = effect.renamed_from
    return effect.variant if old is None else f"{effect.variant} (was {old})"


def _unit(metric: str) -> str:
    return "nats" if metric == "loss" else "points"


def _sides(effect: Effect) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
    return effect.before, effect.after


def _figure(side: Mapping[str, Any] | None, metric: str) -> str | None:
    if side is None:
        return None
    return "none" if pd.isna(side[metric]) else f"{side[metric]:.4f}"


def _change(before: str | None, after: str | None) -> str:
    if before == after:
        return after or ""
    return " ".join(part for part in (before, "→", after) if part)


def _escaped(cell: object) -> str:
    return str(cell).replace("|", "\\|")


def _table(table: pd.DataFrame, style: str) -> str:
    return str(table.to_markdown(index=False, disable_numparse=True, tablefmt=style))
