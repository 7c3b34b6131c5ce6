"""A review: what a change did to each variant that it touches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal, NamedTuple

import pandas as pd

from optledger.analysis.preview import is_preview
from optledger.core.params import Comparison
from optledger.review.parameters import ParameterChange
from optledger.review.revision import Revision

Kind = Literal["changed", "same", "new", "gone", "stale", "incomparable"]
"""What became of a variant.

`changed` or `same`: its figures differ between the revisions, or do not. `new` or `gone`: only the
head has it, or only the base. `stale`: something changed since its results were made, in a revision
that has it. `incomparable`: the revisions have different test splits.
"""


@dataclass(frozen=True)
class InputChange:
    """Code, pinned packages or data that the results were made from, and that differ.

    Attributes:
        path: the file or folder.
        kind: what it is.
        variants: the names of the variants that are trained or scored with it.
        elsewhere: what it touches if no variant is, in words.
    """

    path: str
    kind: Literal["code", "packages", "data"]
    variants: Sequence[str]
    elsewhere: str = ""


@dataclass(frozen=True)
class Effect:
    """What became of a variant.

    Attributes:
        variant: its name in the head, or in the base if it is gone.
        kind: see `Kind`.
        before: its row of the base's leaderboard, with the means of its seeds; None if it is new.
        after: the same of the head; None if it is gone.
        differences: for a `changed` variant, a row per metric with the deciding one first. The
            columns are those of `comparisons`, for the head minus the base, and the two means that
            the difference is of: `before` and `after`.
        renamed_from: its name in the base, if that was another one.
    """

    variant: str
    kind: Kind
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    differences: pd.DataFrame | None = None
    renamed_from: str | None = None

    @property
    def diverged(self) -> tuple[int, int]:
        """How many seeds diverged in the base, and in the head."""
        before, after = (0 if row is None else int(row["diverged_seeds"]) for row in self.rows)
        return before, after

    @property
    def rows(self) -> tuple[Mapping[str, Any] | None, Mapping[str, Any] | None]:
        """Its rows in both revisions: `before` and `after`."""
        return self.before, self.after

    @property
    def decisive(self) -> pd.Series:
        """The row of the deciding metric; only a `changed` variant has one."""
        assert self.differences is not None
        return self.differences.iloc[0]

    @property
    def is_undefined(self) -> bool:
        """Whether there is no difference on the deciding metric, as a seed of a side diverged."""
        if self.differences is None:
            return False
        return bool(self.decisive[["difference", "difference_of_all"]].isna().all())

    @property
    def shift(self) -> int:
        """Where the printed interval of the deciding metric lies: 1 above 0, -1 below 0, else 0."""
        if self.differences is None:
            return 0
        low, high = self.decisive.reindex(["low", "high"])
        return int(low > 0) - int(high < 0)

    @property
    def verdict(self) -> str | None:
        """The verdict on the deciding metric; None unless the variant is `changed`."""
        return None if self.differences is None else str(self.decisive["verdict"])


class History(NamedTuple):
    """What Git knows of two revisions.

    Attributes:
        behind: how many commits to parameters or results the base has and the head lacks.
        common: the commit from which both started; None if there is none.
        base_is_named: whether Git could merge the base by its name. It cannot merge an experiment.
        uncommitted: if the head is the workspace, its files of parameters and results that differ
            from Git's.
    """

    behind: int = 0
    common: str | None = None
    base_is_named: bool = True
    uncommitted: Sequence[str] = ()


@dataclass(frozen=True)
class Review:
    """A review of two revisions: what differs, and what that did.

    Attributes:
        base: the revision that the head is judged against, by the base's rules.
        head: the revision that is judged.
        rules: the base's section `comparison`.
        parameters: what differs in params.yaml.
        inputs: the other inputs of the results that differ.
        effects: the effect on each variant that a change touches, sorted by name.
        untouched: the names of the other variants.
        missing: what would tell the noise of test items, but is not in DVC's cache here.
        history: what Git knows of the two revisions.
    """

    base: Revision
    head: Revision
    rules: Comparison
    parameters: Sequence[ParameterChange]
    inputs: Sequence[InputChange]
    effects: Sequence[Effect]
    untouched: Sequence[str]
    missing: Sequence[str]
    history: History

    @property
    def seeds(self) -> list[int]:
        """How many seeds each variant has: those of the base, then those of the head."""
        return [*self.base.counts, *self.head.counts]

    @property
    def is_preview(self) -> bool:
        """Whether a variant of either revision has too few seeds, so that no verdict is made."""
        return is_preview(self.seeds, self.rules)

    @property
    def diverging(self) -> list[Effect]:
        """The variants of which more seeds diverge in the head than in the base."""
        return [
            effect
            for effect in self.effects
            if effect.kind != "stale" and effect.diverged[0] < effect.diverged[1]
        ]

    @property
    def stale(self) -> list[tuple[Revision, Sequence[str]]]:
        """Each revision with outdated results, and what has changed since they were made."""
        return [
            (revision, list(dict.fromkeys(chain.from_iterable(revision.stale.values()))))
            for revision in (self.base, self.head)
            if revision.stale
        ]

    @property
    def unexplained(self) -> list[Effect]:
        """The variants whose figures changed, although nothing that they are made from did."""
        touched = {name for change in self.parameters for name in change.variants}
        touched |= {name for change in self.inputs for name in change.variants}
        return [effect for effect in self.of_kind("changed") if effect.variant not in touched]

    def of_kind(self, kind: Kind) -> list[Effect]:
        """Return the effects of one kind."""
        return [effect for effect in self.effects if effect.kind == kind]

    def with_verdict(self, verdict: str) -> list[Effect]:
        """Return the effects that have this verdict on the deciding metric."""
        return [effect for effect in self.effects if effect.verdict == verdict]
