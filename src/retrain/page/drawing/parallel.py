"""Parallel coordinates: an axis for each parameter that the trials differ in, and the metric as the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from retrain.page.drawing.scales import Scale, figure, finite, ticks

HEIGHT, TOP, BOTTOM, GAP, SIDE = 280, 34, 14, 150, 70
MOST_AXES = 10
SHADES = 5
LOG_FROM = 50.0  # the greatest value of a parameter is that many times the least: its logarithms are drawn
FEW = 6  # values that are all marked
LONGEST = 14  # letters of a value beside an axis


class Axis:
    """One parameter: numbers by their size, anything else by its place in a list."""

    def __init__(self, name: str, values: Sequence[Any]) -> None:
        self.name = name
        self._numbers = all(finite(value) for value in values)
        if self._numbers:
            low, high = min(values), max(values)
            self._scale = Scale(low, high, HEIGHT - BOTTOM, TOP, log=low > 0 and high / low >= LOG_FROM)
            own = sorted(set(values))
            within = own if len(own) <= FEW else [low, high] if self._scale.log else ticks(low, high, 5)
            self.marks = [(figure(value), self._scale.at(value)) for value in within]
        else:
            self._known = sorted({str(value) for value in values})
            self._scale = Scale(0, max(1, len(self._known) - 1), HEIGHT - BOTTOM, TOP)
            self.marks = [(_cut(value), self._scale.at(i)) for i, value in enumerate(self._known)]

    def at(self, value: Any) -> float:
        """How high a value is drawn."""
        return self._scale.at(value if self._numbers else self._known.index(str(value)))


def varied(trials: Sequence[Mapping[str, Any]]) -> list[str]:
    """The parameters in which some trials differ."""
    names = dict.fromkeys(name for trial in trials for name in trial["params"])
    return [name for name in names if len({repr(trial["params"].get(name)) for trial in trials}) > 1]


def chart(trials: Sequence[Mapping[str, Any]], metric: str, best: str, label: str) -> Markup:
    """`trials`: {"trial", "params", "value"}, the best first; those without a value are left out. Nothing where nothing varies."""
    drawn = [trial for trial in trials if finite(trial["value"])]
    names = varied(drawn)[:MOST_AXES]
    if not names:
        return Markup("")
    axes = [Axis(name, [trial["params"].get(name, "–") for trial in drawn]) for name in names]
    axes.append(Axis(metric, [trial["value"] for trial in drawn]))
    width = 2 * SIDE + GAP * (len(axes) - 1)
    # the best is drawn last, on top
    worst_first = list(reversed(drawn))
    lines = [_line(trial, axes, names, SHADES * i // len(drawn), trial["trial"] == best) for i, trial in enumerate(worst_first)]
    parts = [*lines, *(_axis(axis, SIDE + GAP * i) for i, axis in enumerate(axes))]
    return Markup('<svg class="chart parallel" viewBox="0 0 {0} {1}" width="{0}" role="img" aria-label="{2}">{3}</svg>').format(
        width, HEIGHT, label, Markup("").join(parts)
    )


def _line(trial: Mapping[str, Any], axes: Sequence[Axis], names: Sequence[str], shade: int, best: bool) -> Markup:
    values = [*(trial["params"].get(name, "–") for name in names), trial["value"]]
    points = " ".join(f"{SIDE + GAP * i},{axis.at(value)}" for i, (axis, value) in enumerate(zip(axes, values, strict=True)))
    said = ", ".join(f"{axis.name} {value}" for axis, value in zip(axes, values, strict=True))
    kind = f"shade{shade}{' best' if best else ''}"
    return Markup('<g class="line {}" data-name="{}"><title>{}</title><polyline points="{}"/></g>').format(
        kind, trial["trial"], said, points
    )


def _axis(axis: Axis, x: float) -> Markup:
    marks = Markup("").join(
        Markup('<line class="domain" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="tick" x="{}" y="{}">{}</text>').format(
            x - 3, x + 3, y, y, x + 7, y + 4, text
        )
        for text, y in axis.marks
    )
    return Markup(
        '<g><line class="domain" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="axis middle" x="{}" y="{}">{}</text>{}</g>'
    ).format(x, x, TOP, HEIGHT - BOTTOM, x, TOP - 14, _cut(axis.name, 22), marks)


def _cut(text: str, longest: int = LONGEST) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"
