"""What a change did to each variant that it touches, and whether that is more than noise."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import ConfigDict

from optledger import git
from optledger.analysis.comparisons import compared, deciding_first
from optledger.documents import Section, validate
from optledger.params import Comparison
from optledger.paths import LOCK, PARAMS, RAW, RESULTS
from optledger.review.evidence import Evidence
from optledger.review.parameters import (
    ParameterChange,
    parameter_changes,
    resolved,
    variants_of,
)
from optledger.review.revision import TEST_SPLIT, Revision, read, repository

Kind = Literal["changed", "same", "new", "gone", "stale", "incomparable"]
"""What became of a variant: it came out otherwise; to the same figures; it is in one revision only;
or it is in both, but the results of one are not of its parameters, or not on the same test split.
"""


EVERY = "every variant"


@dataclass(frozen=True)
class InputChange:
    """Code, pinned packages or data that results were made of, and that differ.

    Attributes:
        path: the file or folder.
        kind: what it is.
        touches: the variants; or in words, what else.
    """

    path: str
    kind: Literal["code", "packages", "data"]
    touches: str


@dataclass(frozen=True)
class Effect:
    """What became of a variant.

    Attributes:
        variant: its name in the head, or the one it had.
        kind: see `Kind`.
        before: its row of the base's leaderboard; None where it is new.
        after: its row of the head's; None where it is gone.
        differences: a row per metric, the deciding one first, of a variant that is `changed`: as of
            `comparisons`, the head's less the base's.
        renamed_from: its name in the base, where that was another one.
        why: what its results are not of, or the command for it; empty where nothing is wrong.
    """

    variant: str
    kind: Kind
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    differences: pd.DataFrame | None = None
    renamed_from: str | None = None
    why: tuple[str, ...] = ()

    @property
    def diverges(self) -> bool:
        """Whether seeds diverge, of a variant of which none did before, if it was there."""
        before, after = (0 if row is None else row["diverged_seeds"] for row in self.rows)
        return self.kind != "stale" and before == 0 < after

    @property
    def rows(self) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
        """Both rows of the leaderboards."""
        return self.before, self.after

    @property
    def verdict(self) -> str | None:
        """On the deciding metric; None of a variant that is not `changed`."""
        return None if self.differences is None else str(self.differences["verdict"].iloc[0])


@dataclass(frozen=True)
class Review:
    """Two revisions, joined.

    Attributes:
        base: the one that it is judged against, and by whose rules.
        head: the other.
        rules: the base's section `comparison`.
        parameters: what differs in params.yaml.
        inputs: what else differs of that which results are made of.
        effects: of the variants that are touched, by name.
        untouched: the variants that are not.
        missing: what would have told the noise of test images, and is not in DVC's cache here.
        behind: how many commits to parameters or results the base has and the head has not.
        uncommitted: parameters and results that the workspace, as the head, has otherwise than Git.
    """

    base: Revision
    head: Revision
    rules: Comparison
    parameters: Sequence[ParameterChange]
    inputs: Sequence[InputChange]
    effects: Sequence[Effect]
    untouched: Sequence[str]
    missing: Sequence[str]
    behind: int
    uncommitted: Sequence[str]

    @property
    def diverging(self) -> list[Effect]:
        """The variants whose seeds diverge now, and did not before."""
        return [effect for effect in self.effects if effect.diverges]

    @property
    def shown(self) -> bool:
        """Whether any variant is another one beyond doubt: better or worse, new or gone."""
        return any(
            effect.diverges
            or effect.verdict in {"better", "worse"}
            or effect.kind in {"new", "gone"}
            for effect in self.effects
        )

    @property
    def unexplained(self) -> list[Effect]:
        """The variants with other figures, although nothing that they are made of differs."""
        if any(change.touches == EVERY for change in self.inputs):
            return []
        touched = {name for change in self.parameters for name in change.variants}
        return [effect for effect in self.of_kind("changed") if effect.variant not in touched]

    def of_kind(self, kind: Kind) -> list[Effect]:
        """Return the effects of a kind."""
        return [effect for effect in self.effects if effect.kind == kind]

    def with_verdict(self, verdict: str) -> list[Effect]:
        """Return the effects that are shown, or not shown, to be something."""
        return [effect for effect in self.effects if effect.verdict == verdict]


def review(base: str, head: str) -> Review:
    """Compare two revisions of the checkout in the working directory.

    Args:
        base: a Git revision, a DVC experiment, or `workspace`.
        head: likewise.

    Raises:
        UserError: there is no such revision, or it has no results.
    """
    with repository() as opened:
        before, after = read(opened, base), read(opened, head)
        evidence = Evidence(before, after, lambda md5: Path(opened.cache.local.oid_to_path(md5)))
        return join(before, after, evidence)


def join(base: Revision, head: Revision, evidence: Evidence) -> Review:
    """Join what two revisions asked for with what came of it."""
    rules = _rules(base)
    parameters = parameter_changes(base.parameters, head.parameters)
    inputs = list(_input_changes(base, head))
    pairs = dict(_pairs(base, head))
    touched = {name for change in parameters for name in change.variants}
    touched |= {name for name, pair in pairs.items() if not _is_same(base, head, *pair)}
    touched |= {
        name
        for name, pair in pairs.items()
        for revision, own in zip((base, head), pair, strict=True)
        if own is not None and revision.why_stale(own)
    }
    if any(change.touches == EVERY for change in inputs):
        touched |= pairs.keys()
    family = sum(
        _kind(base, head, *pair) == "changed" for name, pair in pairs.items() if name in touched
    )
    effects = [
        _effect(base, head, pairs[name], rules, evidence, family)
        for name in sorted(touched & pairs.keys())
    ]
    return Review(
        base=base,
        head=head,
        rules=rules,
        parameters=parameters,
        inputs=inputs,
        effects=effects,
        untouched=sorted(pairs.keys() - touched),
        missing=evidence.missing,
        behind=_behind(base, head),
        uncommitted=_uncommitted() if head.commit is None else [],
    )


class _Rules(Section):
    model_config = ConfigDict(extra="ignore")

    comparison: Comparison


def _rules(base: Revision) -> Comparison:
    return validate(_Rules, base.parameters, Path(f"{base.name}:{PARAMS}")).comparison


def _pairs(base: Revision, head: Revision) -> Iterator[tuple[str, tuple[str | None, str | None]]]:
    """Yield each variant with its names in both revisions; None where it is not in one."""
    before, after = variants_of(base.parameters), variants_of(head.parameters)
    gone = [name for name in before if name not in after]
    for name in after:
        if name in before:
            yield name, (name, name)
            continue
        wanted = resolved(head.parameters, name)
        old = next((each for each in gone if resolved(base.parameters, each) == wanted), None)
        if old is not None:
            gone.remove(old)
        yield name, (old, name)
    for name in gone:
        yield name, (name, None)


_FIGURES = ["seed", "learning_rate", "accuracy", "precision", "recall", "f1", "loss", "epochs"]


def _is_same(base: Revision, head: Revision, before: str | None, after: str | None) -> bool:
    """Whether a variant, by its names in both, has the same figures for the same seeds."""
    if before is None or after is None:
        return False
    # An older version's table may lack a column.
    columns = [each for each in _FIGURES if each in base.seeds and each in head.seeds]
    first, second = (
        table.loc[table["variant"] == name, columns].reset_index(drop=True)
        for table, name in ((base.seeds, before), (head.seeds, after))
    )
    return bool(first.equals(second))


def _kind(base: Revision, head: Revision, before: str | None, after: str | None) -> Kind:
    if (before is not None and base.why_stale(before)) or (
        after is not None and head.why_stale(after)
    ):
        return "stale"
    if before is None:
        return "new"
    if after is None:
        return "gone"
    if base.output(TEST_SPLIT) != head.output(TEST_SPLIT):
        return "incomparable"
    return "same" if _is_same(base, head, before, after) else "changed"


def _effect(
    base: Revision,
    head: Revision,
    pair: tuple[str | None, str | None],
    rules: Comparison,
    evidence: Evidence,
    family: int,
) -> Effect:
    before, after = pair
    kind = _kind(base, head, before, after)
    differences = None
    if kind == "changed" and before is not None and after is not None:
        old, new = evidence.samples(before, after)
        rows = [
            {"metric": metric, **compared(new[metric], old[metric], metric, rules, family)}
            for metric in deciding_first(rules)
        ]
        differences = pd.DataFrame(rows)
    sides = ((base, before), (head, after))
    stale = [
        f"{revision.name}: {reason}"
        for revision, name in sides
        if name is not None
        for reason in revision.why_stale(name)
    ]
    return Effect(
        variant=after or before or "",
        kind=kind,
        before=_row(base, before),
        after=_row(head, after),
        differences=differences,
        renamed_from=before if before is not None and after not in (None, before) else None,
        why=tuple(stale),
    )


def _row(revision: Revision, variant: str | None) -> Mapping[str, Any] | None:
    """Return a variant's row of the leaderboard; None where it is not in the revision."""
    if variant is None or variant not in revision.leaderboard.index:
        return None
    return {str(key): value for key, value in revision.leaderboard.loc[variant].items()}


