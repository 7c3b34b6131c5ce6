"""Whether verdicts keep their promise: experiments drawn from real trials, whose truth is known.

The trials of a variant stand for all seeds that there are, and the test images for all images. The
mean over both is the truth. An experiment draws a few seeds, and as many images as there are. The
shares of draws in which an interval misses the truth, or a verdict is wrong, are compared with what
is promised. Everything in an experiment is computed by the functions of the pipeline.
"""

import math
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations, product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from optledger.analysis.comparisons import assumed_skewness, family_alpha
from optledger.analysis.statistics import (
    Estimate,
    Howe,
    Sample,
    difference,
    mean,
    sample,
    seeds_needed,
    verdict,
)
from optledger.core.metric import METRICS, Verdict
from optledger.core.params import Comparison
from optledger.datasets.kinds import KINDS, Kind

DRAWS = 4000
"""How often each experiment is drawn. A share of 5 % then has a standard error of 0.34 %."""

SEEDS = (3, 5, 10, 20)

COMPARISON = Comparison(metric="accuracy")
"""The defaults: a confidence of 0.95, and a margin of 0.003."""

ALPHA = family_alpha(2, COMPARISON)
MARGIN = COMPARISON.margins.accuracy

GROUPS = 5
"""How many variants a table has. The errors of a table are shared out among their pairs."""

TABLE_ALPHA = family_alpha(GROUPS, COMPARISON)

APART: tuple[Verdict, ...] = ("better", "worse")

Indices = NDArray[np.intp]


@dataclass(frozen=True)
class Trials:
    """The predictions of a variant's models on the test images, one model for each seed.

    Attributes:
        classes: the predicted values, shape (seeds, items, ...).
        losses: the loss of each item, shape (seeds, items).
    """

    classes: NDArray[Any]
    losses: NDArray[np.float32]


@dataclass(frozen=True)
class Population:
    """All seeds and all images that there are.

    Attributes:
        labels: true values, as the kind of target has them, shape (items, ...).
        classes: how many classes or labels there are.
        variants: the trials of each variant, by name.
        kind: the kind of target.
    """

    labels: NDArray[Any]
    classes: int
    variants: Mapping[str, Trials]
    kind: Kind = KINDS["classes"]

    def seeds(self, variant: str) -> int:
        """Return how many seeds there are of a variant."""
        return len(self.variants[variant].classes)

    def sample(
        self, metric: str, variant: str, seeds: Indices | None = None, images: Indices | None = None
    ) -> Sample:
        """Return the pipeline's sample of these seeds and images; by default, of all of them."""
        trials, labels = self.variants[variant], self.labels
        predicted, losses = trials.classes, trials.losses
        if seeds is not None:
            predicted, losses = predicted[seeds], losses[seeds]
        if images is not None:
            labels = labels[images]
            # Several times as fast as numpy.ix_ for both at once.
            predicted, losses = predicted.take(images, axis=1), losses.take(images, axis=1)
        rows = zip(predicted, losses, strict=True)
        values = [self.kind.pseudo_values(metric, labels, *row, self.classes) for row in rows]
        told = METRICS[metric]
        return sample(
            np.stack(values), counts=told.is_mean_of_hits, skewness=assumed_skewness(told)
        )


@dataclass(frozen=True)
class Drawn:
    """The result of an experiment on two groups of seeds, or on a single one, and the truth.

    Attributes:
        groups: the sample of each group.
        estimate: the estimated difference, or the mean of a single group.
        truth: the true value of what is estimated.
        alike: whether both groups are of one variant.
    """

    groups: Sequence[Sample]
    estimate: Estimate
    truth: float
    alike: bool

    def at(self, truth: float) -> Estimate:
        """Return what the estimate would be if `truth` were the true difference.

        It is as if a constant were added to all pseudo-values of one variant. That shifts the
        estimate and changes nothing else.
        """
        assert isinstance(self.estimate, Howe)
        return replace(self.estimate, value=self.estimate.value - self.truth + truth)


@dataclass(frozen=True)
class Question:
    """A question about experiments: how often something happens.

    Attributes:
        table: the title of the table with the answer.
        what: the event, in words.
        happens: tells whether it happens to a pair. In a table of several pairs, one is enough.
        limited: whether the event is an error, which may be no more frequent than stated.
        is_mean: whether the answer is the mean of a number, and not a share.
    """

    table: str
    what: str
    happens: Callable[[Drawn], bool]
    limited: bool
    is_mean: bool = False


