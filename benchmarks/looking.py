"""Whether verdicts keep their promise for people who look again, ask who leads, or search anew.

As in `calibration`, the trials of a variant stand for all seeds that there are. Here each
experiment is looked at with 5, 10, 20 and 40 seeds. Everything in it is computed by the functions
of the pipeline.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from calibration import Population, Question, Share
from optledger.analysis.comparisons import Pair, deciding_look, judged_pairs
from optledger.analysis.leading import Leaders, leaders
from optledger.analysis.settling import state
from optledger.analysis.statistics import SKEWNESS, Sample, difference, verdict
from optledger.core.metric import Verdict
from optledger.core.params import Comparison

LOOKS = (5, 10, 20, 40)
METRIC: Final = "accuracy"
APART = ("better", "worse")

DECLARED = Comparison(metric=METRIC, looks=LOOKS)
ONCE = Comparison(metric=METRIC)

ERRORS = "Looking at 5, 10, 20 and 40 seeds: errors, % of experiments"
CLAIMS = "Looking at 5, 10, 20 and 40 seeds: who leads, % of tables"
RACED = "settle --leave-behind, at 5, 10, 20 and 40 seeds: % of tables, and seeds"
BOUGHT = "Looking at 5, 10, 20 and 40 seeds: verdicts on a pair by its true difference, %"
SEARCHED = "The same optimizer searched twice, ten seeds each, called different, % of pairs"


@dataclass(frozen=True)
class Group:
    """One variant of an experiment.

    Attributes:
        variant: the variant from whose trials it is drawn.
        shift: what is added to its accuracy, and so to the true one.
    """

    variant: str
    shift: float = 0.0


class Decided(NamedTuple):
    """The verdict on a pair at the look that decided, its interval, and the true difference."""

    first: str
    second: str
    seeds: int
    verdict: Verdict
    low: float
    high: float
    truth: float

    @property
    def is_false(self) -> bool:
        """Whether the verdict is wrong."""
        if self.verdict == "equivalent":
            return abs(self.truth) >= DECLARED.margin(METRIC) - _ROUNDING
        if self.verdict == "better":
            return self.truth <= _ROUNDING
        return self.verdict == "worse" and self.truth >= -_ROUNDING


_ROUNDING = 1e-12


@dataclass(frozen=True)
class Drawn:
    """The draw of an experiment: a sample of each group, with all of its looks.

    Attributes:
        groups: the groups that were drawn.
        samples: the sample of each group. The name of a group is its place, as a text.
        truths: the true accuracy of each group, by the same names.
    """

    groups: Sequence[Group]
    samples: Mapping[str, Sample]
    truths: Mapping[str, float]

    def decided(
        self, first: str, second: str, family: int, rules: Comparison = DECLARED
    ) -> Decided:
        """Return the verdict on a pair, as one of a family of so many pairs."""
        own, other = self.samples[first], self.samples[second]
        looks = Pair(own, other, rules).looks(rules.alpha / family)
        look, verdict = deciding_look(looks, rules.margin(METRIC))
        low, high = look.estimate.interval(look.alpha)
        truth = self.truths[first] - self.truths[second]
        return Decided(first, second, look.seeds, verdict, low, high, truth)

    @cached_property
    def pairs(self) -> list[Decided]:
        """The verdict on each pair, whose first group has the higher mean over all seeds."""
        family = judged_pairs(len(self.samples), DECLARED)
        return [self.decided(*pair, family) for pair in combinations(self._order, 2)]

    @cached_property
    def leaders(self) -> Leaders:
        """The leading group, and the one that is first, if there is one."""
        samples = {name: {METRIC: self.samples[name]} for name in self._order}
        sound = pd.DataFrame({"variant": self._order, "diverged_epoch": np.nan})
        return leaders(samples, self._table, DECLARED, sound)

    def settled(self, leaves_behind: bool) -> "Drawn":
        """Return the part of the draw that `optledger settle` would train.

        It goes from look to look while something is open.

        Args:
            leaves_behind: whether a group that is shown to be worse is trained no further.
        """
        stopped: dict[str, Sample] = {}
        seen = self
        for look in LOOKS:
            samples = {name: _until(each, look) for name, each in self.samples.items()}
            seen = replace(self, samples=samples | stopped)
            found = state(seen._board, seen._table, DECLARED)
            if not found.open:
                break
            if leaves_behind:
                stopped |= {name: seen.samples[name] for name in found.behind}
        return seen

    @cached_property
    def raced(self) -> "Drawn":
        """The part of the draw that is trained if groups shown to be worse are left behind."""
        return self.settled(leaves_behind=True)

    @property
    def seeds(self) -> float:
        """How many seeds a group has, mean over the groups."""
        return float(np.mean([each.count for each in self.samples.values()]))

    @property
    def _order(self) -> list[str]:
        return sorted(self.samples, key=lambda name: -self.samples[name].mean)

    @property
    def _board(self) -> pd.DataFrame:
        group, first = self.leaders
        rows = [
            {"variant": name, "leading": int(name in group), "first": int(name == first)}
            | {"seeds": self.samples[name].count, "diverged_seeds": 0}
            for name in self._order
        ]
        return pd.DataFrame(rows)

    @cached_property
    def _table(self) -> pd.DataFrame:
        rows = [
            {"metric": METRIC, "variant": each.first, "against": each.second, "look": each.seeds}
            | {"verdict": each.verdict, "low": each.low, "high": each.high}
            | {"inner_low": each.low, "inner_high": each.high, "half_width": each.high - each.low}
            | {"difference": (each.low + each.high) / 2}
            for each in self.pairs
        ]
        return pd.DataFrame(rows)

    @property
    def best(self) -> str:
        """The name of a group with the highest true accuracy."""
        return max(self.truths, key=lambda name: self.truths[name])


def _until(sample: Sample, look: int) -> Sample:
    """Return the sample as it was at a look, with the looks before it."""
    every = [each for each in (*sample.earlier, sample) if each.count <= look]
    return replace(every[-1], earlier=tuple(every[:-1]))


class Urn:
    """Draws experiments on accuracy from a population, quickly: a hit counts 1, a miss 0."""

    def __init__(self, population: Population, looks: Sequence[int]) -> None:
        self._hits = {
            name: (trials.classes == population.labels).astype(np.uint8)
            for name, trials in population.variants.items()
        }
        self._looks = tuple(looks)
        self._truths = {name: float(hits.mean()) for name, hits in self._hits.items()}

    def draw(
        self, groups: Sequence[Group], rng: np.random.Generator, images: int | None = None
    ) -> Drawn:
        """Draw seeds of each group, and images with replacement, the same for all groups.

        As many images are drawn as there are, unless `images` says how many.
        """
        total = next(iter(self._hits.values())).shape[1]
        drawn = rng.integers(total, size=images or total)
        samples = {
            str(place): self._sample(group, drawn, rng) for place, group in enumerate(groups)
        }
        truths = {
            str(place): self._truths[group.variant] + group.shift
            for place, group in enumerate(groups)
        }
        return Drawn(groups, samples, truths)

    def _sample(self, group: Group, images: NDArray[np.intp], rng: np.random.Generator) -> Sample:
        hits = self._hits[group.variant]
        seeds = rng.integers(len(hits), size=self._looks[-1])
        return summarized(hits[seeds], images, self._looks, group.shift)


def summarized(
    hits: NDArray[np.uint8], images: NDArray[np.intp], looks: Sequence[int], shift: float = 0.0
) -> Sample:
    """Return what `statistics.sample` makes of some images, without an array of their values.

    Args:
        hits: 1 where a seed is right, shape (seeds, all images).
        images: the places of the images that are drawn.
        looks: numbers of seeds, of which the last is all.
        shift: what is added to the accuracy.
    """
    counts = np.bincount(images, minlength=hits.shape[1]).astype(np.float32)
    means = (hits.astype(np.float32) @ counts).astype(np.float64) / len(images)
    found: list[Sample] = []
    right = np.zeros(hits.shape[1], np.int64)
    start = 0
    for look in looks:
        right += hits[start:look].sum(axis=0, dtype=np.int64)
        start = look
        effects, seeds = (right / look)[images], means[:look]
        mean = seeds.mean()
        # The residual sum of squares. As hits are 0 or 1, their sum of squares is their sum.
        rest = look * len(images) * (mean - mean**2)
        rest -= len(images) * np.sum((seeds - mean) ** 2)
        rest -= look * np.sum((effects - mean) ** 2)
        residual = max(0.0, rest) / ((look - 1) * (len(images) - 1))
        found.append(Sample(seeds + shift, effects + shift, float(residual), True, SKEWNESS))
    return replace(found[-1], earlier=tuple(found[:-1]))


@dataclass(frozen=True)
class Kind:
    """A kind of experiment, and what is asked of it.

    Attributes:
        groups: the groups that are drawn.
        questions: by the question in words: the title of its table, whether its share has a limit,
            and the function that answers it.
        images: how many images are drawn; None for as many as there are.
        scale: the number of draws is divided by this, as large experiments take long.
    """

    groups: tuple[Group, ...]
    questions: Mapping[str, tuple[str, bool, Callable[[Drawn], float]]]
    images: int | None = None
    scale: int = 1


def run(kind: Kind, population: Population, draws: int, rng: np.random.Generator) -> list[Share]:
    """Draw experiments of a kind; return the share, or the mean, that answers each question."""
    urn = Urn(population, LOOKS)
    counts = dict.fromkeys(kind.questions, 0.0)
    for _ in range(draws // kind.scale):
        drawn = urn.draw(kind.groups, rng, kind.images)
        for what, (_, _, happens) in kind.questions.items():
            counts[what] += happens(drawn)
    return [
        Share(
            _question(table, what, limited, isinstance(happens, Seeds)),
            *(LOOKS[-1], counts[what], draws // kind.scale),
        )
        for what, (table, limited, happens) in kind.questions.items()
    ]


def _question(table: str, what: str, limited: bool, is_mean: bool = False) -> Question:
    return Question(table, what, _never, limited, is_mean)


def _never(drawn: object) -> bool:
    return False


# The answers to questions about one experiment.


class Called:
    """Whether the verdict on any pair is false, at the look that decided."""

    def __call__(self, drawn: Drawn) -> bool:
        """Answer for all pairs of a table."""
        return any(each.is_false for each in drawn.pairs)


class CalledAgainstBaseline:
    """Whether any verdict against the first group is false, at the level for these pairs alone."""

    def __call__(self, drawn: Drawn) -> bool:
        """Answer for a table."""
        first, *others = drawn.samples
        rules = DECLARED.model_copy(update={"family": "baseline"})
        family = judged_pairs(len(drawn.samples), rules)
        return any(drawn.decided(first, other, family).is_false for other in others)


@dataclass(frozen=True)
class Raced:
    """Whether something happens if `settle --leave-behind` decides what is trained."""

    happens: Callable[[Drawn], bool]

    def __call__(self, drawn: Drawn) -> bool:
        """Answer for a table."""
        return self.happens(drawn.raced)


class CalledNaively:
    """Whether any look calls an equal pair different, if each look is at the full level."""

    def __call__(self, drawn: Drawn) -> bool:
        """Answer for a pair."""
        return any(_at_once(drawn, look) in APART for look in LOOKS)


def _at_once(drawn: Drawn, look: int) -> str:
    first, second = (each.at(look) for each in drawn.samples.values())
    assert first
    assert second
    return verdict(difference(first, second), ONCE.alpha, ONCE.margin(METRIC))


class Misses:
    """Whether any interval misses the truth, at the look that decided, or else at the last one."""

    def __call__(self, drawn: Drawn) -> bool:
        """Answer for all pairs of a table."""
        return any(not each.low <= each.truth <= each.high for each in drawn.pairs)


class LosesTheBest:
    """Whether the leading group lacks a given best variant."""

    def __call__(self, drawn: Drawn) -> bool:
        """Answer for a table."""
        return drawn.best not in drawn.leaders.group


class FalselyFirst:
    """Whether a variant is called first although it is not better than every other."""

    def __call__(self, drawn: Drawn) -> bool:
        """Answer for a table."""
        first = drawn.leaders.first
        if first is None:
            return False
        others = [truth for name, truth in drawn.truths.items() if name != first]
        return drawn.truths[first] <= max(others) + _ROUNDING


class LeadsAlone:
    """Whether the best variant is alone in the leading group."""

    def __call__(self, drawn: Drawn) -> bool:
        """Answer for a table."""
        return drawn.leaders.group == [drawn.best]


class BetterThanAll:
    """Whether the best variant is called better than every other, by the verdicts of all pairs."""

    def __call__(self, drawn: Drawn) -> bool:
        """Answer for a table."""
        best = drawn.best
        return all(
            each.verdict == ("better" if each.first == best else "worse")
            for each in drawn.pairs
            if best in (each.first, each.second)
        )


@dataclass(frozen=True)
class Says:
    """Whether the first of a pair is called this, by the declared looks or by all seeds at once."""

    verdict: str
    is_once: bool = False

    def __call__(self, drawn: Drawn) -> bool:
        """Answer for a pair."""
        said = _at_once(drawn, LOOKS[-1]) if self.is_once else drawn.decided("0", "1", 1).verdict
        return said == self.verdict


class Seeds:
    """How many seeds the verdict on a pair took; all of them, if it is still open."""

    def __call__(self, drawn: Drawn) -> float:
        """Answer for a pair."""
        return float(drawn.pairs[0].seeds)


@dataclass(frozen=True)
class Trained(Seeds):
    """How many seeds `settle` trains of each variant of a table, mean over the variants."""

    leaves_behind: bool

    def __call__(self, drawn: Drawn) -> float:
        """Answer for a table."""
        return drawn.raced.seeds if self.leaves_behind else drawn.settled(False).seeds


def kinds(population: Population) -> list[Kind]:
    """Return all kinds of experiments; they draw from trials of adam, sgd and gd."""
    truths = Urn(population, LOOKS)._truths
    margin = DECLARED.margin(METRIC)

    def equal(*names: str) -> tuple[Group, ...]:
        return tuple(Group(name, truths["adam"] - truths[name]) for name in names)

    def ahead(by: float, *names: str) -> tuple[Group, ...]:
        first, *others = equal(*names)
        return replace(first, shift=first.shift + by), *others

    def behind(by: Sequence[float]) -> tuple[Group, ...]:
        names = ("adam", "sgd") * len(by)
        every = equal(*names[: len(by)])
        return tuple(
            replace(each, shift=each.shift - less) for each, less in zip(every, by, strict=True)
        )

    pairs = [
        Kind(
            equal(*names),
            {
                f"{' against '.join(names)}, equal: better or worse": (ERRORS, True, Called()),
                f"{' against '.join(names)}: interval of the look that decided misses": (
                    *(ERRORS, True),
                    Misses(),
                ),
                f"{' against '.join(names)}, equal: by looks at the full level (no limit)": (
                    *(ERRORS, False),
                    CalledNaively(),
                ),
            },
            images,
        )
        for names, images in (
            (("adam", "adam"), None),
            (("sgd", "sgd"), None),
            (("sgd", "adam"), None),
            (("gd", "gd"), None),
            (("gd", "adam"), None),
        )
    ]
    small = Kind(
        equal("sgd", "adam"),
        {
            "sgd against adam on 2,500 images, equal: better or worse": (ERRORS, True, Called()),
            "sgd against adam on 2,500 images: interval of the look that decided misses": (
                *(ERRORS, True),
                Misses(),
            ),
        },
        2500,
    )
    close = [
        Kind(
            ahead(margin, "sgd", "adam"),
            {f"sgd - adam{words}, apart by the margin: equivalent": (ERRORS, True, Called())},
            images,
        )
        for words, images in (("", None), (" on 2,500 images", 2500))
    ]
    tables = [
        Kind(
            equal(*names),
            {
                f"{words}, equal: any pair called different": (CLAIMS, True, Called()),
                f"{words}, equal: any comparison with a baseline": (
                    *(CLAIMS, True),
                    CalledAgainstBaseline(),
                ),
                f"{words}, equal: a given best one is out": (CLAIMS, True, LosesTheBest()),
                f"{words}, equal: one is called first": (CLAIMS, True, FalselyFirst()),
            },
            scale=scale,
        )
        for words, names, scale in (
            ("five of adam and sgd", ("adam", "adam", "adam", "sgd", "sgd"), 2),
            ("gd and four of adam and sgd", ("gd", "adam", "adam", "sgd", "sgd"), 2),
            ("ten of adam and sgd", ("adam",) * 5 + ("sgd",) * 5, 8),
        )
    ]
    led = [
        Kind(
            ahead(margin, *names),
            {
                f"{words}, one ahead by 0.3 points: it leads alone": (
                    *(CLAIMS, False),
                    LeadsAlone(),
                ),
                f"{words}, one ahead by 0.3 points: better than every other by all pairs": (
                    *(CLAIMS, False),
                    BetterThanAll(),
                ),
            },
            scale=scale,
        )
        for words, names, scale in (
            ("five of adam and sgd", ("adam", "adam", "adam", "sgd", "sgd"), 4),
            ("ten of adam and sgd", ("adam",) * 5 + ("sgd",) * 5, 16),
        )
    ]
    raced = [
        Kind(
            groups,
            {
                f"{words}: any pair called what it is not": (RACED, True, Raced(Called())),
                f"{words}: a given best one is out": (RACED, True, Raced(LosesTheBest())),
                f"{words}: one is falsely called first": (RACED, True, Raced(FalselyFirst())),
                f"{words}: seeds of each, mean": (*(RACED, False), Trained(leaves_behind=True)),
                f"{words}: the same without racing": (
                    *(RACED, False),
                    Trained(leaves_behind=False),
                ),
            },
            scale=scale,
        )
        for words, groups, scale in (
            ("five equal", equal("adam", "adam", "adam", "sgd", "sgd"), 8),
            ("gd and four, equal", equal("gd", "adam", "adam", "sgd", "sgd"), 8),
            ("two ahead of three, by 0.3 to 1 points", behind((0, 0, 0.003, 0.005, 0.01)), 8),
            (
                "two ahead of eight, by 0.2 to 1 points",
                behind((0, 0, *(0.002, 0.003) * 2, *(0.005, 0.01) * 2)),
                32,
            ),
        )
    ]
    bought = [
        Kind(
            ahead(size, "sgd", "adam"),
            {
                f"{100 * size:g} points: better": (BOUGHT, False, Says("better")),
                f"{100 * size:g} points: equivalent": (BOUGHT, False, Says("equivalent")),
                f"{100 * size:g} points: seeds that it took, mean": (BOUGHT, False, Seeds()),
                f"{100 * size:g} points: better, by 40 seeds at once": (
                    *(BOUGHT, False),
                    Says("better", is_once=True),
                ),
            },
            scale=2,
        )
        for size in (0.0, 0.001, 0.002, 0.003, 0.005)
    ]
    return [*pairs, small, *close, *tables, *led, *raced, *bought]


# The search.


@dataclass(frozen=True)
class Searched:
    """Trials of an optimizer at several learning rates.

    Attributes:
        validation: by learning rate, the validation accuracy of each seed.
        hits: by learning rate, 1 where a seed is right on a test image, shape (seeds, images).
    """

    validation: dict[float, NDArray[np.float64]]
    hits: dict[float, NDArray[np.uint8]]

    @cached_property
    def gap(self) -> float:
        """How far the best rate is ahead of the second best, in mean validation accuracy."""
        means = sorted(each.mean() for each in self.validation.values())
        return float(means[-1] - means[-2])


_FINAL = 10
"""How many seeds are drawn after a single search."""

_BLOCKS = 5
"""How many independent searches a side makes, if each search counts as one seed."""


def search_shares(
    name: str, searched: Searched, counts: Sequence[int], draws: int, rng: np.random.Generator
) -> list[Share]:
    """Return how often two searches of one optimizer are called different.

    Each side searches once, or five times. If it searches five times, each search is followed by
    two seeds of its own, whose mean counts as one seed. A third figure tells how many times as wide
    that makes the interval.

    Args:
        name: the optimizer.
        searched: its trials at several learning rates.
        counts: for how many trials of each rate in a search to return the shares.
        draws: how many experiments to draw.
        rng: the random generator.
    """
    told = f"{name}, whose best rates are {100 * searched.gap:.2f} points apart"
    images = next(iter(searched.hits.values())).shape[1]
    shares: list[Share] = []

    def found(count: int, seeds: int) -> NDArray[np.uint8]:
        means = {
            rate: rng.choice(accuracies, count).mean()
            for rate, accuracies in searched.validation.items()
        }
        hits = searched.hits[max(means, key=lambda rate: means[rate])]
        return hits[rng.integers(len(hits), size=seeds)]

    for count in counts:
        called = blocks = 0
        width = [0.0, 0.0]
        for _ in range(draws):
            drawn = np.asarray(rng.integers(images, size=images), np.intp)
            first, second = (summarized(found(count, _FINAL), drawn, (_FINAL,)) for _ in range(2))
            called += _note(first, second, width, 0)
            sides = [
                [summarized(found(count, 2), drawn, (2,)) for _ in range(_BLOCKS)] for _ in range(2)
            ]
            first, second = map(_of_blocks, sides)
            blocks += _note(first, second, width, 1)
        shares += [
            Share(_question(SEARCHED, f"{told}: one search", False), count, called, draws),
            Share(_question(SEARCHED, f"{told}: five searches", False), count, blocks, draws),
            Share(
                _question(SEARCHED, f"{name}: the latter's interval, times as wide", False, True),
                *(count, width[1], width[0]),
            ),
        ]
    return shares


def _note(first: Sample, second: Sample, widths: list[float], place: int) -> bool:
    """Return whether a pair is called different; add the width of its interval to `widths`."""
    estimate = difference(first, second)
    low, high = estimate.interval(ONCE.alpha)
    widths[place] += high - low
    return verdict(estimate, ONCE.alpha, ONCE.margin(METRIC)) in APART


def _of_blocks(blocks: Sequence[Sample]) -> Sample:
    """Return a sample whose seeds are the means of blocks."""
    images = [each.images for each in blocks if each.images is not None]
    return Sample(
        np.array([each.mean for each in blocks]),
        np.mean(images, axis=0),
        float(np.mean([each.residual / each.count for each in blocks])),
        skewness=SKEWNESS,
    )
