"""Charts of the report as inline SVG, drawn by Vega-Lite inside vl-convert: nothing is fetched, nothing runs in the reader's browser.

A drawing has fixed colours, those of a light page. `dark()` are the rules with which a page in the dark changes each of them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

BLUE, ORANGE, GREY, GREEN = "#2a6fbb", "#d9822b", "#9aa4b1", "#1f7a4a"
INK, GRID, LINE, FRAME = "#444444", "#eceff3", "#b8c0ca", "#d5dae1"
IN_THE_DARK = {
    BLUE: "#6db1f5",
    ORANGE: "#f0a552",
    GREY: "#7d8894",
    GREEN: "#5fc48d",
    INK: "#d3dae2",
    GRID: "#2b333c",
    LINE: "#4a5561",
    FRAME: "#3a444f",
}
FONT = "Helvetica, Arial, sans-serif"
CONFIG = {
    "font": FONT,
    "background": None,
    # a reader's letters may be wider than those that were measured here
    "padding": {"left": 16, "right": 12, "top": 6, "bottom": 6},
    "view": {"stroke": FRAME},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "gridColor": GRID,
        "domainColor": LINE,
        "tickColor": LINE,
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "labelOverlap": "greedy",
        "labelSeparation": 8,
        "tickCount": 5,
    },
    "axisY": {"titlePadding": 12},
    "legend": {"labelLimit": 320, "labelColor": INK, "titleColor": INK, "labelFontSize": 11, "orient": "bottom", "columns": 2},
    "text": {"color": INK, "fontSize": 11},
    "title": {"color": INK},
}
PALETTE = (BLUE, ORANGE, GREEN, "#b5489b", "#8a6d3b", "#c0392b", "#5b6fd6", "#3d8f99", "#7d7d22", GREY)
MOST_POINTS = 300  # of learning curves that are drawn as points too
SIDE = {"width": 225, "height": 220}  # what a narrow telephone shows unscaled
TAG, SPOKEN = re.compile(r"<[^>]*>"), re.compile(r'\s(?:role|aria-[a-z]+)="[^"]*"')


def svg(spec: Mapping[str, Any], told: str = "") -> str:
    """The drawing of a Vega-Lite spec as one <svg> element; `told` is what it shows, for those who cannot see it."""
    import vl_convert

    whole = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "config": CONFIG, **spec}
    drawn: str = vl_convert.vegalite_to_svg(whole, vl_version="5.21")
    plain = TAG.sub(lambda tag: SPOKEN.sub("", tag[0]), drawn[drawn.index("<svg") :])
    # one picture with a name, not a hundred parts with none
    return plain.replace("<svg", f'<svg role="img" aria-label="{escape(told or "chart")}"', 1)


def dark() -> str:
    """CSS: each colour of the drawings in the dark."""
    return "".join(f'svg [{kind}="{light}"]{{{kind}:{there}}}\n' for light, there in IN_THE_DARK.items() for kind in ("fill", "stroke"))


def roc(curves: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """ROC curves by name, with the diagonal of random guessing."""
    told = f"ROC curves of {', '.join(curves)}"
    return lines(curves, ("false positive rate", "true positive rate"), told, diagonal=True)


def lines(
    curves: Mapping[str, Sequence[tuple[float, float]]], axes: tuple[str, str], told: str, *, diagonal: bool = False, points: bool = False
) -> str:
    """Curves by name where both sides go from 0 to 1."""
    rows = [
        {"model": name, "x": round(x, 4), "y": round(y, 4), "order": i} for name, found in curves.items() for i, (x, y) in enumerate(found)
    ]
    colours = {"domain": list(curves), "range": list(PALETTE[: len(curves)])}
    encoding = {
        "x": {"field": "x", "type": "quantitative", "title": axes[0], "scale": {"domain": [0, 1]}},
        "y": {"field": "y", "type": "quantitative", "title": axes[1], "scale": {"domain": [0, 1]}},
        "order": {"field": "order"},
        "color": {"field": "model", "type": "nominal", "title": None, "scale": colours},
    }
    layers: list[dict[str, Any]] = [{"data": {"values": rows}, "mark": {"type": "line", "strokeWidth": 2}, "encoding": encoding}]
    if points:
        layers.append({"data": {"values": rows}, "mark": {"type": "point", "filled": True, "size": 36, "opacity": 1}, "encoding": encoding})
    if diagonal:
        ends = {"data": {"values": [{"x": 0, "y": 0}, {"x": 1, "y": 1}]}, "mark": {"type": "line", "strokeDash": [4, 4], "color": GREY}}
        layers.insert(0, {**ends, "encoding": {axis: {"field": axis, "type": "quantitative"} for axis in ("x", "y")}})
    return svg({**SIDE, "layer": layers}, told)


def learning(curves: Mapping[str, Sequence[Mapping[str, Any]]], metric: str, winner: str) -> str:
    """The metric on `valid` per epoch: one line a trial, the winner's in colour with its line on train dashed."""
    rows = [
        {"trial": name, "epoch": line["epoch"], "value": line["valid"][metric], "winner": name == winner, "rows": "valid"}
        for name, found in curves.items()
        for line in found
        if finite(line.get("valid", {}).get(metric))
    ]
    rows += [
        {"trial": f"{winner} (train)", "epoch": line["epoch"], "value": line["train"][metric], "winner": True, "rows": "train"}
        for line in curves.get(winner, [])
        if finite(line.get("train", {}).get(metric))
    ]
    encoding = {
        "x": {
            "field": "epoch",
            "type": "quantitative",
            "title": "epoch",
            "axis": {"values": _whole(rows), "format": "d"},
        },
        "y": {"field": "value", "type": "quantitative", "title": metric, "scale": {"zero": False}},
        "order": {"field": "epoch"},
        "detail": {"field": "trial"},
        "color": {"condition": {"test": "datum.winner", "value": BLUE}, "value": GREY},
        "strokeDash": {"condition": {"test": "datum.rows === 'train'", "value": [5, 3]}, "value": [1, 0]},
    }
    marks = []
    for winners in (False, True):  # the winner's lines lie above the others
        only = {"transform": [{"filter": f"datum.winner == {str(winners).lower()}"}], "encoding": encoding}
        marks.append({**only, "mark": {"type": "line", "strokeWidth": 2 if winners else 1.5}})
        if len(rows) <= MOST_POINTS:
            marks.append({**only, "mark": {"type": "point", "filled": True, "size": 22, "opacity": 1}})
    told = f"{metric} on valid by epoch of {len(curves)} trials, that of the winner {winner} in colour"
    return svg({**SIDE, "data": {"values": rows}, "layer": marks}, told)


