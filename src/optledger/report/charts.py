"""The page's charts as SVG: each line is defined once, and panels and the script refer to it."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from optledger.figures.panels import short
from optledger.figures.style import VARIABLES, Line, lines


class _Size(NamedTuple):
    """The sizes of a drawing, in SVG units.

    Attributes:
        whole: width and height of the drawing.
        plot: left, top, width and height of the plot inside it.
        room: how many ticks there is room for, on the x and the y axis.
    """

    whole: tuple[int, int]
    plot: tuple[int, int, int, int]
    room: tuple[int, int]


_LARGE = _Size((560, 330), (46, 10, 506, 280), (8, 6))
_SMALL = _Size((240, 176), (40, 24, 188, 116), (4, 4))

# The ticks within a decade of a logarithmic axis whose ends have a ratio below the first number.
_SUBS = ((6, (1, 1.5, 2, 3, 4, 5, 7)), (30, (1, 2, 5)), (300, (1, 3)))

_FAR = 4.0
"""An axis leaves out variants that are this many times as bad, as they would flatten the others."""

_DASHES = {"solid": "", "dashed": "6 4", "dotted": "1.5 3", "dashdot": "7 3 1.5 3"}

MOST_IN_ONE_DRAWING = 6
"""The most lines in one drawing; with more, each variant has a panel of its own."""


class Axis(NamedTuple):
    """An axis.

    Attributes:
        label: the text beside it.
        log: whether it is logarithmic.
        ends: its first and last value; None to fit it to the curves.
        whole: whether only whole numbers have ticks.
    """

    label: str
    log: bool = False
    ends: tuple[float, float] | None = None
    whole: bool = False

    def at(self, value: float) -> float:
        """Return the place of a value on the axis; NaN where a logarithmic axis has none."""
        if not self.log:
            return value
        return math.log10(value) if value > 0 else math.nan


class Curve(NamedTuple):
    """The data of one variant in a chart.

    Attributes:
        points: x and y of its line; NaN leaves a gap.
        band: x, low and high of the band around the line.
        dotted: whether each point has a dot.
        rings: points that are marked with a ring.
        crosses: values of x that are marked with a cross at the upper edge.
        lost: whether seeds of the variant diverged. Axes are fitted to the other curves, if any.
    """

    points: Sequence[tuple[float, float]]
    band: Sequence[tuple[float, float, float]] = ()
    dotted: bool = False
    rings: Sequence[tuple[float, float]] = ()
    crosses: Sequence[float] = ()
    lost: bool = False


class Window(NamedTuple):
    """The visible part of a chart, as places on its axes (see `Axis.at`)."""

    left: float
    right: float
    low: float
    high: float


class Chart(NamedTuple):
    """A chart.

    Attributes:
        key: the prefix of its identifiers in the page.
        title: what it shows.
        curves: by variant, in the order of the leaderboard.
        x: the horizontal axis.
        y: the vertical axis; where it is logarithmic, less is better.
        variants: all variants of the results, so that each has the same line in every chart.
        texts: by variant, a description of its curve for people who cannot see it.
    """

    key: str
    title: str
    curves: Mapping[str, Curve]
    x: Axis
    y: Axis
    variants: Sequence[str]
    texts: Mapping[str, str]


def draw(chart: Chart, alone: bool = False) -> Markup:
    """Return a chart: one drawing for a few variants, or else a panel for each.

    A panel shows its variant in colour, and the others in grey behind it.

    Args:
        chart: what to draw.
        alone: whether even a few variants have panels of their own, because their lines overlap.
    """
    small = alone or len(chart.curves) > MOST_IN_ONE_DRAWING
    size = _SMALL if small else _LARGE
    # Each variant has to be visible in its own panel, so none is left out of the axes.
    window, far = fitted(chart, math.inf if small else _FAR)
    attributes = {
        "class": f"chart figures{' small' if small else ''}",
        "data-chart": chart.key,
        "data-title": chart.title,
        "data-plot": " ".join(map(str, size.plot)),
        "data-room": " ".join(map(str, size.room)),
        "data-x": _described(chart.x),
        "data-y": _described(chart.y),
    }
    styles = lines(chart.variants)
    shown = [[name] for name in chart.curves] if small else [list(chart.curves)]
    parts = [
        f"<div{_written(attributes)}>",
        _definitions(chart, styles, window, size),
        *(_figure(chart, each, window, size) for each in shown),
        f'<p class="note off">{escape(note_on_hidden(far))}</p></div>',
    ]
    return Markup("".join(parts))


def note_on_hidden(far: Sequence[str]) -> str:
    """Return a note that names the variants above the axis; empty if there are none."""
    return f"Above the axis at its best: {', '.join(far)}." if far else ""


def fitted(chart: Chart, far: float = _FAR) -> tuple[Window, list[str]]:
    """Return the visible part of a chart, and the variants that are above it even at their best.

    Args:
        chart: what is to be drawn.
        far: the limit of a logarithmic axis: a curve's best value may be this many times the lower
            quartile of all. Axes are not fitted to curves beyond it, which would flatten the rest.
    """
    best = {name: _best(chart, curve) for name, curve in chart.curves.items()}
    steady = {name: value for name, value in best.items() if not chart.curves[name].lost}
    known = sorted(filter(math.isfinite, (steady or best).values()))
    limit = known[(len(known) - 1) // 4] + math.log10(far) if known and chart.y.log else math.inf
    near = [name for name, value in (steady or best).items() if value <= limit]
    every = [chart.curves[name] for name in near]
    xs = [chart.x.at(x) for each in every for x in (*(x for x, _ in each.points), *each.crosses)]
    ys = [
        chart.y.at(value)
        for name in near
        for point in (*chart.curves[name].points, *chart.curves[name].band)
        for value in point[1:]
    ]
    window = Window(*_ends(chart.x, xs), *_ends(chart.y, ys))
    return window, [name for name, value in best.items() if window.high < value < math.inf]


def _best(chart: Chart, curve: Curve) -> float:
    places = [chart.y.at(y) for _, y in curve.points]
    return min(filter(math.isfinite, places), default=math.inf)


def _ends(axis: Axis, values: Iterable[float]) -> tuple[float, float]:
    if axis.ends is not None:
        return axis.at(axis.ends[0]), axis.at(axis.ends[1])
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    edge = 0.04 * (high - low) or 0.05
    return low - edge, high + edge


def ticks(axis: Axis, low: float, high: float, most: int) -> Iterator[tuple[float, str]]:
    """Yield the place and the text of each tick of an axis.

    Args:
        axis: the axis.
        low: the place where it begins.
        high: the place where it ends.
        most: how many ticks there is room for.
    """
    if axis.log:
        ratio = 10 ** (high - low)
        subs: Sequence[float] = next((subs for below, subs in _SUBS if ratio < below), (1,))
        first, last = math.floor(low), math.ceil(high)
        step = max(1, math.ceil((high - low) / most)) if len(subs) == 1 else 1
        for decade in range(first, last + 1, step):
            for sub in subs:
                place = decade + math.log10(sub)
                if low <= place <= high:
                    yield place, f"{sub * 10.0**decade:.4g}"
        return
    raw = (high - low) / most
    power = 10 ** math.floor(math.log10(raw))
    step_ = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw)
    step_ = max(1, step_) if axis.whole else step_
    for count in range(math.ceil(low / step_), math.floor(high / step_) + 1):
        yield count * step_, f"{count * step_:.4g}"


def _definitions(chart: Chart, styles: Mapping[str, Line], window: Window, size: _Size) -> str:
    """Return the definitions that all panels use: the axes, each curve, and all lines together."""
    parts = [f'<g id="{chart.key}-axes" class="axes">{_axes(chart, window, size)}</g>']
    for name, curve in chart.curves.items():
        identifier = f"{chart.key}-{_place(chart, name)}"
        band = [*((x, high) for x, _, high in curve.band)]
        back = [*((x, low) for x, low, _ in reversed(curve.band))]
        lost = {"data-lost": "1"} if curve.lost else {}
        named = {"data-variant": name, "stroke-dasharray": _DASHES[styles[name].linestyle]} | lost
        parts += [
            f'<path id="{identifier}-line"{_written(named)} d="{_path(chart, curve.points)}"/>',
            f'<path id="{identifier}-band" d="{_path(chart, band + back)}Z"/>' if band else "",
        ]
        dots = {
            "dots": curve.points if curve.dotted else (),
            "rings": curve.rings,
            "crosses": [(x, math.nan) for x in curve.crosses],
        }
        for kind, points in dots.items():
            if points:
                path = _dots(chart, points, window)
                parts.append(f'<path id="{identifier}-{kind}" class="{kind}" d="{path}"/>')
    behind = "".join(
        f'<use href="#{chart.key}-{_place(chart, name)}-line"/>' for name in chart.curves
    )
    parts.append(f'<g id="{chart.key}-all">{behind}</g>')
    return f'<svg class="defs" aria-hidden="true"><defs>{"".join(parts)}</defs></svg>'


def _figure(chart: Chart, shown: Sequence[str], window: Window, size: _Size) -> str:
    """Return one panel with the variants in `shown`; behind a single one, the others are grey."""
    alone = len(shown) == 1 < len(chart.curves)
    text = "; ".join(f"{name} {chart.texts[name]}" for name in shown)
    left, top, width, height = size.plot
    title = f'<text class="title" x="2" y="13">{escape(short(shown[0]))}</text>' if alone else ""
    label = f'<text class="label" x="{left + width}" y="{size.whole[1] - 4}">{chart.x.label}</text>'
    behind = f'<use class="others" href="#{chart.key}-all"/>' if alone else ""
    # All bands come first, so that they are behind all lines.
    own = "".join(_own(chart, name, kinds) for kinds in _LAYERS for name in shown)
    of = {"data-of": shown[0]} if alone else {}
    keys = "" if alone else f"<figcaption>{_legend(chart, shown)}</figcaption>"
    return (
        f"<figure{_written(of)}>"
        f'<svg viewBox="0 0 {size.whole[0]} {size.whole[1]}" role="img" '
        f'aria-label="{escape(f"{chart.title}: {text}")}">{title}'
        f'<use href="#{chart.key}-axes"/>{label}'
        f'<svg class="plot" aria-hidden="true" x="{left}" y="{top}" width="{width}" '
        f'height="{height}" viewBox="{_box(window)}" preserveAspectRatio="none">{behind}{own}</svg>'
        "</svg>"
        f"{keys}</figure>"
    )


_LAYERS = (("band",), ("line", "dots", "rings", "crosses"))


def _own(chart: Chart, name: str, layer: Sequence[str]) -> str:
    """Return the marks of one variant in one layer, in the variant's colour."""
    curve, identifier = chart.curves[name], f"{chart.key}-{_place(chart, name)}"
    kinds = {
        "band": curve.band,
        "line": curve.points,
        "dots": curve.dotted,
        "rings": curve.rings,
        "crosses": curve.crosses,
    }
    uses = "".join(
        f'<use class="{kind}" href="#{identifier}-{kind}"/>'
        for kind, has in kinds.items()
        if has and kind in layer
    )
    colour = VARIABLES[lines(chart.variants)[name].color]
    return f'<g data-variant="{escape(name)}" style="--line:var({colour})">{uses}</g>'


