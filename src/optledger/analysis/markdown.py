"""The leaderboard and the comparisons in words: one sentence, and tables in Markdown."""

from collections.abc import Sequence

import pandas as pd

from optledger.analysis import preview
from optledger.analysis.comparisons import against, family_alpha, judged_pairs
from optledger.analysis.words import (
    are,
    brief,
    confidence,
    converged_after,
    epochs_to,
    further_seeds,
    interval,
    learning_rate,
    listed,
    looks,
    mean_interval,
    p_value,
    plus_minus,
    signed,
    verdict_at,
)
from optledger.core.formats import markdown
from optledger.core.metric import METRICS, metrics_in
from optledger.core.params import Comparison
from optledger.datasets.kinds import kind_of


def answer(leaderboard: pd.DataFrame, comparisons: pd.DataFrame, comparison: Comparison) -> str:
    """Return in one sentence which variants lead, and whether they differ.

    For a preview, the sentence tells how far apart the means are, and what a verdict needs.

    Args:
        leaderboard: as returned by `leaderboard`.
        comparisons: as returned by `comparisons`.
        comparison: the section of params.yaml.
    """
    if preview.is_preview(leaderboard["seeds"], comparison):
        return preview.answer(leaderboard, comparison)
    names = leaderboard["variant"].tolist()
    leading = leaderboard.loc[leaderboard["leading"] == 1, "variant"].tolist()
    diverged = leaderboard.loc[leaderboard["diverged_seeds"] > 0, "variant"].tolist()
    behind = [name for name in names if name not in leading and name not in diverged]
    if not leading:
        return f"No variant leads, as each has a seed that diverged ({brief(diverged)})."
    if len(names) == 1:
        return f"{names[0]} is the only variant, and so there is nothing to compare it with."
    if len(leading) + len(behind) == 1:
        return f"{leading[0]} alone has no seed that diverged ({brief(diverged)} did)."
    lost = [f"{brief(diverged)} {are(diverged)} out, as seeds diverged"] if diverged else []
    pairs = comparisons[comparisons["metric"] == comparison.metric]
    if not behind and pairs["verdict"].isin(["inconclusive", "not judged", "not pursued"]).all():
        words, seeds = METRICS[comparison.metric].words, leaderboard["seeds"].max()
        whom = (
            "every pair is inconclusive" if comparison.family == "pairs" else "nobody is told apart"
        )
        shown = f"Nothing is shown yet: with {seeds} seeds, {whom} in {words}"
        return f"{'; '.join([shown, *lost])}."
    parts = [_who_leads(leading, bool(leaderboard["first"].any()), pairs, comparison)]
    verdicts = against(comparisons, comparison.metric, leading[0])["verdict"]
    worse = [name for name in behind if verdicts[name] == "worse"]
    out = [name for name in behind if name not in worse]
    if worse:
        than = f" than {leading[0]}" if len(leading) > 1 else ""
        parts.append(f"{brief(worse)} {are(worse)} worse{than}")
    if out:
        parts.append(f"{brief(out)} {are(out)} not among the best")
    sure = f"with {100 * comparison.confidence:g} %"
    told = f"{sure} confidence the best one leads"
    if comparison.family != "best":
        told += f", and {sure} all verdicts on {_judged(comparison)} are right"
    return f"{'; '.join([*parts, *lost])} ({told}{_at_looks(comparison)})."


def confidence_of_differences(comparison: Comparison) -> str:
    """Return the confidence of the intervals of differences, with the pairs and looks it covers."""
    if comparison.family == "best":
        return "no confidence together, as no pair is judged"
    others = "; the others promise nothing together" if comparison.family == "baseline" else ""
    together = f"for all {_judged(comparison)} together{_at_looks(comparison)}"
    return f"{confidence(comparison)} {together}{others}"


def _judged(comparison: Comparison) -> str:
    if comparison.family == "baseline":
        return f"comparisons with {comparison.baseline}"
    return "pairs"


def _at_looks(comparison: Comparison) -> str:
    return f", at all looks: {looks(comparison)} seeds" if comparison.looks else ""


