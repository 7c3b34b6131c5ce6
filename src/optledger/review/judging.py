"""Judging two revisions: what differs, which variants that touches, and whether it matters."""

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pandas as pd
from pydantic import ConfigDict

from optledger.analysis.comparisons import COMPARED, compared, deciding_first
from optledger.analysis.preview import is_preview
from optledger.core import git
from optledger.core.documents import Section, validate
from optledger.core.metric import METRICS, metrics_in
from optledger.core.params import Comparison
from optledger.core.paths import LOCK, PARAMS, RAW, RESULTS
from optledger.review.effects import Effect, History, InputChange, Kind, Review
from optledger.review.evidence import Evidence
from optledger.review.parameters import pairs, parameter_changes, resolved
from optledger.review.revision import TEST_SPLIT, Revision, read, repository
from optledger.training import models


def review(base: str, head: str) -> Review:
    """Compare two revisions of the checkout in the working directory.

    Args:
        base: a Git revision, a DVC experiment, or `workspace`.
        head: a Git revision, a DVC experiment, or `workspace`; it is judged by the base's rules.

    Raises:
        UserError: there is no such revision, or it has no results.
    """
    with repository() as opened:
        before, after = read(opened, base), read(opened, head)
        evidence = Evidence(
            *(before, after, lambda md5: Path(opened.cache.local.oid_to_path(md5))),
            _rules(before).looks,
        )
        return join(before, after, evidence, _history(before, after))


def join(base: Revision, head: Revision, evidence: Evidence, history: History) -> Review:
    """Return a review of two revisions: how their inputs differ, and the effect on each variant."""
    rules = _rules(base)
    parameters = parameter_changes(base.parameters, head.parameters)
    variants = list(_variants(base, head))
    inputs = list(_input_changes(base, head, variants))
    asked = {name for change in parameters for name in change.variants}
    asked |= {name for change in inputs for name in change.variants}
    touched = [
        each for each in variants if each.kind != "same" or each.name in asked or each.is_renamed
    ]
    family = sum(each.kind == "changed" for each in touched)
    is_judged = not is_preview([*base.counts, *head.counts], rules)
    return Review(
        base=base,
        head=head,
        rules=rules,
        parameters=parameters,
        inputs=inputs,
        effects=[_effect(base, head, each, rules, evidence, family, is_judged) for each in touched],
        untouched=[each.name for each in variants if each not in touched],
        missing=evidence.missing,
        history=history,
    )


class _Rules(Section):
    model_config = ConfigDict(extra="ignore")

    comparison: Comparison


def _rules(base: Revision) -> Comparison:
    return validate(_Rules, base.parameters, Path(f"{base.name}:{PARAMS}")).comparison


class _Variant(NamedTuple):
    """A variant's name in each revision, None where it is missing, and what became of it."""

    before: str | None
    after: str | None
    kind: Kind

    @property
    def name(self) -> str:
        return self.after or self.before or ""

    @property
    def is_renamed(self) -> bool:
        return None is not self.before != self.after is not None


def _variants(base: Revision, head: Revision) -> list[_Variant]:
    """Return the variants of both revisions, sorted by name."""
    found = [
        _Variant(*pair, _kind(base, head, *pair))
        for pair in pairs(base.parameters, head.parameters)
    ]
    return sorted(found, key=lambda each: each.name)


def _kind(base: Revision, head: Revision, before: str | None, after: str | None) -> Kind:
    sides = ((base, before), (head, after))
    if any(name is not None and revision.why_stale(name) for revision, name in sides):
        return "stale"
    if before is None:
        return "new"
    if after is None:
        return "gone"
    if base.output(TEST_SPLIT) != head.output(TEST_SPLIT):
        return "incomparable"
    return "same" if _is_same(base, head, before, after) else "changed"


_FIGURES = ["seed", "learning_rate", *METRICS, "epochs", "diverged_epoch"]


def _is_same(base: Revision, head: Revision, before: str, after: str) -> bool:
    """Whether a variant has the same figures in both revisions, for the seeds that both have."""
    # An older version's table may lack a column.
    columns = [each for each in _FIGURES if each in base.seeds and each in head.seeds]
    first, second = (
        # As floats, since whether a column is of integers depends on other variants, too.
        table.loc[table["variant"] == name, columns].astype(float).reset_index(drop=True)
        for table, name in ((base.seeds, before), (head.seeds, after))
    )
    # The further seeds of one revision are left out: if the trainings that both have are the same,
    # they are no evidence of a change.
    fewer = min(len(first), len(second))
    return bool(first[:fewer].equals(second[:fewer]))