def _input_changes(base: Revision, head: Revision) -> Iterator[InputChange]:
    """Yield what both locks record, and otherwise, of what is no output but the raw data."""
    touched: dict[Path, list[str]] = {}
    for name in base.stages.keys() & head.stages.keys():
        before, after = (each.stages[name].dependencies for each in (base, head))
        for path in before.keys() & after.keys():
            if before[path] != after[path]:
                touched.setdefault(path, []).append(name)
    outputs = {path for stage in head.stages.values() for path in stage.outputs} - {RAW}
    for path in sorted(touched):
        if any(path == output or path in output.parents for output in outputs):
            continue
        kind: Literal["code", "packages", "data"] = "code"
        if path == RAW:
            kind = "data"
        elif path.suffix == ".lock":
            kind = "packages"
        yield InputChange(str(path), kind, _touched_by(touched[path], head))


def _touched_by(stages: Sequence[str], head: Revision) -> str:
    """Return in words what is made anew by stages."""
    kinds = {name.partition("@")[0] for name in stages}
    if kinds & {"download", "preprocess", "train", "evaluate"}:
        return EVERY
    return "how variants are compared" if "compare" in kinds else "the cases"


def _behind(base: Revision, head: Revision) -> int:
    """Return how many commits to parameters or results only the base has."""
    commits = "..".join(each.commit or "HEAD" for each in (head, base))
    count = git.ask("rev-list", "--count", commits, "--", str(PARAMS), str(LOCK))
    return int(count or 0)


def _uncommitted() -> list[str]:
    """Return the files of parameters and results that are not as in Git's last commit."""
    changed = git.ask("diff", "--name-only", "HEAD", "--", *map(str, (PARAMS, LOCK, RESULTS)))
    return (changed or "").splitlines()
