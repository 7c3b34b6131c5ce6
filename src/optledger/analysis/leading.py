"""The leading group and the first place: two claims that do not need a verdict on every pair.

*First place*: a variant is shown to be better than every other. *The leading group*: a best variant
is in it. Each claim is wrong in at most the stated share of tables. docs/statistics.md reports how
this was measured.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd

from optledger.analysis.comparisons import Look, Pair, Samples
from optledger.analysis.preview import is_preview
from optledger.analysis.statistics import Sample
from optledger.core.metric import METRICS
from optledger.core.params import Comparison

# A variant whose seeds spread more than _NOISY times as far as another's needs more to put that one
# out. The difference must show at the level of all pairs. Otherwise all of its skewness could fall
# on the one side that the group's level counts.
_NOISY = 2.0


# An interval needs a level below 1.
_MOST = 0.99


class Leaders(NamedTuple):
    """The variants that lead.

    Attributes:
        group: the leading group, the best mean of all seeds first; empty where every variant
            diverged, and in a preview.
        first: the variant that is shown to be better than every other, or None. If there is one, it
            leads alone.
    """

    group: list[str]
    first: str | None


def leaders(
    samples: Samples, table: pd.DataFrame, comparison: Comparison, seeds: pd.DataFrame
) -> Leaders:
    """Return the variants that lead on the deciding metric.

    A variant is out if another one is shown to be better at some look. The verdict on the pair
    shows that. Where the verdict is open, the interval may show it with the confidence that all
    comparisons with a best variant need together. (Hsu 1981, Annals of Statistics 9; Edwards and
    Hsu 1983, JASA 78; here with Bonferroni's correction, because variances are unequal.) Once a
    pair has been shown to be equivalent, later looks put neither variant out.

    A variant is first if it is better than every other at one and the same look. Each difference
    has the stated confidence by itself, without a correction, because the claim needs all of them.

    If a circle of looks has put every variant out, only the last look counts.

    Args:
        samples: by variant, the best of all seeds first, and metric.
        table: as returned by `comparisons`.
        comparison: the section of params.yaml.
        seeds: results/seeds.csv; a variant with a diverged seed neither leads nor puts others out.
    """
    own = {name: each[comparison.metric] for name, each in samples.items()}
    if is_preview([each.trained for each in own.values()], comparison):
        return Leaders([], None)
    diverged = set(seeds.loc[seeds["diverged_epoch"].notna(), "variant"])
    sound = [name for name in own if name not in diverged]
    if len(sound) < 2:
        # A variant without an opponent is not shown to be better.
        return Leaders(sound, None)
    duels = [
        _Duel(row["variant"], row["against"], (row["look"], row["verdict"]), own, comparison)
        for row in table[table["metric"] == comparison.metric].to_dict("records")
    ]
    first = _first(duels, list(own))
    if first is not None and first in sound:
        return Leaders([first], first)
    among = [each for each in duels if each.first in sound and each.second in sound]
    out = {each.loser for each in among}
    if out >= set(sound):
        out = {each.last_loser for each in among}
    return Leaders([name for name in sound if name not in out], None)


class _Duel:
    """A pair on the deciding metric, for the question of who leads."""

    def __init__(
        self,
        first: str,
        second: str,
        decided: tuple[int, str],
        samples: dict[str, Sample],
        comparison: Comparison,
    ) -> None:
        self.first, self.second = first, second
        look, self._verdict = decided
        self._margin = comparison.margin(comparison.metric)
        self._sign = -1 if METRICS[comparison.metric].lower_is_better else 1
        pair, variants = Pair(samples[first], samples[second], comparison), len(samples)
        # Levels are two-sided. The claim about the group uses one side of its level, hence the
        # factor 2. The level of all pairs uses both sides.
        self._group = pair.looks(min(_MOST, 2 * comparison.alpha / (variants - 1)))
        self._pairs = pair.looks(comparison.alpha / math.comb(variants, 2))
        self._alone = pair.looks(comparison.alpha)
        # Number of looks before the one that showed equivalence: who is ahead matters only up to
        # there.
        self._before = len(self._alone)
        if self._verdict == "equivalent":
            self._before = [each.seeds for each in self._alone].index(look)

    @property
    def loser(self) -> str | None:
        """The variant that is out because the other one is better, or None."""
        if self._verdict == "better":
            return self.second
        if self._verdict == "worse":
            return self.first
        return next(self._losers(), None)

    @property
    def last_loser(self) -> str | None:
        """The variant that would be out by the last look alone, or None."""
        return self._loser(len(self._group) - 1) if self._group else None

    def winners(self) -> list[str | None]:
        """Return the better variant at each look, with the stated confidence for this pair alone.

        It is None where neither is shown to be better, and from the look that showed equivalence.
        """
        found = [self._winner(each) for each in self._alone[: self._before]]
        return [*found, *[None] * (len(self._alone) - self._before)]

    def _losers(self) -> Iterator[str]:
        """Yield the variant that is out at each look, up to the first that shows equivalence."""
        for place, look in enumerate(self._group[: self._before]):
            low, high = look.estimate.interval(look.alpha)
            if -self._margin <= low and high <= self._margin and look.estimate.may_be_equivalent:
                return
            if (loser := self._loser(place)) is not None:
                yield loser

    def _loser(self, place: int) -> str | None:
        winner = self._winner(self._group[place])
        if winner is None:
            return None
        spreads = self._group[place].estimate.spreads
        if spreads > _NOISY if winner == self.first else spreads < 1 / _NOISY:
            winner = self._winner(self._pairs[place])
        return {self.first: self.second, self.second: self.first}.get(winner or "")

    def _winner(self, look: Look) -> str | None:
        low, high = look.estimate.interval(look.alpha)
        if low > 0 or high < 0:
            return self.first if (low > 0) == (self._sign > 0) else self.second
        return None


def _first(duels: Sequence[_Duel], names: Sequence[str]) -> str | None:
    """Return the variant that beats every other at one look, taken from the first such look."""
    every = [each.winners() for each in duels]
    for place in range(max(map(len, every))):
        wins = [_winner_at(winners, place) for winners in every]
        for name in names:
            if wins.count(name) == len(names) - 1:
                return name
    return None


def _winner_at(winners: Sequence[str | None], place: int) -> str | None:
    """Return the better variant at a look.

    A pair with a variant that was left behind has no later looks: take the winner of its last win.
    """
    if place < len(winners):
        return winners[place]
    return next((each for each in reversed(winners) if each is not None), None)
