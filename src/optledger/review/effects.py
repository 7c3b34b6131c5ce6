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
"""What became of a variant: it came out otherwise; to the same figures; it is in one revision only;
or it is in both, but the results of one are not of its parameters, or not on the same test split.
"""


@dataclass(frozen=True)
class InputChange:
    """Code, pinned packages or data that results were made of, and that differ.

    Attributes:
        path: the file or folder.
        kind: what it is.
        reaches_variants: whether it is of what every variant is made of, or scored by.
        elsewhere: what else it touches, in words, where it does not.
    """

    path: str
    kind: Literal["code", "packages", "data"]
    reaches_variants: bool
    elsewhere: str = ""


@dataclass(frozen=True)
class Effect:
    """What became of a variant.

    Attributes:
        variant: its name in the head, or the one it had.
        kind: see `Kind`.
        before: what the base tells of it: its row of the leaderboard, with the means of its seeds;
            None where it is new.
        after: what the head tells; None where it is gone.
        differences: a row per metric, the deciding one first, of a variant that is `changed`: as of
            `comparisons`, the head's less the base's.
        renamed_from: its name in the base, where that was another one.
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
        """What both revisions tell of it."""
        return self.before, self.after

    @property
    def decisive(self) -> pd.Series:
        """The row of the deciding metric, of a variant that is `changed`."""
        assert self.differences is not None
        return self.differences.iloc[0]

    @property
    def shift(self) -> int:
        """Where the printed interval of the deciding metric is: 1 above 0, -1 below, else 0."""
        if self.differences is None:
            return 0
        low, high = self.decisive.reindex(["low", "high"])
        return int(low > 0) - int(high < 0)

    @property
    def verdict(self) -> str | None:
        """On the deciding metric; None of a variant that is not `changed`."""
        return None if self.differences is None else str(self.decisive["verdict"])


class History(NamedTuple):
    """What Git knows of two revisions.

    Attributes:
        behind: how many commits to parameters or results the base has and the head has not.
        common: the commit that both started from; None where there is none.
        base_is_named: whether Git could merge the base by its name; not an experiment.
        uncommitted: parameters and results that the workspace, as the head, has otherwise than Git.
    """

    behind: int = 0
    common: str | None = None
    base_is_named: bool = True
    uncommitted: Sequence[str] = ()


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
        history: what Git knows of the two.
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
        """How many seeds the variants have, in both revisions."""
        return [*self.base.counts, *self.head.counts]

    @property
    def is_preview(self) -> bool:
        """Whether a variant of either has too few seeds for a verdict, so that none is made."""
        return is_preview(self.seeds, self.rules)

    @property
    def diverging(self) -> list[Effect]:
        """The variants of which more seeds diverge."""
        return [
            effect
            for effect in self.effects
            if effect.kind != "stale" and effect.diverged[0] < effect.diverged[1]
        ]

    @property
    def stale(self) -> list[tuple[Revision, Sequence[str]]]:
        """Each revision whose results are not of what it has, and what has changed since."""
        return [
            (revision, list(dict.fromkeys(chain.from_iterable(revision.stale.values()))))
            for revision in (self.base, self.head)
            if revision.stale
        ]

    @property
    def unexplained(self) -> list[Effect]:
        """The variants with other figures, although nothing that they are made of differs."""
        if any(change.reaches_variants for change in self.inputs):
            return []
        touched = {name for change in self.parameters for name in change.variants}
        return [effect for effect in self.of_kind("changed") if effect.variant not in touched]

    def of_kind(self, kind: Kind) -> list[Effect]:
        """Return the effects of a kind."""
        return [effect for effect in self.effects if effect.kind == kind]

    def with_verdict(self, verdict: str) -> list[Effect]:
        """Return the effects that are shown, or not shown, to be something."""
        return [effect for effect in self.effects if effect.verdict == verdict]
