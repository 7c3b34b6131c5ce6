"""A review in words: one sentence, then tables, for a terminal or for a pull request."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

import pandas as pd

from optledger.analysis.looks import any_error
from optledger.analysis.preview import missing, title
from optledger.analysis.words import are, confidence, interval, listed, looks, signed
from optledger.core import formats
from optledger.core.metric import METRICS
from optledger.review.effects import Effect, Review
from optledger.review.revision import Revision
from optledger.review.tables import deciding, name, others, parameters, touched, training

MARKER = "<!-- optledger review -->"
"""The first line of a report in Markdown. A later report finds the one to replace by this line."""


def outcome(review: Review) -> str:
    """Return in one sentence what the change did; another one before it announces a preview."""
    parts = [*_judged(review), *_not_judged(review)]
    if parts:
        return f"{_preview(review)}{'; '.join(parts)}."
    if review.parameters or review.inputs:
        return "What changed touches no variant."
    return "Nothing differs that results depend on."


def _preview(review: Review) -> str:
    if not review.is_preview:
        return ""
    wanted = missing([min(review.seeds)], review.rules)
    return f"{title(review.seeds)}; {wanted} of both revisions. "


def _judged(review: Review) -> Iterator[str]:
    """Yield what the review shows, the worst first, and with what confidence."""
    metric = review.rules.metric
    margin = f"the margin of {METRICS[metric].amount(review.rules.margin(metric))}"
    for effect in review.diverging:
        before, after = effect.diverged
        was = "" if effect.before is None else f", where {before or 'none'} did"
        of = effect.after["seeds"] if effect.after else 0
        yield f"{after} of {of} seeds of {name(effect)} diverge{was}"
    if review.is_preview:
        if found := review.of_kind("changed"):
            differ = "differs" if len(found) == 1 else "differ"
            yield f"{listed(_sized(found, metric))} {differ} in mean {METRICS[metric].words}"
        return
    equal = review.with_verdict("equivalent")
    claims = [
        (review.with_verdict("worse"), f"worse in {METRICS[metric].words}"),
        (review.with_verdict("better"), f"better in {METRICS[metric].words}"),
        ([each for each in equal if each.shift < 0], f"lower, by less than {margin}"),
        ([each for each in equal if each.shift > 0], f"higher, by less than {margin}"),
        ([each for each in equal if each.shift == 0], f"equivalent, within {margin}"),
        (_open(review), "within the noise, inconclusive"),
    ]
    parts = [_claim(found, what, metric) for found, what in claims if found]
    if lost := [each for each in review.effects if each.is_undefined and not _lost_more(each)]:
        yield f"{_names(lost)} cannot be compared, as seeds diverged"
    if not parts:
        return
    shifted = any(effect.shift for effect in review.effects)
    calm = not (review.diverging or review.stale or shifted)
    head = "No regression is shown: " if calm else ""
    yield f"{head}{'; '.join(parts)}, with {_scope(review)}"


def _open(review: Review) -> list[Effect]:
    """Return the variants whose difference more seeds may decide.

    Where more seeds diverge than before, that is what was found.
    """
    return [
        each
        for each in review.with_verdict("inconclusive")
        if not each.is_undefined and not _lost_more(each)
    ]


def _lost_more(effect: Effect) -> bool:
    before, after = effect.diverged
    return before < after


def _scope(review: Review) -> str:
    judged = len(review.of_kind("changed"))
    together = f" for {judged} variants together" if judged > 1 else ""
    return f"{confidence(review.rules)}{together}"


_NOT_RUN = "as the pipeline was not run since a change"


def _not_judged(review: Review) -> Iterator[str]:
    if found := review.of_kind("stale"):
        yield f"{_names(found)} {_are(found)} not judged, {_NOT_RUN}"
    elif review.stale:
        yield "Not everything was run since a change"
    if found := review.of_kind("incomparable"):
        yield f"{_names(found)} cannot be compared, as the test split is another one"
    if found := review.of_kind("same"):
        every = len(found) == len(review.effects)
        told = "Every figure is the same" if every else f"{_names(found)} came out the same"
        yield f"{told}{_shared_seeds(found)}"
    if found := review.of_kind("new"):
        yield f"{_names(found)} {_are(found)} new"
    if found := review.of_kind("gone"):
        yield f"{_names(found)} {_are(found)} gone"


def terminal(review: Review, columns: int) -> str:
    """Return the review for a terminal of so many columns; text is wrapped, tables are not."""
    return "\n\n".join(
        textwrap.fill(part, columns, break_long_words=False, break_on_hyphens=False)
        if isinstance(part, str)
        else formats.markdown(part, "simple")
        for part in (*_decision(review), *_details(review), *_notes(review))
    )


def markdown(review: Review) -> str:
    """Return the review as Markdown, for a comment on a pull request."""
    answer, *decision = _in_markdown(_decision(review))
    details = _in_markdown(_details(review))
    if details:
        summary = "<details><summary>Other metrics, and how training went</summary>"
        details = [summary, *details, "</details>"]
    notes = _in_markdown(_notes(review))
    return "\n\n".join([MARKER, f"**{answer}**", *decision, *details, *notes])


def _in_markdown(parts: Iterable[str | pd.DataFrame]) -> list[str]:
    return [
        part if isinstance(part, str) else formats.markdown(part.map(_escaped)) for part in parts
    ]


def _decision(review: Review) -> Iterator[str | pd.DataFrame]:
    """Yield what a decision needs: the answer, what stands in its way, the cause, the effect."""
    yield outcome(review)
    yield from _stale(review)
    yield from _behind(review)
    if review.parameters:
        yield parameters(review)
    yield from _inputs(review)
    if other := [effect for effect in review.effects if effect.kind != "same"]:
        yield deciding(other, review.rules)
    if (review.parameters or review.inputs or review.effects) and not review.stale:
        yield from _leaders(review)


def _details(review: Review) -> Iterator[pd.DataFrame]:
    if judged := review.of_kind("changed"):
        yield others(judged, review.rules)
    if in_both := [*review.of_kind("changed"), *review.of_kind("incomparable")]:
        yield training(in_both)


def _stale(review: Review) -> Iterator[str]:
    """Yield a line for each revision with outdated results, with the command that updates them."""
    for revision, reasons in review.stale:
        yield (
            f"{revision.label}: not run since a change of {_some(reasons)}: run dvc repro "
            "there, and commit what that changes."
        )


def _behind(review: Review) -> Iterator[str]:
    behind, common, base_is_named, _ = review.history
    if not behind:
        return
    base, head = review.base, review.head
    commits = "a commit" if behind == 1 else f"{behind} commits"
    against = f": optledger review {common[:7]} {head.name}" if common else ""
    merge = f"merge {base.name} into it, or " if base_is_named else ""
    yield (
        f"{base.name} has {commits} to parameters or results that {head.name} has not, and that "
        f"this review shows undone. To see what {head.name} did, {merge}review it against what "
        f"both started from{against}."
    )


def _some(paths: Sequence[str]) -> str:
    """Return paths as a list in a sentence, cut short if there are many."""
    if len(paths) <= _MOST_PATHS:
        return listed(paths)
    return f"{', '.join(paths[:_MOST_PATHS])} and {len(paths) - _MOST_PATHS} more"


_MOST_PATHS = 6


_KINDS = {"data": "data", "packages": "pinned packages", "code": "code"}


def _inputs(review: Review) -> Iterator[str]:
    touches = [change.elsewhere or touched(change.variants, review) for change in review.inputs]
    for each in sorted(set(touches)):
        found = [change for change, own in zip(review.inputs, touches, strict=True) if own == each]
        kinds = {change.kind for change in found}
        what = listed([_KINDS[kind] for kind in _KINDS if kind in kinds]).capitalize()
        yield f"{what} changed, which touches {each}: {_some([each.path for each in found])}."


def _leaders(review: Review) -> Iterator[str]:
    """Yield the leading group and the champion of both revisions; nothing in a preview."""
    if review.is_preview:
        return
    before, after = review.base, review.head
    other_rules = any(change.key.startswith("comparison") for change in review.parameters) or any(
        change.elsewhere for change in review.inputs
    )
    by_noise = not (
        other_rules
        or review.diverging
        or any(effect.shift for effect in review.effects)
        or any(effect.kind not in {"changed", "same"} for effect in review.effects)
    )
    if before.leading is not None and after.leading is not None:
        yield _replaced("leading group", before.leading, after.leading, by_noise)
    what = "champion, the best on the validation split,"
    if before.champions is not None and after.champions is not None:
        yield _replaced(what, before.champions, after.champions, by_noise=False)


def _replaced(what: str, before: Sequence[str], after: Sequence[str], by_noise: bool) -> str:
    was, now = (listed(names) if names else "nobody" for names in (before, after))
    if {*before} == {*after}:
        return f"The {what} is still {now}."
    why = ", which noise alone can do" if by_noise else ""
    return f"The {what} was {was}; now it is {now}{why}."


def _notes(review: Review) -> Iterator[str]:
    """Yield what stayed the same, how the rest was judged, and what to be aware of."""
    rules, base = review.rules, review.base
    if same := review.of_kind("same"):
        yield f"Made anew, and the same figure by figure{_shared_seeds(same)}: {_names(same)}."
    if review.untouched:
        yield f"Not touched: {listed(review.untouched)}."
    if review.of_kind("incomparable"):
        yield (
            "The test split differs, and figures on other items are no comparison; what each "
            "revision says of itself stands in its leaderboard."
        )
    if unexplained := review.unexplained:
        yield (
            f"No parameter, code or data explains the figures of {_names(unexplained)}: they may "
            "be from a processor without AVX2, or of results that someone changed."
        )
    judged = review.of_kind("changed")
    if judged and review.is_preview:
        sources = "; ".join(dict.fromkeys(map(_noise, judged)))
        yield f"Intervals are for {sources}, with {_scope(review)}. Nothing is judged by them yet."
    elif judged:
        margin = METRICS[rules.metric].amount(rules.margin(rules.metric))
        sources = "; ".join(dict.fromkeys(map(_noise, judged)))
        alpha = 100 * rules.alpha / len(judged)
        within, apart = f", of {100 - 2 * alpha:.4g} %,", f", of {100 - alpha:.4g} %,"
        if rules.looks:
            within, apart = "", ", at the level of its look,"
        yield (
            f"Judged by the rules of {base.label}: {rules.metric}, {_scope(review)}, "
            f"a margin of {margin}. Intervals are for {sources}. Verdicts, in this order. "
            f"Equivalent: a narrower interval{within} lies within the margin. "
            f"Better or worse: the printed interval{apart} excludes 0. Else inconclusive."
        )
    elif any(change.key.startswith("comparison") for change in review.parameters):
        yield f"Variants would be judged by the rules of the base, {base.label}."
    yield from _looks(review)
    if review.missing:
        yield f"Not in DVC's cache here: {listed(list(review.missing))}."
    if open_ := _open(review):
        yield from _advice(open_, bool(rules.looks))
    if uncommitted := review.history.uncommitted:
        yield f"Not committed yet: {_some(uncommitted)}."


def _shared_seeds(effects: Sequence[Effect]) -> str:
    """Return a restriction to the seeds that both revisions have, if one of them has more."""
    counts = [[int(side["seeds"]) for side in each.rows if side] for each in effects]
    return " for the seeds that both have" if any(len({*own}) > 1 for own in counts) else ""


def _looks(review: Review) -> Iterator[str]:
    """Yield notes on looks: which are declared, which rules changed, which look is undeclared.

    There are none in a preview: it has no verdict, and so it is no look.
    """
    rules = review.rules
    if review.is_preview:
        return
    if rules.looks and review.of_kind("changed"):
        yield (
            f"Looks are declared at {looks(rules)} seeds. A verdict is that of the first look that "
            "came to one, of as many seeds of each revision."
        )
    moved = [
        change.key
        for change in review.parameters
        if re.match(_OF_LOOKS, change.key) and len(review.base.seeds)
    ]
    if moved:
        yield (
            f"{listed(moved)} changed after seeds had been seen. A promise needs rules that were "
            f"there before, so this review goes by those of {review.base.label}."
        )
    counts = [_count(revision) for revision in (review.base, review.head)]
    if rules.looks or None in counts or not counts[0] < counts[1]:  # type: ignore[operator]
        return
    left = 100 * (1 - any_error([each for each in counts if each], rules.alpha))
    yield (
        f"{review.head.label} looks at {counts[1]} seeds where {review.base.label} has looked at "
        f"{counts[0]}, and no looks are declared (comparison.looks): whoever acts on either has "
        f"{left:.1f} % of confidence left of {100 * rules.confidence:g} %."
    )


# The parameters that the promise of a verdict rests on.
_OF_LOOKS = r"comparison(\.(looks|spending|confidence|family|metric|margins)|$)"


def _count(revision: Revision) -> int | None:
    """Return how many seeds a revision's parameters ask for; None unless it is two or more."""
    match revision.parameters:
        case {"seeds": {"count": int() as count}} if count > 1:
            return count
    return None


