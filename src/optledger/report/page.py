"""The report as HTML and as Markdown: both say what the tables of results/ say, and no more."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup, escape

from optledger.analysis import preview
from optledger.analysis.comparisons import reference
from optledger.analysis.markdown import answer, rank_notes, rank_table, scope
from optledger.analysis.words import confidence, listed, many, some
from optledger.core.metric import METRICS
from optledger.core.params import Params
from optledger.datasets.kinds import kind_of
from optledger.figures.curves import error_name
from optledger.figures.differences import described
from optledger.figures.style import DARK, VARIABLES, Line, lines
from optledger.report import advice, drawings, tables
from optledger.report.gallery import Gallery


@dataclass(frozen=True)
class Results:
    """What the report is made of: the tables of results/, by the names of their files.

    Attributes:
        answer: the figure of the differences.
        cases: the figure of each case.
        gallery: the test images that most models get wrong.
        checksums: SHA-256 of data and results, by file.
        versions: of the packages that results depend on most.
        class_notes: what is to be said of classes without images.
        residuals: true and predicted numbers, where the target is one.
        number: what it is called.
    """

    leaderboard: pd.DataFrame
    comparisons: pd.DataFrame
    curves: pd.DataFrame
    profile: pd.DataFrame
    search: pd.DataFrame
    per_class: pd.DataFrame
    confusion: pd.DataFrame
    answer: str
    cases: list[Path]
    gallery: Gallery
    checksums: dict[str, str]
    versions: dict[str, str]
    class_notes: Sequence[str] = ()
    residuals: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["variant"]))
    number: str = ""


def html(results: Results, params: Params) -> str:
    """Return the report as a page of HTML that needs no other file."""
    names = results.leaderboard["variant"].tolist()
    best = reference(results.leaderboard)
    champion = results.leaderboard.loc[results.leaderboard["champion"] == 1, "variant"]
    # Whose mistakes are shown.
    one = str(champion.iloc[0]) if len(champion) else best
    differing, shared = tables.parameters(params, results.leaderboard)
    shown = tables.shown_classes(results.confusion, results.per_class, one)
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            **_words(results, params),
            keys=lines(names),
            champion=champion.iloc[0] if len(champion) else None,
            best=best,
            mistaken_by=one,
            mistaken=_with_predictions(results.leaderboard, one),
            ranks=tables.ranks(results.leaderboard, results.comparisons, params.comparison),
            lost=bool(results.leaderboard["diverged_seeds"].sum()),
            targets=tables.targets(results.leaderboard),
            figure=drawings.inline(
                results.answer,
                "answer",
                described(results.leaderboard, results.comparisons, params.comparison),
            ),
            verdicts=tables.verdicts(results.comparisons, names, params.comparison),
            few=len(names) <= tables.FEW,
            turned=len(names) > tables.FEW or max(map(len, names)) > _WIDE_HEAD,
            notes=[
                *rank_notes(results.leaderboard, results.comparisons, params.comparison),
                *_full_batches(params),
            ],
            class_notes=results.class_notes,
            learning=list(drawings.learning(results.curves, results.leaderboard)),
            speed=list(drawings.speed(results.profile, names)) if names[1:] else [],
            searches=drawings.searches(results.search, results.leaderboard),
            classes=shown,
            class_count=results.per_class["class"].nunique(),
            heat_map=tables.heat_map(results.per_class, names, shown),
            confusion=tables.confusion(results.confusion, one, shown),
            gallery=results.gallery,
            residuals=drawings.residuals(
                results.residuals[results.residuals["variant"] == one], one, names, results.number
            ),
            cases=[drawings.case(path) for path in results.cases],
            differing=differing,
            shared=shared,
            checksums=results.checksums,
            versions=results.versions,
            variables_of=VARIABLES,
            light={VARIABLES[colour]: colour for colour in VARIABLES},
            dark={VARIABLES[colour]: DARK[colour] for colour in VARIABLES},
        )
    )


def markdown(results: Results, params: Params) -> str:
    """Return the report as a short text: the answer, what to do, and the ranks."""
    ranks = rank_table(results.leaderboard, results.comparisons, params.comparison)
    return (
        _environment()
        .get_template("report.md.jinja")
        .render(**_words(results, params), ranks=ranks, class_notes=results.class_notes)
    )


def _with_predictions(leaderboard: pd.DataFrame, variant: str) -> str:
    """Return how many seeds of a variant predict anything."""
    own = leaderboard[leaderboard["variant"] == variant]
    return many(own["seeds"].item() - own["diverged_seeds"].item(), "seed")


def _full_batches(params: Params) -> list[str]:
    """Return a note on variants that take one step an epoch beside others that take many."""
    full = [name for name, each in params.variants.items() if each.batch_size == "full"]
    if len(full) in (0, len(params.variants)):
        return []
    epochs = [f"{params.variants[name].epochs}" for name in full]
    takes = "takes" if len(full) == 1 else "take"
    return [
        f"{some(full)} {takes} one step an epoch, {listed(epochs)} in all, as the batch is the "
        "whole train split; the others take one for each of their batches."
    ]


# Characters of a name that fit above a column.
_WIDE_HEAD = 12


def _words(results: Results, params: Params) -> dict[str, Any]:
    leaderboard, comparisons = results.leaderboard, results.comparisons
    comparison = params.comparison
    is_preview = preview.is_preview(leaderboard["seeds"], comparison)
    return {
        "answer": answer(leaderboard, comparisons, comparison),
        "preview": preview.NOTE if is_preview else "",
        "choice": advice.choice(leaderboard, comparisons, comparison),
        "certainty": advice.certainty(leaderboard, comparisons, comparison),
        "next_steps": advice.next_steps(leaderboard, comparisons, params),
        "params": params,
        "metric": comparison.metric,
        "words": METRICS[comparison.metric].words,
        "confidence": confidence(comparison),
        "scope": scope(comparison),
        "not_judged": comparison.family != "pairs",
        "margin": METRICS[comparison.metric].amount(comparison.margin(comparison.metric)),
        "names": leaderboard["variant"].tolist(),
        "seeds": many(params.seeds.count, "seed"),
        "unit": METRICS[comparison.metric].unit,
        "lower_is_better": METRICS[comparison.metric].lower_is_better,
        "score": kind_of(leaderboard).SCORE.replace("_", " "),
        "error_name": error_name(kind_of(leaderboard).SCORE).partition(" (")[0],
        "variants": many(len(leaderboard), "variant"),
    }


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("optledger.report", "."),
        autoescape=lambda name: name is not None and ".html" in name,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"prose": _prose, "key": _key}
    return environment


def _prose(text: str) -> Markup:
    """Return text as it is set: code for backticks, minus signs, units that stay with numbers."""
    text = re.sub(r"(?<![\w.])-(?=\d)", "\N{MINUS SIGN}", str(escape(text)))
    text = re.sub(r"(?<=\d) (?=%|points|nats)", "\N{NO-BREAK SPACE}", text)
    return Markup(re.sub("`(.+?)`", r"<code>\1</code>", text))


_DASHES = {"solid": "", "dashed": "5 3", "dotted": "1.5 2.5", "dashdot": "6 2 1.5 2"}


def _key(line: Line) -> Markup:
    """Return a sample of a variant's line, to stand before its name."""
    return Markup(
        '<svg class="key" viewBox="0 0 22 10" aria-hidden="true">'
        '<path d="M1 5H21" style="stroke:var({})" stroke-dasharray="{}"/></svg>'
    ).format(VARIABLES[line.color], _DASHES[line.linestyle])