def _axes(chart: Chart, window: Window, size: _Size) -> str:
    """Return the grid and the texts of its ticks."""
    left, top, width, height = size.plot
    grid, texts = [], []
    for place, told in ticks(chart.x, window.left, window.right, size.room[0]):
        x = round(left + width * (place - window.left) / (window.right - window.left), 1)
        grid.append(f"M{x:g} {top}v{height}")
        texts.append(f'<text class="x" x="{x:g}" y="{top + height + 15}">{told}</text>')
    for place, told in ticks(chart.y, window.low, window.high, size.room[1]):
        y = round(top + height * (window.high - place) / (window.high - window.low), 1)
        grid.append(f"M{left} {y:g}h{width}")
        texts.append(f'<text class="y" x="{left - 5}" y="{y + 4:g}">{told}</text>')
    return f'<path class="grid" d="{"".join(grid)}"/>{"".join(texts)}'


def _path(chart: Chart, points: Iterable[tuple[float, float]]) -> str:
    """Return the path of a line through points, with a gap where a value is missing.

    The path is upside down, as y grows downwards in SVG.
    """
    parts, draws = [], False
    for x, y in points:
        place = chart.x.at(x), chart.y.at(y)
        known = all(map(math.isfinite, place))
        if known:
            parts.append(f"{'L' if draws else 'M'}{_told(place[0])} {_told(-place[1])}")
        draws = known
    # A lone point becomes a line of length 0, which is drawn as a dot because lines end round.
    return f"{parts[0]}h0" if len(parts) == 1 else "".join(parts)