@dataclass(frozen=True)
class Scenario:
    """How an experiment is drawn, and what is asked of it.

    Attributes:
        variants: the variant of each group of seeds.
        seeds: how many seeds each group has.
        questions: the questions, each of which is asked of all pairs of groups.
        metric: the metric that is compared.
        images: `drawn`: with replacement, the same ones for all groups. `kept`: as they are. `left
            out`: as if there were no predictions.
        disjoint: whether no seed is in two groups, nor twice in one. Otherwise each group is drawn
            with replacement from all seeds of its variant.
    """

    variants: tuple[str, ...]
    seeds: int
    questions: tuple[Question, ...]
    metric: str = "accuracy"
    images: Literal["drawn", "kept", "left out"] = "drawn"
    disjoint: bool = False


@dataclass(frozen=True)
class Share:
    """The share of experiments in which something happened.

    Attributes:
        question: the question that it answers.
        seeds: how many seeds of each variant were drawn.
        count: in how many experiments it happened.
        draws: how many experiments there were.
    """

    question: Question
    seeds: int
    count: float
    draws: float

    @property
    def value(self) -> float:
        """The share, from 0 to 1; or the mean, if the question is about a number."""
        return self.count / self.draws

    @property
    def error(self) -> float:
        """The Monte Carlo standard error of the share."""
        return math.sqrt(self.value * (1 - self.value) / self.draws)

    @property
    def limit(self) -> float:
        """The largest share that passes; infinite if the question has no limit.

        It is 5 % plus two Monte Carlo standard errors of a share of 5 %. With 2 to 4 seeds it is
        6.5 %.
        """
        if not self.question.limited:
            return math.inf
        return 0.065 if 2 <= self.seeds <= 4 else 0.05 + 2 * math.sqrt(0.05 * 0.95 / self.draws)

    @property
    def passes(self) -> bool:
        """Whether the share is within its limit."""
        return self.value <= self.limit


def run(
    scenario: Scenario, population: Population, draws: int, rng: np.random.Generator
) -> list[Share]:
    """Draw so many experiments; return how often each question was answered with yes."""
    truths = _truths(scenario, population)
    counts = [0] * len(scenario.questions)
    for _ in range(draws):
        pairs = _draw(scenario, population, truths, rng)
        for place, question in enumerate(scenario.questions):
            counts[place] += any(map(question.happens, pairs))
    return [
        Share(question, scenario.seeds, count, draws)
        for question, count in zip(scenario.questions, counts, strict=True)
    ]


def _truths(scenario: Scenario, population: Population) -> dict[str, float]:
    return {name: population.sample(scenario.metric, name).mean for name in set(scenario.variants)}


def _draw(
    scenario: Scenario,
    population: Population,
    truths: Mapping[str, float],
    rng: np.random.Generator,
) -> list[Drawn]:
    """Return the results of one experiment: one for each pair of groups, or for the only group."""
    images = None
    if scenario.images == "drawn":
        images = rng.integers(len(population.labels), size=len(population.labels))
    groups = []
    for name, seeds in zip(scenario.variants, _seeds(scenario, population, rng), strict=True):
        found = population.sample(scenario.metric, name, seeds, images)
        if scenario.images == "left out":
            found = replace(found, images=None)
        # With one seed each, the truth is that of these models, not of the variants.
        truth = truths[name]
        if scenario.seeds == 1:
            truth = population.sample(scenario.metric, name, seeds).mean
        groups.append((name, found, truth))
    if len(groups) == 1:
        _, only, truth = groups[0]
        return [Drawn([only], mean(only), truth, alike=True)]
    return [
        Drawn([first, second], difference(first, second), truth - other, name == against)
        for (name, first, truth), (against, second, other) in combinations(groups, 2)
    ]


def _seeds(
    scenario: Scenario, population: Population, rng: np.random.Generator
) -> Iterable[Indices]:
    """Return the seeds of each group."""
    if not scenario.disjoint:
        return [
            rng.integers(population.seeds(name), size=scenario.seeds) for name in scenario.variants
        ]
    order = rng.permutation(population.seeds(scenario.variants[0]))
    return order[: len(scenario.variants) * scenario.seeds].reshape(-1, scenario.seeds)


# The events that may happen to a pair.


def misses(drawn: Drawn, alpha: float) -> bool:
    """Whether the interval misses the truth."""
    low, high = drawn.estimate.interval(alpha)
    return not low <= drawn.truth <= high


def excludes_zero(drawn: Drawn, alpha: float, size: float | None = None) -> bool:
    """Whether the interval excludes 0; with a size, as if that were the true difference."""
    low, high = (drawn.estimate if size is None else drawn.at(size)).interval(alpha)
    return low > 0 or high < 0


