"""The figure of the answer: each variant's distance from the best, with interval and verdict."""

import math

import numpy as np
import pandas as pd

from optledger.analysis import preview
from optledger.analysis.comparisons import against, plain_rows, reference
from optledger.analysis.words import interval, signed, verdict_at, with_noun
from optledger.core.metric import METRICS
from optledger.core.params import Comparison
from optledger.figures.panels import identifier, near, short
from optledger.figures.style import GREY, GRID, lines, style, svg

# In inches: the height of a variant's row, and of everything else.
_ROW, _HEADS = 0.4, 0.75


def draw(leaderboard: pd.DataFrame, comparisons: pd.DataFrame, comparison: Comparison) -> str:
    """Return as SVG the differences from the best variant that leads, on the deciding metric.

    The grey band is the margin. The thick part of a line is the narrower interval, which shows
    equivalence. An arrow marks a variant that lies beyond the end of the axis. A preview is titled
    as one, and has neither thick parts nor verdicts.

    Args:
        leaderboard: results/leaderboard.csv.
        comparisons: results/comparisons.csv.
        comparison: the section of params.yaml.
    """
    # Not at the top: importing Matplotlib reads the user's settings and fonts.
    from matplotlib.figure import Figure

    metric = comparison.metric
    best = reference(leaderboard)
    others = [name for name in leaderboard["variant"] if name != best]
    rows = against(comparisons, metric, best)
    told = METRICS[metric]
    margin = told.units * comparison.margin(metric)
    styles = lines(leaderboard["variant"])
    is_preview = preview.is_preview(leaderboard["seeds"], comparison)
    with style():
        figure = Figure(figsize=(5.6, _HEADS + _ROW * max(1, len(others))), layout="constrained")
        if not others:
            figure.text(0.02, 0.5, f"{short(best)} is the only variant.", va="center")
            return svg(figure)
        texts = _texts(leaderboard, rows, comparison)
        lost = leaderboard.loc[leaderboard["diverged_seeds"] > 0, "variant"].tolist()
        low, high = _limits(told.units * rows.drop(lost, errors="ignore")[["low", "high"]], margin)
        # Worse variants are on the left, whether higher or lower is better.
        left, right = (high, low) if told.lower_is_better else (low, high)
        axes = figure.add_subplot()
        beside = axes.get_yaxis_transform()
        axes.axvspan(-margin, margin, color=GRID, linewidth=0, zorder=0)
        for end in (-margin, margin):
            axes.axvline(end, color=GREY, linewidth=0.6, linestyle="dotted", zorder=1)
        axes.axvline(0, color=GREY, linewidth=1, zorder=1)
        for place, name in enumerate(others):
            row, colour = rows.loc[name], styles[name].color
            value = math.nan if name in lost else told.units * float(row["difference"])
            if value > left if told.lower_is_better else value < left:
                axes.plot(
                    left + 0.02 * (right - left), place, marker="<", color=colour, markersize=7
                )
            elif math.isfinite(value):
                outer, inner = (
                    np.clip(
                        told.units * row[[f"{prefix}low", f"{prefix}high"]].to_numpy(float),
                        low,
                        high,
                    )
                    for prefix in ("", "inner_")
                )
                rule = [place, place]
                axes.plot(outer, rule, color=colour, linewidth=1.4, gid=identifier(name))
                if not is_preview:
                    axes.plot(inner, rule, color=colour, linewidth=4.5)
                axes.plot(value, place, marker="o", color=colour, markersize=7.5, zorder=3)
            head, size = texts[name]
            axes.text(1.03, place - 0.2, head, transform=beside, va="center")
            axes.text(1.03, place + 0.2, size, transform=beside, va="center", size=8, color=GREY)
        axes.set_yticks(range(len(others)), [short(name) for name in others])
        axes.set_ylim(len(others) - 0.4, -0.6)
        axes.set_xlim(left, right)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        further = "higher" if told.lower_is_better else "lower"
        is_left = f"{further} mean" if is_preview else "worse"
        of = f"points of {told.words}" if told.unit else told.words
        axes.set_xlabel(f"\N{LEFTWARDS ARROW} {is_left} than {short(best)}, in {of}")
        if is_preview:
            axes.set_title(f"{preview.title(leaderboard['seeds'])}: no verdicts yet")
        return svg(figure)


def _texts(
    leaderboard: pd.DataFrame, rows: pd.DataFrame, comparison: Comparison
) -> dict[str, tuple[str, str]]:
    """Return the texts beside each variant in `rows`: its verdict, and the numbers behind it.

    In a preview the texts are the difference and its interval.
    """
    texts = {}
    is_preview = preview.is_preview(leaderboard["seeds"], comparison)
    own = plain_rows(leaderboard.set_index("variant"))
    for name, row in plain_rows(rows.reindex([name for name in own if name in rows.index])).items():
        if lost := own[name]["diverged_seeds"]:
            texts[name] = ("out", f"{lost} of {with_noun(own[name]['seeds'], 'seed')} diverged")
        elif math.isnan(row["difference"]):
            texts[name] = (verdict_at(row, comparison), "")
        else:
            ends = interval(row, comparison.metric, inner=row["verdict"] == "equivalent")
            size = signed(row["difference"], comparison.metric)
            head, told = verdict_at(row, comparison), f"{size} ({ends})"
            if is_preview:
                head, told = size.replace("-", "\N{MINUS SIGN}"), f"({ends})"
            texts[name] = (head, told.replace("-", "\N{MINUS SIGN}"))
    return texts


def _limits(rows: pd.DataFrame, margin: float) -> tuple[float, float]:
    """Return the ends of the axis, which hold the margin and the intervals that are not far off."""
    ends = rows.dropna()
    ends = ends[near(ends.abs().max(axis=1))]
    low, high = 1.05 * ends["low"].min(), 1.05 * ends["high"].max()
    # Without any intervals, low and high are NaN, which fmin and fmax ignore.
    return float(np.fmin(-1.4 * margin, low)), float(np.fmax(1.4 * margin, high))