def _whole(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """The epochs that are written below the curves: whole ones, eight at most."""
    epochs = {int(row["epoch"]) for row in rows}
    first, last = min(epochs, default=1), max(epochs, default=1)
    return list(range(first, last + 1, -(-(last - first + 1) // 8)))


def intervals(rows: Sequence[Mapping[str, Any]], metric: str, threshold: float | None) -> str:
    """One line per model: value and interval on `test`. `rows`: {"model", "value", "low", "high"}."""
    shown = [dict(row) for row in rows if finite(row.get("low")) and finite(row.get("high"))]
    y = {"field": "model", "type": "nominal", "title": None, "sort": [r["model"] for r in shown], "axis": {"labelLimit": 220}}
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "rule", "strokeWidth": 3, "color": BLUE, "opacity": 0.55},
            "encoding": {
                "y": y,
                "x": {"field": "low", "type": "quantitative", "title": metric, "scale": {"zero": False}},
                "x2": {"field": "high"},
            },
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70, "color": BLUE},
            "encoding": {"y": y, "x": {"field": "value", "type": "quantitative"}},
        },
    ]
    if threshold is not None and near(shown, threshold):
        layers.append({"mark": {"type": "rule", "strokeDash": [4, 4], "color": ORANGE}, "encoding": {"x": {"datum": threshold}}})
    told = "; ".join(f"{row['model']}: {metric} {row['value']:.4g}, from {row['low']:.4g} to {row['high']:.4g}" for row in shown)
    return svg({"width": 210, "height": {"step": 34}, "data": {"values": shown}, "layer": layers}, told)


def near(rows: Sequence[Mapping[str, Any]], bound: float) -> bool:
    """Whether a bound lies so near to the intervals that both can be drawn on one scale."""
    found = [row for row in rows if finite(row.get("low")) and finite(row.get("high"))]
    if not found:
        return False
    low, high = min(row["low"] for row in found), max(row["high"] for row in found)
    return bool(low - 4 * (high - low) <= bound <= high + 4 * (high - low))


def finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