def _who_leads(
    leading: Sequence[str], is_first: bool, pairs: pd.DataFrame, comparison: Comparison
) -> str:
    metric, words = comparison.metric, METRICS[comparison.metric].words
    verdicts = pairs[pairs["variant"].isin(leading) & pairs["against"].isin(leading)]["verdict"]
    if is_first:
        return f"{leading[0]} is first in {words}"
    if len(leading) == 1:
        return f"{leading[0]} leads in {words}"
    if (verdicts == "equivalent").all():
        margin = METRICS[metric].amount(comparison.margin(metric))
        return f"{brief(leading)} lead in {words} and are equivalent, within {margin}"
    if verdicts.isin(["better", "worse"]).any():
        others = brief(leading[1:])
        return f"{leading[0]} leads in {words}, and {others} are not shown to be worse than it"
    return f"{brief(leading)} lead in {words} and cannot be told apart"


def leaderboard_text(
    table: pd.DataFrame,
    comparisons: pd.DataFrame,
    comparison: Comparison,
    class_notes: Sequence[str] = (),
) -> str:
    """Return the leaderboard as Markdown: the answer, the ranks, the other metrics, the training.

    Args:
        table: as returned by `leaderboard`.
        comparisons: as returned by `comparisons`.
        comparison: the section of params.yaml.
        class_notes: sentences about classes or labels that a split has no examples of.
    """
    parts = [
        answer(table, comparisons, comparison),
        rank_table(table, comparisons, comparison),
        *([preview.NOTE] if preview.is_preview(table["seeds"], comparison) else []),
        *rank_notes(table, comparisons, comparison),
        markdown(_other_metrics(table, comparison.metric)),
        f"Mean ± standard deviation over seeds. {kind_of(table).METRICS_IN_WORDS}",
        *class_notes,
        markdown(_training(table)),
        *_training_notes(table),
    ]
    return "\n\n".join(parts) + "\n"


def comparisons_text(table: pd.DataFrame, leaderboard: pd.DataFrame, comparison: Comparison) -> str:
    """Return the comparisons as Markdown, a table for each metric, the deciding one first.

    Args:
        table: as returned by `comparisons`.
        leaderboard: as returned by `leaderboard`.
        comparison: the section of params.yaml.
    """
    if table.empty:
        return answer(leaderboard, table, comparison) + "\n"
    is_preview = preview.is_preview(leaderboard["seeds"], comparison)
    parts = [answer(leaderboard, table, comparison)]
    for metric in table["metric"].unique():
        rows = table[table["metric"] == metric]
        shown = pd.DataFrame(
            {
                "variant": rows["variant"],
                "against": rows["against"],
                **({"look": rows["look"]} if comparison.looks else {}),
                f"difference{METRICS[metric].in_unit}": [
                    signed(value, metric) for value in rows["difference"]
                ],
                "interval": [interval(row, metric) for _, row in rows.iterrows()],
                "p": [p_value(value) for value in rows["p_adjusted"]],
                "verdict": rows["verdict"],
                "further seeds": [
                    further_seeds(seeds) if verdict == "inconclusive" else ""
                    for seeds, verdict in zip(rows["further_seeds"], rows["verdict"], strict=True)
                ],
            }
        )
        if comparison.looks:
            of_all = [signed(value, metric) for value in rows["difference_of_all"]]
            shown.insert(shown.columns.tolist().index("p"), "of all seeds", of_all)
        if is_preview:
            shown = shown.drop(columns=["p", "verdict", "further seeds"])
        decides = " (decides)" if metric == comparison.metric else ""
        margin = METRICS[metric].amount(comparison.margin(metric))
        parts += [f"## {metric}{decides}", f"Margin: {margin}.", markdown(shown)]
    notes = _comparison_notes(table, len(leaderboard), comparison, is_preview)
    return "\n\n".join([*parts, *notes]) + "\n"