def is_significant(drawn: Drawn, alpha: float) -> bool:
    """Whether the p-value is below alpha."""
    return drawn.estimate.p_value() < alpha


def is_called(
    drawn: Drawn, verdicts: Container[Verdict], alpha: float, size: float | None = None
) -> bool:
    """Whether the verdict is one of these; with a size, as if that were the true difference.

    With a size, it is false for groups of one variant, which does not differ from itself.
    """
    if size is None:
        return verdict(drawn.estimate, alpha, MARGIN) in verdicts
    return not drawn.alike and verdict(drawn.at(size), alpha, MARGIN) in verdicts


def proportions_differ(drawn: Drawn, alpha: float) -> bool:
    """Whether two proportions differ by the normal test, which treats the images as unpaired."""
    first, second = (each.mean for each in drawn.groups)
    images = drawn.groups[0].images
    assert images is not None
    pooled = (first + second) / 2
    error = math.sqrt(2 * pooled * (1 - pooled) / len(images))
    return bool(abs(first - second) > stats.norm.isf(alpha / 2) * error)


# The experiments and their questions.

PAIRS = "Errors on one pair, % of experiments"
TABLES = "Errors in a table of five, % of tables: any of its ten pairs counts"
VERDICTS = "Verdicts on one pair by its true difference in points, % of experiments"
ADVICE = "With as many seeds as are advised for a difference in points, % of experiments"
SINGLE = "One run against one run, % of pairs of runs"


def scenarios(population: Population, rng: np.random.Generator) -> list[Scenario]:
    """Return the experiments to draw from trials of adam, sgd and gd."""
    return [
        *_against_itself(),
        *_two_variants(),
        *_means(),
        *_tables(population),
        *_advice(population, rng),
        *_single_runs(),
    ]


def _against_itself() -> Iterator[Scenario]:
    """Yield comparisons of a variant with itself, where there is no difference to find."""
    for name, seeds in product(("adam", "sgd", "gd"), SEEDS):
        differ = _ask(PAIRS, f"{name} against itself: interval excludes 0", excludes_zero)
        called = _ask(PAIRS, f"{name} against itself: better or worse", is_called, verdicts=APART)
        yield Scenario((name, name), seeds, (differ, called), images="kept", disjoint=True)


def _two_variants() -> Iterator[Scenario]:
    """Yield comparisons with a known true difference, and with others that are assumed."""
    called = partial(_ask, VERDICTS, happens=is_called, limited=False)
    of_tuned = (
        _misses("sgd - adam, accuracy"),
        _ask(
            PAIRS,
            "sgd - adam, apart by the margin: equivalent",
            is_called,
            verdicts=("equivalent",),
            size=MARGIN,
        ),
        called("0: better or worse", verdicts=APART, size=0.0),
        *(
            called(f"{100 * size:g}: {name}", verdicts=(name,), size=size)
            for size, name in (
                (0.0, "equivalent"),
                (0.001, "equivalent"),
                (0.001, "better"),
                (0.002, "equivalent"),
                (0.002, "better"),
                (0.003, "better"),
                (0.005, "better"),
            )
        ),
    )
    of_unequal = (
        _misses("gd - adam, accuracy"),
        # These are far apart, to see what an interval that misses does to the verdict.
        called("gd - adam as they are: worse", verdicts=("worse",)),
    )
    for pair, questions in ((("sgd", "adam"), of_tuned), (("gd", "adam"), of_unequal)):
        for seeds in SEEDS:
            yield Scenario(pair, seeds, questions)
        on_this_test_set = _misses(f"{' - '.join(pair)}, accuracy on this test set")
        for seeds in SEEDS:
            yield Scenario(pair, seeds, (on_this_test_set,), images="left out")
    for metric, seeds in product(("f1", "loss"), SEEDS):
        yield Scenario(("sgd", "adam"), seeds, (_misses(f"sgd - adam, {metric}"),), metric)
    for metric in ("accuracy", "f1", "loss"):
        yield Scenario(("sgd", "adam"), 1, (_misses(f"sgd - adam, {metric}"),), metric)


def _means() -> Iterator[Scenario]:
    """Yield experiments on the mean of one variant."""
    for name, seeds in product(("adam", "gd"), SEEDS):
        yield Scenario((name,), seeds, (_misses(f"mean of {name}, accuracy"),))


