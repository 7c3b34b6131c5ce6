"""The report as HTML and as Markdown, both made from the same tables of results/."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup, escape

from optledger.analysis import preview
from optledger.analysis.comparisons import reference
from optledger.analysis.markdown import answer, confidence_of_differences, rank_notes, rank_table
from optledger.analysis.planning import MOST_PLANNED
from optledger.analysis.words import brief, confidence, listed, looks, with_noun
from optledger.core.formats import digest
from optledger.core.metric import METRICS
from optledger.core.params import Params
from optledger.datasets.kinds import kind_of
from optledger.figures.style import DARK, VARIABLES, lines
from optledger.report import advice, charts, drawings, tables
from optledger.report.cost import Cost
from optledger.report.gallery import Gallery


@dataclass(frozen=True)
class Results:
    """The contents of the report: the tables of results/, named like their files, and more.

    Attributes:
        cases: the path of each case's figure.
        costs: the cost of training each variant.
        gallery: the test items that most models get wrong.
        checksums: SHA-256 of data and results, by file.
        versions: by package, the versions of those that results depend on most.
        class_notes: remarks on classes that a split has no example of.
        residuals: true and predicted numbers; empty unless the target is a number.
        number: the name of that number.
    """

    leaderboard: pd.DataFrame
    comparisons: pd.DataFrame
    curves: pd.DataFrame
    profile: pd.DataFrame
    search: pd.DataFrame
    per_class: pd.DataFrame
    confusion: pd.DataFrame
    seeds: pd.DataFrame
    power: pd.DataFrame
    cases: list[Path]
    costs: Sequence[Cost]
    gallery: Gallery
    checksums: dict[str, str]
    versions: dict[str, str]
    class_notes: Sequence[str] = ()
    residuals: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=["variant"]))
    number: str = ""


def html(results: Results, params: Params) -> str:
    """Return the report as one page of HTML that needs no other file."""
    board, comparison = results.leaderboard, params.comparison
    names = board["variant"].tolist()
    champion = board.loc[board["champion"] == 1, "variant"]
    # The variant whose mistakes are shown.
    one = str(champion.iloc[0]) if len(champion) else reference(board)
    differing, shared = tables.parameters(params, board)
    shown = tables.shown_classes(results.confusion, results.per_class, one)
    ranked = tables.ranks(board, results.comparisons, comparison)
    lost = board.loc[board["diverged_seeds"] > 0, "variant"].tolist()
    pairs = tables.pairs(results.comparisons, results.power, comparison, lost)
    leading = board.loc[board["leading"] == 1, "variant"].tolist()
    apart, counted = tables.lead_and_pairs(pairs, leading)
    held = tables.page_reference(board, comparison)
    heads, rows = tables.seeds(results.seeds, board)
    words = _words(results, params)
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            **words,
            keys=lines(names),
            champion=champion.iloc[0] if len(champion) else None,
            mistaken_by=one,
            mistaken=_with_predictions(board, one),
            held=held,
            ranks=ranked,
            sentence=tables.sentence(
                ranked, held, comparison.baseline, preview=bool(words["preview"])
            ),
            ends=tables.written_ends(board, results.comparisons, comparison),
            zero=tables.zero(board, results.comparisons, comparison),
            margin_number=METRICS[comparison.metric].units * comparison.margin(comparison.metric),
            told_apart=apart,
            counted=counted,
            behind=[
                row.variant
                for row in ranked
                if row.variant not in leading and row.verdict in ("inconclusive", "equivalent")
            ],
            seed_heads=heads,
            seed_rows=rows,
            lost=bool(lost),
            targets=tables.targets(board),
            pairs=pairs,
            power=tables.sizes(results.power, comparison),
            needed=tables.needed(pairs, names, held),
            planned=MOST_PLANNED,
            seed_count=int(board["seeds"].min()),
            looks=looks(comparison) if comparison.looks else "",
            verdicts=tables.verdicts(results.comparisons, names, comparison, lost),
            few=len(names) <= tables.FEW,
            turned=len(names) > tables.FEW or max(map(len, names)) > _WIDE_HEAD,
            notes=[
                *rank_notes(board, results.comparisons, comparison),
                *_full_batches(params),
            ],
            class_notes=results.class_notes,
            learning=list(drawings.learning(results.curves, board)),
            speed=list(drawings.speed(results.profile, names, words["score"])) if names[1:] else [],
            rates=drawings.searches(results.search, board),
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
            digest=digest(results.checksums)[:12],
            costs=results.costs,
            price=tables.price(results.power, held),
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
    """Return in words how many seeds of a variant predict anything: those that did not diverge."""
    own = leaderboard[leaderboard["variant"] == variant]
    return with_noun(own["seeds"].item() - own["diverged_seeds"].item(), "seed")


def _full_batches(params: Params) -> list[str]:
    """Return a note on variants that take one step per epoch, if others take many."""
    full = [name for name, each in params.variants.items() if each.batch_size == "full"]
    if len(full) in (0, len(params.variants)):
        return []
    epochs = [f"{params.variants[name].epochs}" for name in full]
    takes = "takes" if len(full) == 1 else "take"
    return [
        f"{brief(full)} {takes} one step an epoch, {listed(epochs)} in all, as the batch is the "
        "whole train split; the others take one for each of their batches."
    ]


# The most characters of a name that fit above a column; longer ones are turned.
_WIDE_HEAD = 12


def _words(results: Results, params: Params) -> dict[str, Any]:
    leaderboard, comparisons = results.leaderboard, results.comparisons
    comparison = params.comparison
    is_preview = preview.is_preview(leaderboard["seeds"], comparison)
    return {
        "answer": answer(leaderboard, comparisons, comparison),
        "preview": preview.NOTE if is_preview else "",
        "preview_of": preview.title(leaderboard["seeds"]),
        "choice": advice.choice(leaderboard, comparisons, comparison),
        "certainty": advice.certainty(leaderboard, comparisons, comparison),
        "next_steps": advice.next_steps(leaderboard, comparisons, results.curves, params),
        "params": params,
        "metric": comparison.metric,
        "words": METRICS[comparison.metric].words,
        "confidence": confidence(comparison),
        "scope": confidence_of_differences(comparison),
        "not_judged": comparison.family != "pairs",
        "margin": METRICS[comparison.metric].amount(comparison.margin(comparison.metric)),
        "names": leaderboard["variant"].tolist(),
        "seeds": with_noun(params.seeds.count, "seed"),
        "unit": METRICS[comparison.metric].unit,
        # The decimals of a difference; empty if it has three digits instead.
        "decimals": METRICS[comparison.metric].decimals or "",
        "lower_is_better": METRICS[comparison.metric].lower_is_better,
        "score": kind_of(leaderboard).SCORE.replace("_", " "),
        "variants": with_noun(len(leaderboard), "variant"),
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
    environment.globals["script"] = _script
    environment.filters |= {"prose": _prose, "key": charts.line_sample, "draw": charts.draw}
    return environment


def _script() -> Markup:
    """Return the page's script without indentation and comments."""
    source = resources.files("optledger.report").joinpath("page.js").read_text(encoding="utf-8")
    lines = (line.strip() for line in source.splitlines())
    code = "\n".join(line for line in lines if line and not line.startswith("//"))
    # This is safe, as no string of the script has one of these operators between spaces.
    return Markup(re.sub(r" (=>|[=!]==|&&|\|\||[<>]=|[=?:]) ", r"\1", code))


def _prose(text: str) -> Markup:
    """Return text as HTML: backticks become code, hyphens minus signs; units stay with numbers."""
    text = re.sub(r"(?<![\w.])-(?=\d)", "\N{MINUS SIGN}", str(escape(text)))
    text = re.sub(r"(?<=\d) (?=%|points|nats)", "\N{NO-BREAK SPACE}", text)
    return Markup(re.sub("`(.+?)`", r"<code>\1</code>", text))