def _noise(effect: Effect) -> str:
    return {
        "searches, seeds and images": "other searches, seeds and test images",
        "searches and seeds": "other searches and seeds",
        "seeds and images": "other seeds and other test items",
        "seeds": "other seeds, on this test set",
        "images": "other test items, for these two models: one seed each",
    }.get(effect.decisive["noise"], "other seeds: there are too few for a look")


def _advice(effects: Sequence[Effect], declared: bool) -> Iterator[str]:
    """Yield for each variant how many seeds would decide."""
    for effect in effects:
        needed = effect.decisive["further_seeds"]
        if needed == float("inf") and declared:
            yield f"{effect.variant}: no look that is declared is likely to decide."
        elif needed == float("inf"):
            yield f"{effect.variant}: no number of seeds would decide; more test images would."
        else:
            fewer = min(int(side["seeds"]) for side in effect.rows if side)
            yield (
                f"{effect.variant}: at least {fewer + needed:g} seeds (seeds.count) in each "
                "revision would decide, with a power of 80 %, if difference and spread stay as "
                "they are."
            )


def _claim(effects: Sequence[Effect], what: str, metric: str) -> str:
    """Return a claim about variants, with their differences and intervals."""
    if len(effects) == 1:
        return f"{name(effects[0])} is {what} {_size(effects[0], metric)}".rstrip()
    return f"{listed(_sized(effects, metric))} are {what}"


def _sized(effects: Sequence[Effect], metric: str) -> list[str]:
    return [f"{name(each)} {_size(each, metric)}".rstrip() for each in effects]


def _size(effect: Effect, metric: str) -> str:
    """Return the difference on the deciding metric with its interval, in brackets.

    Before the first look it is the difference of all seeds, and the interval is unknown.
    """
    found = effect.decisive
    value = found["difference_of_all" if pd.isna(found["difference"]) else "difference"]
    size = signed(value, metric)
    return f"({size}{METRICS[metric].of_unit}, {interval(found, metric)})" if size else ""


def _names(effects: Sequence[Effect]) -> str:
    return listed([name(effect) for effect in effects])


def _are(effects: Sequence[Effect]) -> str:
    return are([effect.variant for effect in effects])


def _escaped(cell: object) -> str:
    return str(cell).replace("|", "\\|").replace("<", "&lt;")