def rank_table(table: pd.DataFrame, comparisons: pd.DataFrame, comparison: Comparison) -> str:
    """Return the ranked variants as a Markdown table: means, intervals, epochs, learning rates.

    Args:
        table: as returned by `leaderboard`.
        comparisons: as returned by `comparisons`.
        comparison: the section of params.yaml.
    """
    metric = comparison.metric
    is_preview = preview.is_preview(table["seeds"], comparison)
    shown = pd.DataFrame(
        {
            "rank": table["rank"],
            "variant": table["variant"],
            "leads": ["yes" if leading else "" for leading in table["leading"]],
            metric: [_mean(metric, mean) for mean in table[metric]],
            "interval": [
                mean_interval(metric, *row)
                for row in zip(
                    table[f"{metric}_low"],
                    table[f"{metric}_high"],
                    table["diverged_seeds"],
                    strict=True,
                )
            ],
        }
    )
    if is_preview:
        del shown["leads"]
        shown[metric] = _mean_and_spread(table, metric)
        gaps = preview.behind(table, metric)
        shown["behind the best mean"] = [gaps.get(name, "") for name in table["variant"]]
    elif comparison.baseline is not None and len(table) > 1:
        beside = against(comparisons, metric, comparison.baseline)
        unit = METRICS[metric].unit
        shown[f"against {comparison.baseline}{unit and f', in {unit}'}"] = [
            _against(beside.loc[name], comparison) if name in beside.index else ""
            for name in table["variant"]
        ]
    for column in table.columns[table.columns.str.startswith("epochs_to_")]:
        target = column.removeprefix("epochs_to_")
        shown[f"epochs to {target}"] = [
            epochs_to(epochs, reached, seeds)
            for epochs, reached, seeds in zip(
                table[column], table[f"seeds_to_{target}"], table["seeds"], strict=True
            )
        ]
    shown["learning rate"] = [
        _rate(*row)
        for row in zip(
            *(table["learning_rate"], table["learning_rate_seeds"], table["seeds"]),
            *(table["search_edge"], table["search_trials"]),
            strict=True,
        )
    ]
    return markdown(shown)


def _rate(rate: float, with_it: int, seeds: int, edge: str | None, tried: int) -> str:
    if not tried:
        return f"{rate:g} (given)"
    shown = learning_rate(rate, with_it, seeds)
    return shown if pd.isna(edge) else f"{shown} ({edge} tried)"


def _against(row: pd.Series, comparison: Comparison) -> str:
    if pd.isna(row["difference"]):
        return str(row["verdict"])
    difference = signed(row["difference"], comparison.metric)
    return f"{difference} ({interval(row, comparison.metric)}): {verdict_at(row, comparison)}"


def rank_notes(table: pd.DataFrame, comparisons: pd.DataFrame, comparison: Comparison) -> list[str]:
    """Return paragraphs that explain how to read the ranks.

    Args:
        table: as returned by `leaderboard`.
        comparisons: as returned by `comparisons`.
        comparison: the section of params.yaml.
    """
    if table["seeds"].max() == 1:
        others = "other test items alone, as one seed tells nothing of others"
    elif _is_searched_anew(comparisons):
        others = "other searches, other seeds and other test items"
    else:
        others = "other seeds and other test items"
    is_preview = preview.is_preview(table["seeds"], comparison)
    means = "mean ± standard deviation" if is_preview else "mean"
    metric = METRICS[comparison.metric]
    name = metric.words.capitalize() + (" (less is better)" if metric.lower_is_better else "")
    notes = [
        f"{name} on the test split, {means} over seeds, "
        f"with its interval of {confidence(comparison)} for {others}."
    ]
    if is_preview:
        return [*notes, *_epochs_notes(table)]
    if len(table) > 1:
        notes.append(
            "Do not compare these intervals by their overlap, as all variants are scored on the "
            "same items. Compare by the intervals of differences, in comparisons.md. "
            f"{_verdict_words(len(table), comparison)}"
        )
        notes.append(_leading_words(table, comparison))
    notes += _looks_notes(table, comparison)
    if wide := _widely_spread(table, comparison.metric):
        notes.append(
            f"The seeds of {listed(wide)} spread more than {_WIDE_SPREAD} times as far as those of "
            "the steadiest variant. The intervals allow for some seeds far below the rest, and no "
            "variant is called equivalent to one that spreads so differently. But if one seed in "
            "ten collapses, five seeds have none of these in 59 % of cases, and no method can "
            "know of it."
        )
    if table["champion"].any():
        champion = table.loc[table["champion"] == 1, "variant"].item()
        notes.append(
            f"The champion is {champion}: it has the {_best_in_words(table)} mean validation "
            f"{_score(table)}, so it was chosen without the test split."
        )
    return [*notes, *_epochs_notes(table)]


def _epochs_notes(table: pd.DataFrame) -> list[str]:
    if not table.columns.str.startswith("epochs_to_").any():
        return []
    return [
        f"Epochs to a validation {_score(table)} are medians over seeds. A seed that does not get "
        "there counts as never."
    ]


