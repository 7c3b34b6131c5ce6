"""The report as HTML and as Markdown: both say what the tables of results/ say, and no more."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup, escape

from optledger.analysis.markdown import answer, rank_notes, rank_table
from optledger.analysis.words import confidence, points_or_nats
from optledger.figures.style import DARK, VARIABLES, Line, lines
from optledger.params import Params
from optledger.report import advice, drawings, tables
from optledger.report.gallery import Mistaken


@dataclass(frozen=True)
class Results:
    """What the report is made of: the tables of results/, by the names of their files.

    Attributes:
        cases: the figure of each case.
        gallery: the test images that most models get wrong.
        checksums: SHA-256 of data and results, by file.
        versions: of the packages that results depend on most.
    """

    leaderboard: pd.DataFrame
    comparisons: pd.DataFrame
    curves: pd.DataFrame
    profile: pd.DataFrame
    search: pd.DataFrame
    per_class: pd.DataFrame
    confusion: pd.DataFrame
    cases: list[Path]
    gallery: list[Mistaken]
    checksums: dict[str, str]
    versions: dict[str, str]


def html(results: Results, params: Params) -> str:
    """Return the report as a page of HTML that needs no other file."""
    names = results.leaderboard["variant"].tolist()
    champion = results.leaderboard.loc[results.leaderboard["champion"] == 1, "variant"]
    # Whose mistakes are shown: the champion's, else those of the first.
    one = str(champion.iloc[0]) if len(champion) else str(names[0])
    differing, shared = tables.parameters(params)
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            **_words(results, params),
            keys=lines(names),
            champion=champion.iloc[0] if len(champion) else None,
            mistaken_by=one,
            ranks=tables.ranks(results.leaderboard, results.comparisons, params.comparison),
            targets=tables.targets(results.leaderboard),
            axis=tables.axis(results.leaderboard, params.comparison),
            figure=drawings.answer(results.leaderboard, results.comparisons, params.comparison),
            verdicts=tables.verdicts(results.comparisons, names, params.comparison.metric),
            few=len(names) <= tables.FEW,
            turned=len(names) > tables.FEW or max(map(len, names)) > _WIDE_HEAD,
            notes=rank_notes(results.leaderboard, params.comparison),
            learning=list(drawings.learning(results.curves, results.leaderboard)),
            speed=list(drawings.speed(results.profile, results.leaderboard)) if names[1:] else [],
            searches=drawings.searches(results.search, names),
            heat_map=tables.heat_map(results.per_class, names),
            confusion=tables.confusion(results.confusion, one),
            gallery=results.gallery,
            models=int(results.leaderboard["seeds"].sum()),
            cases=[(path.parent.name, drawings.case(path)) for path in results.cases],
            differing=differing,
            shared=shared,
            checksums=results.checksums,
            versions=results.versions,
            variables_of=VARIABLES,
            light={VARIABLES[colour]: colour for colour in VARIABLES},
            dark={VARIABLES[colour]: DARK[colour] for colour in VARIABLES},
        )
    )


# Characters of a name that fit above a column.
_WIDE_HEAD = 12


def markdown(results: Results, params: Params) -> str:
    """Return the report as a short text: the answer, what to do, and the ranks."""
    ranks = rank_table(results.leaderboard, results.comparisons, params.comparison)
    return (
        _environment()
        .get_template("report.md.jinja")
        .render(**_words(results, params), ranks=ranks)
    )


def _words(results: Results, params: Params) -> dict[str, Any]:
    leaderboard, comparisons = results.leaderboard, results.comparisons
    comparison = params.comparison
    return {
        "answer": answer(leaderboard, comparisons, comparison),
        "choice": advice.choice(leaderboard, comparison),
        "certainty": advice.certainty(leaderboard, comparisons, comparison),
        "next_steps": advice.next_steps(leaderboard, comparisons, comparison),
        "params": params,
        "metric": comparison.metric,
        "confidence": confidence(comparison),
        "margin": points_or_nats(getattr(comparison.margins, comparison.metric), comparison.metric),
        "names": leaderboard["variant"].tolist(),
        "leaderboard": leaderboard,
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
    environment.filters |= {"code": _code, "key": _key}
    return environment


def _code(sentence: str) -> Markup:
    """Return a sentence with what stands in backticks as code."""
    return Markup(re.sub("`(.+?)`", r"<code>\1</code>", str(escape(sentence))))


_DASHES = {"solid": "", "dashed": "5 3", "dotted": "1.5 2.5", "dashdot": "6 2 1.5 2"}


def _key(line: Line) -> Markup:
    """Return a sample of a variant's line, to stand before its name."""
    return Markup(
        '<svg class="key" viewBox="0 0 22 10" aria-hidden="true">'
        '<path d="M1 5H21" style="stroke:var({})" stroke-dasharray="{}"/></svg>'
    ).format(VARIABLES[line.color], _DASHES[line.linestyle])
