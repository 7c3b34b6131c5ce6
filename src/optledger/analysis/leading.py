"""Who leads: two claims that do not need every pair to be told apart.

*First place*: a variant is shown to be better than every other. *The leading group*: a best variant
is in it. Each is wrong in at most the stated share of tables; docs/statistics.md tells how this was
measured.
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

# Times as far as another's spread: a variant that is so noisy puts it out only where that holds
# for all pairs together, as its skewness would be all in one tail.
_NOISY = 2.0


# A level of one has no bound.
_MOST = 0.99


class Leaders(NamedTuple):
    """Who leads.

    Attributes:
        group: the leading group, the best of all seeds first; empty where every variant diverged,
            and in a preview.
        first: the variant that is shown to be better than every other, if one is; it then leads
            alone.
    """

    group: list[str]
    first: str | None


def leaders(
    samples: Samples, table: pd.DataFrame, comparison: Comparison, seeds: pd.DataFrame
) -> Leaders:
    """Return who leads on the deciding metric.

    A variant is out if another is shown to be better at some look: by the verdict of the pair, or,
    where that is open, with the confidence that all comparisons with a best variant together need
    (Hsu 1981, Annals of Statistics 9; Edwards and Hsu 1983, JASA 78; here with Bonferroni's
    correction, as variances are unequal). Whoever has been shown to be equivalent is not out
    by what comes later. It is first if it is
    better than every other at one look, each of them with the stated confidence by itself, as it
    takes all of them. If a circle of looks has put everyone out, only the last look counts.

    Args:
        samples: by variant, the best of all seeds first, and metric.
        table: as of `comparisons`.
        comparison: the section of params.yaml.
        seeds: results/seeds.csv; a variant with a diverged seed neither leads nor puts others out.
    """
    own = {name: each[comparison.metric] for name, each in samples.items()}
    if is_preview([each.trained for each in own.values()], comparison):
        return Leaders([], None)
    diverged = set(seeds.loc[seeds["diverged_epoch"].notna(), "variant"])
    sound = [name for name in own if name not in diverged]
    if len(sound) < 2:
        # Whoever has nobody beside it is not shown to be better.
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
    """A pair on the deciding metric, as far as it bears on who leads."""

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
        # Two-sided levels, of which each claim takes one side; all pairs', which have both.
        self._group = pair.looks(min(_MOST, 2 * comparison.alpha / (variants - 1)))
        self._pairs = pair.looks(comparison.alpha / math.comb(variants, 2))
        self._alone = pair.looks(comparison.alpha)
        # How many looks there were until it was shown that it does not matter who is ahead.
        self._before = len(self._alone)
        if self._verdict == "equivalent":
            self._before = [each.seeds for each in self._alone].index(look)

    @property
    def loser(self) -> str | None:
        """Who is out, as the other is better."""
        if self._verdict == "better":
            return self.second
        if self._verdict == "worse":
            return self.first
        return next(self._losers(), None)

    @property
    def last_loser(self) -> str | None:
        """Who would be out by the last look alone."""
        return self._loser(len(self._group) - 1) if self._group else None

    def winners(self) -> list[str | None]:
        """Return who is better at each look, each with the stated confidence by itself."""
        found = [self._winner(each) for each in self._alone[: self._before]]
        return [*found, *[None] * (len(self._alone) - self._before)]

    def _losers(self) -> Iterator[str]:
        """Yield who is out at each look, until one shows that it does not matter."""
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
    """Return who is better than every other at one look, of the first look that has such a one."""
    every = [each.winners() for each in duels]
    for place in range(max(map(len, every))):
        wins = [_winner_at(winners, place) for winners in every]
        for name in names:
            if wins.count(name) == len(names) - 1:
                return name
    return None


def _winner_at(winners: Sequence[str | None], place: int) -> str | None:
    """Return who is better at a look; of a pair that was left behind, who was at its last win."""
    if place < len(winners):
        return winners[place]
    return next((each for each in reversed(winners) if each is not None), None)