def _score(table: pd.DataFrame) -> str:
    """Return the name of the validation score in words."""
    return kind_of(table).SCORE.replace("_", " ")


def _best_in_words(table: pd.DataFrame) -> str:
    return "lowest" if METRICS[kind_of(table).SCORE].lower_is_better else "highest"


def _divergence_words(table: pd.DataFrame) -> str:
    """Return how a diverged seed counts, as a part of a sentence."""
    if METRICS[kind_of(table).SCORE].lower_is_better:
        return "has no error and no share of the variance that is explained"
    return "counts as 0 in every metric but the loss, which it does not have"


def _mean(metric: str, value: float) -> str:
    return "" if pd.isna(value) else METRICS[metric].formatted(value)


def _verdict_words(variants: int, comparison: Comparison) -> str:
    if comparison.family == "best":
        return "No pair has a verdict, as `comparison.family` is best: the table says who leads."
    apart, equivalent = _levels(variants, comparison)
    margin = METRICS[comparison.metric].amount(comparison.margin(comparison.metric))
    which = {
        "pairs": "They hold for all pairs together",
        "baseline": f"Those from {comparison.baseline} hold together, and no other pair has a "
        "verdict",
    }[comparison.family]
    alike = (
        f"the narrower interval{equivalent} lies within {margin}, the margin below which a "
        "difference does not matter"
    )
    if not comparison.margin(comparison.metric):
        alike = f"never, as {comparison.metric} has no margin in `comparison.margins`"
    return (
        f"{which}. Better, worse: the interval of the difference{apart} excludes 0. "
        f"Equivalent: {alike}. Inconclusive: neither is shown yet."
    )


def _leading_words(table: pd.DataFrame, comparison: Comparison) -> str:
    """Return what is claimed about the variants that lead, and with what confidence."""
    percent = f"{100 * comparison.confidence:g} % of tables"
    words = (
        f"In {percent}, the leading group contains a best variant. A variant that is out is shown "
        "to be behind some other one, which takes less than a verdict of worse. A variant that is "
        f"called first leads alone: in {percent}, it is better than every other."
    )
    best = table.loc[table["diverged_seeds"] == 0]
    if len(best) and not best["leading"].iloc[0]:
        words += (
            f" {best['variant'].iloc[0]} has the highest mean of all seeds, but an earlier look "
            "put it out, and that stands."
        )
    return words


def _looks_notes(table: pd.DataFrame, comparison: Comparison) -> list[str]:
    if not comparison.looks or len(table) < 2:
        return []
    seeds = int(table["seeds"].max())
    return [
        f"Looks are declared at {looks(comparison)} seeds. This is the one at {seeds}. A verdict "
        "is that of the first look that came to one, with the figures of that look. So the "
        "confidence holds however often you look again. An early verdict tends to exaggerate the "
        "difference; comparisons.md has that of all seeds beside it."
    ]


def _levels(variants: int, comparison: Comparison) -> tuple[str, str]:
    """Return in words the levels of the intervals that show a difference, and equivalence."""
    if comparison.looks:
        return ", at the level of its look,", ""
    alpha = family_alpha(variants, comparison)
    return f", of {100 * (1 - alpha):.4g} % for each pair,", f", of {100 * (1 - 2 * alpha):.4g} %,"


# A spread over seeds this many times that of the steadiest variant calls for a warning.
_WIDE_SPREAD = 10


def _widely_spread(table: pd.DataFrame, metric: str) -> list[str]:
    deviations = table[f"{metric}_std"]
    steadiest = deviations[deviations > 0].min()
    return [str(name) for name in table.loc[deviations > _WIDE_SPREAD * steadiest, "variant"]]


def _other_metrics(table: pd.DataFrame, metric: str) -> pd.DataFrame:
    shown = pd.DataFrame({"variant": table["variant"]})
    for each in (metric, *(name for name in metrics_in(table) if name != metric)):
        shown[each] = _mean_and_spread(table, each)
    return shown


def _mean_and_spread(table: pd.DataFrame, metric: str) -> list[str]:
    return [
        plus_minus(metric, mean, std)
        for mean, std in zip(table[metric], table[f"{metric}_std"], strict=True)
    ]