def _tables(population: Population) -> Iterator[Scenario]:
    """Yield tables of one variant, of three, and of two that differ in six of ten pairs."""
    for name, seeds in product(("adam", "sgd"), SEEDS):
        if GROUPS * seeds <= population.seeds(name):
            what = f"five of {name}: better or worse"
            question = _ask(TABLES, what, is_called, verdicts=APART, alpha=TABLE_ALPHA)
            yield Scenario((name,) * GROUPS, seeds, (question,), images="kept", disjoint=True)
    unequal = _ask(
        TABLES, "gd, two of sgd, two of adam: interval misses", misses, alpha=TABLE_ALPHA
    )
    for seeds in SEEDS:
        yield Scenario(("gd", "sgd", "sgd", "adam", "adam"), seeds, (unequal,))
    equivalent = partial(_ask, TABLES, happens=is_called, verdicts=("equivalent",), size=MARGIN)
    questions = (
        _ask(TABLES, "three of adam, two of sgd: interval misses", misses, alpha=TABLE_ALPHA),
        equivalent("these, apart by the margin: equivalent, at 99 %", alpha=TABLE_ALPHA),
        # Another reading of what is promised, for comparison.
        equivalent("the same, at 90 % (no limit)", alpha=ALPHA, limited=False),
    )
    for seeds in SEEDS:
        yield Scenario(("adam", "adam", "adam", "sgd", "sgd"), seeds, questions)


def _advice(population: Population, rng: np.random.Generator) -> Iterator[Scenario]:
    """Yield experiments with as many seeds as are advised to see a difference.

    The advice comes from large experiments that are drawn in the same way, not from the trials as
    they are. Drawing images anew adds noise, another for each seed, to that of the images on which
    the trials were scored.
    """
    pair = ("sgd", "adam")
    large = Scenario(pair, population.seeds("adam"), ())
    truths = _truths(large, population)
    groups = [_draw(large, population, truths, rng)[0].groups for _ in range(101)]
    for size in (0.002, 0.003, 0.005):
        seeds = np.median([seeds_needed(first, second, size, ALPHA) for first, second in groups])
        if math.isfinite(seeds):
            ask = partial(_ask, ADVICE, limited=False, size=size)
            questions = (
                ask(f"{100 * size:g}: interval excludes 0", excludes_zero),
                ask(f"{100 * size:g}: better", is_called, verdicts=("better",)),
                ask(f"{100 * size:g}: equivalent", is_called, verdicts=("equivalent",)),
            )
            yield Scenario(pair, int(seeds), questions)


def _single_runs() -> Iterator[Scenario]:
    """Yield comparisons of two runs by tests that know the noise of images alone."""
    for pair in (("adam", "adam"), ("sgd", "sgd"), ("gd", "gd"), ("sgd", "adam")):
        ask = partial(_ask, SINGLE, limited=False)
        name = " against ".join(pair)
        questions = (
            ask(f"{name}: apart by McNemar's test", is_significant),
            ask(f"{name}: apart by a test of proportions", proportions_differ),
        )
        yield Scenario(pair, 1, questions, images="kept", disjoint=pair[0] == pair[1])


def _misses(what: str) -> Question:
    return _ask(PAIRS, f"{what}: interval misses", misses)


def _ask(
    table: str,
    what: str,
    happens: Callable[..., bool],
    alpha: float = ALPHA,
    limited: bool = True,
    **settings: Any,
) -> Question:
    return Question(table, what, partial(happens, alpha=alpha, **settings), limited)


# The answers.


def markdown(shares: Sequence[Share]) -> str:
    """Return the tables that the questions name, with the shares in % by number of seeds."""
    tables: dict[str, dict[str, dict[int, Share]]] = {}
    for share in shares:
        question = share.question
        row = tables.setdefault(question.table, {}).setdefault(question.what, {})
        row[share.seeds] = share
    return "\n".join(_table(title, rows) for title, rows in tables.items())


def _table(title: str, rows: Mapping[str, Mapping[int, Share]]) -> str:
    columns = sorted({seeds for row in rows.values() for seeds in row})
    limits = {
        seeds: share.limit
        for row in rows.values()
        for seeds, share in row.items()
        if share.question.limited
    }
    head = ["by seeds of each variant", *map(str, columns)]
    lines = [head, ["---", *["--:"] * len(columns)]]
    for what, row in rows.items():
        lines.append([what, *(_cell(row[each]) if each in row else "" for each in columns)])
    if limits:
        lines.append(["at most", *(f"{100 * limits[each]:.1f}" for each in columns)])
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"**{title}**\n\n{text}\n"


def _cell(share: Share) -> str:
    if share.question.is_mean:
        return f"{share.value:.2f}"
    cell = f"{100 * share.value:.1f} ± {100 * share.error:.1f}"
    return cell if share.passes else f"**{cell}**"
