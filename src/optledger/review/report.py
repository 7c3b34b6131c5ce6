"""A review in words: one sentence, then tables, for a terminal or for a pull request."""

from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from optledger.analysis.words import (
    are,
    confidence,
    interval,
    listed,
    points_or_nats,
    signed,
)
from optledger.review.effects import Effect, Review
from optledger.review.tables import (
    deciding,
    name,
    others,
    parameters,
    training,
    unit,
)

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
    quiet = bool(judged) and not review.shown
    together = f" for {len(judged)} variants together" if len(judged) > 1 else ""
    scope = f", with {confidence(review.rules)}{together}" if judged else ""
    return f"{'No regression is shown: ' if quiet else ''}{'; '.join(parts)}{scope}."


def _findings(review: Review) -> Iterator[str]:
    metric = review.rules.metric
    for effect in review.diverging:
        assert effect.after is not None
        diverged, seeds = effect.after["diverged_seeds"], effect.after["seeds"]
        yield f"{diverged:g} of {seeds:g} seeds of {name(effect)} diverge, which none did before"
    for verdict in ("worse", "better"):
        if found := review.with_verdict(verdict):
            yield _claim(found, f"{verdict} in {metric}", metric)
    if found := review.with_verdict("equivalent"):
        margin = points_or_nats(getattr(review.rules.margins, metric), metric)
        yield _claim(found, f"equivalent within {margin}", metric)
    if found := review.with_verdict("inconclusive"):
        yield _claim(found, "within the noise, inconclusive", metric)
    if found := review.of_kind("same"):
        every = len(found) == len(review.effects)
        yield "Every figure is the same" if every else f"{_names(found)} came out the same"
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
        yield parameters(review)
    yield from _inputs(review)
    if other := [effect for effect in review.effects if effect.kind != "same"]:
        yield deciding(other, review.rules.metric)
    yield from stale(review)


def _details(review: Review) -> Iterator[pd.DataFrame]:
    if judged := review.of_kind("changed"):
        yield others(judged, review)
    if in_both := [*review.of_kind("changed"), *review.of_kind("incomparable")]:
        yield training(in_both)


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


_KINDS = {"data": "data", "packages": "pinned packages", "code": "code"}


def _inputs(review: Review) -> Iterator[str]:
    for touches in sorted({change.touches for change in review.inputs}):
        paths = [change.path for change in review.inputs if change.touches == touches]
        kinds = {change.kind for change in review.inputs if change.touches == touches}
        what = listed([_KINDS[kind] for kind in _KINDS if kind in kinds])
        yield f"{what.capitalize()} changed, which touches {touches}: {_some(paths)}."


def _leaders(review: Review) -> Iterator[str]:
    """Tell who leads, and who the champion is, in both revisions."""
    before, after = review.base, review.head
    if before.leading is not None and after.leading is not None:
        by_noise = not review.shown
        yield _was("leading group", before.leading, after.leading, by_noise)
    if before.champion or after.champion:
        was, now = ([each.champion] if each.champion else [] for each in (before, after))
        yield _was("champion", was, now, by_noise=False)


def _was(what: str, before: Sequence[str], after: Sequence[str], by_noise: bool) -> str:
    was, now = (listed(names) if names else "nobody" for names in (before, after))
    if {*before} == {*after}:
        return f"The {what} is still {now}."
    why = ", which noise alone can do" if by_noise else ""
    return f"The {what} was {was}; now it is {now}{why}."


def _notes(review: Review) -> Iterator[str]:
    """Yield who leads, what is as it was, and how it was judged."""
    rules, base = review.rules, review.base
    if review.effects and not stale(review):
        yield from _leaders(review)
    if same := review.of_kind("same"):
        yield f"Trained anew, and the same figure by figure: {_names(same)}."
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
        together = f" for {len(judged)} variants together" if len(judged) > 1 else ""
        sources = "; ".join(dict.fromkeys(map(_noise, judged)))
        alpha = 100 * (1 - rules.confidence) / len(judged)
        yield (
            f"Judged by the rules of {base.label}: {rules.metric}, {confidence(rules)}{together}, "
            f"a margin of {margin}. Intervals are for {sources}. Better and worse: the interval "
            f"that is printed, of {100 - alpha:.4g} %, excludes 0. Equivalent: a narrower one, of "
            f"{100 - 2 * alpha:.4g} %, lies within the margin."
        )
    if review.missing:
        yield f"Not in DVC's cache here: {listed(list(review.missing))}."
    if open_ := review.with_verdict("inconclusive"):
        yield from _advice(open_)
    if review.uncommitted:
        yield f"Not committed yet: {_some(review.uncommitted)}."
    if review.behind:
        commits = "a commit" if review.behind == 1 else f"{review.behind} commits"
        head = "HEAD" if review.head.commit is None else review.head.name
        yield (
            f"{base.name} has {commits} to parameters or results that {review.head.name} has not, "
            f"and that this review shows undone: merge {base.name} first, or review against what "
            f"both started from (git merge-base {base.name} {head})."
        )


def _noise(effect: Effect) -> str:
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
            fewer = min(int(side["seeds"]) for side in effect.rows if side)
            yield (
                f"{effect.variant}: {fewer + needed:g} seeds (seeds.count) in each revision would "
                "decide, with a power of 80 %, if difference and spread are what they seem."
            )


def _claim(effects: Sequence[Effect], what: str, metric: str) -> str:
    """Return what effects are, with their differences and intervals."""
    sizes = []
    for effect in effects:
        assert effect.differences is not None
        found = effect.differences.iloc[0]
        size = signed(found["difference"], metric)
        sizes.append(f"({size} {unit(metric)}, {interval(found, metric)})" if size else "")
    if len(effects) == 1:
        return f"{name(effects[0])} is {what} {sizes[0]}".rstrip()
    words = [f"{name(each)} {size}".rstrip() for each, size in zip(effects, sizes, strict=True)]
    return f"{listed(words)} are {what}"


def _names(effects: Sequence[Effect]) -> str:
    return listed([name(effect) for effect in effects])


def _are(effects: Sequence[Effect]) -> str:
    return are([effect.variant for effect in effects])


def _escaped(cell: object) -> str:
    return str(cell).replace("|", "\\|")


def _table(table: pd.DataFrame, style: str) -> str:
    return str(table.to_markdown(index=False, disable_numparse=True, tablefmt=style))