def _training(table: pd.DataFrame) -> pd.DataFrame:
    shown = pd.DataFrame({"variant": table["variant"]})
    shown["seeds"] = [
        f"{seeds} ({diverged} diverged)" if diverged else str(seeds)
        for seeds, diverged in zip(table["seeds"], table["diverged_seeds"], strict=True)
    ]
    most = table["search_trials"].max()
    shown["rates tried"] = [
        str(trials) if trials == most else f"{trials}, not {most}"
        for trials in table["search_trials"]
    ]
    if table["sensitivity"].notna().any():
        metric = METRICS[kind_of(table).SCORE]
        shown[f"sensitivity{metric.unit and f', in {metric.unit}'}"] = [
            "" if pd.isna(value) else metric.signed(value).lstrip("+")
            for value in table["sensitivity"]
        ]
    shown["epochs"] = [f"{epochs:.3g}" for epochs in table["epochs"]]
    shown["converged after"] = [
        converged_after(*row)
        for row in zip(
            table["converged_epoch"], table["converged_seeds"], table["seeds"], strict=True
        )
    ]
    return shown


def _training_notes(table: pd.DataFrame) -> list[str]:
    most = table["search_trials"].max()
    if most:
        notes = ["Learning rates were chosen on the validation split, by search trials."]
    else:
        notes = ["Learning rates are those of params.yaml; none was searched for."]
    if table["sensitivity"].notna().any():
        notes[0] += (
            " Sensitivity is how far the learning rates tried fall short of the best of them, on "
            f"average, in validation {_score(table)}."
        )
    if table["converged_seeds"].any():
        notes[0] += (
            " A seed has converged after its last improvement, if as many epochs followed as "
            "`convergence` in params.yaml says."
        )
    if table["diverged_seeds"].any():
        notes.append(f"A seed that diverged {_divergence_words(table)}; its variant does not lead.")
    if table["search_trials"].min() < most:
        notes.append(
            "Not every variant had as many search trials, so some had a smaller chance to find a "
            "good learning rate."
        )
    if table["search_edge"].notna().any():
        notes.append(
            "Where the best learning rate was the lowest or the highest tried, a better one may "
            "lie beyond."
        )
    return notes


def _given_rates(table: pd.DataFrame) -> str:
    """Return words for the chosen learning rates, unless intervals allow for other searches."""
    return "" if _is_searched_anew(table) else "the learning rates that were chosen, and of "


def _is_searched_anew(comparisons: pd.DataFrame) -> bool:
    return bool(comparisons["noise"].astype(str).str.startswith("searches").any())


def _comparison_notes(
    table: pd.DataFrame, variants: int, comparison: Comparison, is_preview: bool
) -> list[str]:
    pairs = judged_pairs(variants, comparison)
    together = f" ({pairs} of a metric, by Bonferroni's correction)" if pairs > 1 else ""
    sources = {
        "searches, seeds and images": "for other searches, other seeds and other test items",
        "searches and seeds": "for other searches and other seeds, on this test set",
        "seeds and images": "for other seeds and other test items",
        "seeds": "for other seeds, on this test set",
        "images": "for other test items and these models: one seed each",
    }
    noise = "; ".join(sources[name] for name in table["noise"].dropna().unique())
    apart, equivalent = _levels(variants, comparison)
    differences = (
        f"Differences are the first variant's less the second's, {noise}; their intervals have "
        f"{confidence_of_differences(comparison)}{together}"
    )
    verdicts = (
        "; p is adjusted alike. Verdicts are of the first, in this "
        "order. Equivalent: shown to lie within the margin, by a narrower interval"
        f"{equivalent.rstrip(',')}. "
        f"Better, worse: shown not to be 0, by the interval that is printed{apart.rstrip(',')}. "
        "Else inconclusive; not judged, where `comparison.family` leaves a pair out."
    )
    given = f"Intervals are of {_given_rates(table)}this division into train and validation split."
    if is_preview:
        return [f"{differences}. {preview.NOTE}", given]
    notes = [f"{differences}{verdicts}", given]
    if table["further_seeds"].notna().any():
        none = "no declared look would" if comparison.looks else "the test items are too few"
        notes.append(
            "Further seeds: how many more would settle it with a power of 80 %, if difference and "
            f"spread stay as they are; no number, where {none}. "
            "`optledger power` answers for other differences."
        )
    return notes