def _effect(
    base: Revision,
    head: Revision,
    variant: _Variant,
    rules: Comparison,
    evidence: Evidence,
    family: int,
    is_judged: bool,
) -> Effect:
    before, after = variant.before, variant.after
    differences = None
    if variant.kind == "changed" and before is not None and after is not None:
        old, new = evidence.samples(before, after)
        rows = []
        for metric in deciding_first(rules, new):
            found = compared(new[metric], old[metric], metric, rules, family, is_judged)
            # Means of the seeds that the difference is of: those of its look, or all.
            seeds = int(str(found["look"])) if rules.looks and found["look"] else None
            means = {
                # Tables of earlier versions lack some metrics.
                "before": _means(base, before, seeds).get(metric, math.nan),
                "after": _means(head, after, seeds).get(metric, math.nan),
            }
            rows.append({"metric": metric, **means, **found})
        differences = pd.DataFrame(rows, columns=["metric", "before", "after", *COMPARED])
    return Effect(
        variant=variant.name,
        kind=variant.kind,
        before=_row(base, before),
        after=_row(head, after),
        differences=differences,
        renamed_from=before if variant.is_renamed else None,
    )


def _row(revision: Revision, variant: str | None) -> Mapping[str, Any] | None:
    """Return a variant's leaderboard row and its means over seeds; None if it has no seed."""
    own = revision.seeds[revision.seeds["variant"] == variant]
    if variant is None or own.empty:
        return None
    row: dict[str, Any] = {"search_edge": None}
    if variant in revision.leaderboard.index:
        row |= {str(key): value for key, value in revision.leaderboard.loc[variant].items()}
    diverged = int(own["diverged_epoch"].notna().sum())
    return row | _means(revision, variant) | {"seeds": len(own), "diverged_seeds": diverged}


def _means(revision: Revision, variant: str, seeds: int | None = None) -> dict[str, float]:
    """Return the means of a variant's first seeds by metric, or of all; NaN if one diverged."""
    own = revision.seeds[revision.seeds["variant"] == variant][:seeds]
    return {metric: float(own[metric].mean(skipna=False)) for metric in metrics_in(own)}


def _input_changes(
    base: Revision, head: Revision, variants: Sequence[_Variant]
) -> Iterator[InputChange]:
    """Yield the inputs that the two revisions' dvc.lock record differently.

    Only stages that both record are compared. Outputs of stages are no inputs, except for the raw
    data, which a stage downloads.
    """
    changed: dict[Path, set[str]] = {}
    for name in base.stages.keys() & head.stages.keys():
        stages = [each.stages[name] for each in (base, head)]
        if not all(stage.recorded for stage in stages):
            continue
        before, after = (stage.dependencies for stage in stages)
        for path in before.keys() | after.keys():
            if before.get(path) != after.get(path):
                changed.setdefault(path, set()).add(name.partition("@")[0])
    made = {
        path
        for revision in (base, head)
        for stage in revision.stages.values()
        for path in stage.outputs
    } - {RAW}
    for path, names in sorted(changed.items()):
        if path in made or any(path in output.parents for output in made):
            continue
        kind: Literal["code", "packages", "data"] = "code"
        if path == RAW:
            kind = "data"
        elif path.suffix == ".lock":
            kind = "packages"
        if not names & {"download", "preprocess", "train", "evaluate"}:
            elsewhere = "how variants are compared" if "compare" in names else "the cases"
            yield InputChange(str(path), kind, (), elsewhere)
            continue
        # A model of the package reads nothing in the user's folder of models.
        only_own = path == models.OWN
        reached = [
            each.name for each in variants if not only_own or _has_own_model(base, head, each)
        ]
        yield InputChange(str(path), kind, reached)


def _has_own_model(base: Revision, head: Revision, variant: _Variant) -> bool:
    """Whether a variant's model is a file of the user's, in either revision."""
    packaged = [name for name, path in models.files().items() if path.parent != models.OWN]
    for revision, name in ((base, variant.before), (head, variant.after)):
        found = resolved(revision.parameters, name) if name is not None else None
        match found:
            case {"model": {"name": model} | model} if model not in packaged:
                return True
    return False


def _history(base: Revision, head: Revision) -> History:
    """Ask Git about the two revisions."""
    first, second = (each.commit or "HEAD" for each in (base, head))
    ours = (str(path) for path in (PARAMS, LOCK, RESULTS))
    changed = git.ask("diff", "--name-only", "HEAD", "--", *ours) if head.commit is None else None
    ahead = git.ask("rev-list", "--count", f"{second}..{first}", "--", str(PARAMS), str(LOCK))
    return History(
        behind=int(ahead or 0),
        common=git.ask("merge-base", first, second),
        base_is_named=git.ask("rev-parse", "--verify", "--quiet", base.name) is not None,
        uncommitted=(changed or "").splitlines(),
    )