def _dots(chart: Chart, points: Iterable[tuple[float, float]], window: Window) -> str:
    """Return the path of dots: lines of length 0, which end round.

    A point without a value is at the upper edge.
    """
    edge = window.high - 0.05 * (window.high - window.low)
    places = [(chart.x.at(x), edge if math.isnan(y) else chart.y.at(y)) for x, y in points]
    known = [place for place in places if all(map(math.isfinite, place))]
    return "".join(f"M{_told(x)} {_told(-y)}h0" for x, y in known)


def _box(window: Window) -> str:
    width, height = window.right - window.left, window.high - window.low
    return " ".join(map(_told, (window.left, -window.high, width, height)))


def _told(place: float) -> str:
    return f"{round(place, 5) + 0.0:g}" if abs(place) < 100 else f"{place:.6g}"


def _place(chart: Chart, name: str) -> int:
    return list(chart.variants).index(name)


def _described(axis: Axis) -> str:
    """Return an axis as the page's script reads it: its kind, and its ends if they are fixed."""
    ends = "" if axis.ends is None else f" {axis.at(axis.ends[0]):g} {axis.at(axis.ends[1]):g}"
    return f"{'log' if axis.log else 'whole' if axis.whole else 'linear'}{ends}"


def _written(attributes: Mapping[str, str]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in attributes.items() if value)


def line_sample(line: Line) -> Markup:
    """Return a short sample of a line, to stand beside a variant's name."""
    dash = _DASHES[line.linestyle]
    return Markup(
        '<svg class="key" viewBox="0 0 22 8" aria-hidden="true"><path d="M1 4h20" '
        f'style="stroke:var({VARIABLES[line.color]})"{_written({"stroke-dasharray": dash})}/></svg>'
    )


def _legend(chart: Chart, shown: Sequence[str]) -> str:
    styles = lines(chart.variants)
    return "".join(
        f'<span data-variant="{escape(name)}">{line_sample(styles[name])}{escape(name)}'
        f"{_end(chart.curves[name])}</span> "
        for name in shown
    )


def _end(curve: Curve) -> str:
    """Return the last value of a curve for the legend, as lines may overlap where they end."""
    known = [y for _, y in curve.points if math.isfinite(y)]
    return f" <small>{known[-1]:.3g}</small>" if known else ""
