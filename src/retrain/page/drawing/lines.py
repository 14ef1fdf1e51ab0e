"""Lines over epochs or over time, with the intervals of their points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from retrain.page.drawing.scales import Scale, around, figure, ticks

WIDTH, WIDER, HEIGHT = 640, 1180, 300  # half a page, and a whole one
LEFT, RIGHT, TOP, BOTTOM = 62, 36, 12, 40


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float
    low: float | None = None
    high: float | None = None
    says: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """`kind` are CSS classes; `name` is what a reader may point at, in the table beside the chart too."""

    name: str
    points: Sequence[Point]
    kind: str = ""
    joined: bool = True


def chart(
    drawn: Sequence[Line], label: str, x: str, y: str, shown: Callable[[float], str] = figure, *, whole: bool = False, wide: bool = False
) -> Markup:
    """The lines as one <svg>; nothing where there is no point. `label` says what is seen to somebody who does not see it."""
    points = [point for line in drawn for point in line.points]
    if not points:
        return Markup("")
    bounds = [each for point in points for each in (point.y, point.low, point.high) if each is not None]
    width = WIDER if wide else WIDTH
    across = Scale(*_wide([point.x for point in points]), LEFT, width - RIGHT)
    up = Scale(*around(bounds), HEIGHT - BOTTOM, TOP)
    parts = [_axes(across, up, x, y, shown, whole), *(_line(line, across, up) for line in drawn)]
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        width, HEIGHT, label, Markup("").join(parts)
    )


def _wide(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _axes(across: Scale, up: Scale, x: str, y: str, shown: Callable[[float], str], whole: bool) -> Markup:
    at_y = Markup("").join(
        Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="tick end" x="{}" y="{}">{}</text>').format(
            LEFT, across.end, up.at(value), up.at(value), LEFT - 8, up.at(value) + 4, figure(value)
        )
        for value in ticks(up.low, up.high)
    )
    found = [value for value in ticks(across.low, across.high, 7) if not whole or value == int(value)]
    at_x = Markup("").join(
        Markup('<text class="tick middle{}" x="{}" y="{}">{}</text>').format(
            " spare" if i % 2 else "", across.at(value), HEIGHT - BOTTOM + 18, shown(value)
        )
        for i, value in enumerate(found)
    )
    names = Markup('<text class="axis middle" x="{}" y="{}">{}</text><text class="axis" x="4" y="{}">{}</text>').format(
        (LEFT + across.end) / 2, HEIGHT - 4, x, TOP - 2, y
    )
    return at_y + at_x + names


def _line(line: Line, across: Scale, up: Scale) -> Markup:
    places = [(across.at(point.x), up.at(point.y), point) for point in line.points]
    parts = [Markup("<title>{}</title>").format(line.name)]
    if line.joined and len(places) > 1:
        parts.append(Markup('<polyline points="{}"/>').format(" ".join(f"{x},{y}" for x, y, _ in places)))
    for x, y, point in places:
        if point.low is not None and point.high is not None:
            parts.append(
                Markup('<line class="whisker" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(x, x, up.at(point.low), up.at(point.high))
            )
        says = Markup("<title>{}</title>").format(point.says) if point.says else ""
        parts.append(Markup('<circle cx="{}" cy="{}" r="3">{}</circle>').format(x, y, says))
    return Markup('<g class="line {}" data-name="{}">{}</g>').format(line.kind, line.name, Markup("").join(parts))


def spark(values: Sequence[float], label: str) -> Markup:
    """A small line without axes."""
    if not values:
        return Markup("")
    across, up = Scale(0, max(1, len(values) - 1), 4, 116), Scale(*around(values, 0.1), 30, 4)
    places = [(across.at(i), up.at(value)) for i, value in enumerate(values)]
    return Markup(
        '<svg class="spark" viewBox="0 0 120 34" role="img" aria-label="{}"><polyline points="{}"/><circle cx="{}" cy="{}" r="3"/></svg>'
    ).format(label, " ".join(f"{x},{y}" for x, y in places), *places[-1])
