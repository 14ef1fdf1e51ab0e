"""Charts of the report as inline SVG, drawn by Vega-Lite inside vl-convert: nothing is fetched, nothing runs in the reader's browser."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

BLUE, ORANGE, GREY = "#2a6fbb", "#d9822b", "#9aa4b1"
FONT = "Helvetica, Arial, sans-serif"
CONFIG = {
    "font": FONT,
    "background": None,
    "view": {"stroke": "#d5dae1"},
    "axis": {"labelColor": "#444", "titleColor": "#444", "gridColor": "#eceff3", "domainColor": "#b8c0ca", "tickColor": "#b8c0ca"},
    "legend": {"labelLimit": 320, "titleColor": "#444", "orient": "bottom", "columns": 2},
}


def svg(spec: Mapping[str, Any]) -> str:
    """The drawing of a Vega-Lite spec as one <svg> element."""
    import vl_convert

    whole = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "config": CONFIG, **spec}
    drawn: str = vl_convert.vegalite_to_svg(whole, vl_version="5.21")
    return drawn[drawn.index("<svg") :]


def roc(curves: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """ROC curves by name, with the diagonal of random guessing."""
    rows = [
        {"model": name, "false": round(x, 4), "true": round(y, 4), "order": i}
        for name, points in curves.items()
        for i, (x, y) in enumerate(points)
    ]
    colours = {"domain": list(curves), "range": [BLUE, ORANGE, GREY][: len(curves)]}
    lines = {
        "mark": {"type": "line", "strokeWidth": 2},
        "encoding": {
            "x": {"field": "false", "type": "quantitative", "title": "false positive rate", "scale": {"domain": [0, 1]}},
            "y": {"field": "true", "type": "quantitative", "title": "true positive rate", "scale": {"domain": [0, 1]}},
            "order": {"field": "order"},
            "color": {"field": "model", "type": "nominal", "title": None, "scale": colours},
        },
        "data": {"values": rows},
    }
    diagonal = {
        "data": {"values": [{"false": 0, "true": 0}, {"false": 1, "true": 1}]},
        "mark": {"type": "line", "strokeDash": [4, 4], "color": GREY},
        "encoding": {"x": {"field": "false", "type": "quantitative"}, "y": {"field": "true", "type": "quantitative"}},
    }
    return svg({"width": 340, "height": 300, "layer": [diagonal, lines]})


def learning(curves: Mapping[str, Sequence[Mapping[str, Any]]], metric: str, winner: str) -> str:
    """The metric on `valid` per epoch: one line a trial, the winner's in colour with its line on train dashed."""
    rows = [
        {"trial": name, "epoch": line["epoch"], "value": line["valid"][metric], "winner": name == winner, "rows": "valid"}
        for name, lines in curves.items()
        for line in lines
        if _finite(line.get("valid", {}).get(metric))
    ]
    rows += [
        {"trial": f"{winner} (train)", "epoch": line["epoch"], "value": line["train"][metric], "winner": True, "rows": "train"}
        for line in curves.get(winner, [])
        if _finite(line.get("train", {}).get(metric))
    ]
    encoding = {
        "x": {"field": "epoch", "type": "quantitative", "title": "epoch", "axis": {"tickMinStep": 1, "format": "d"}},
        "y": {"field": "value", "type": "quantitative", "title": metric, "scale": {"zero": False}},
        "detail": {"field": "trial"},
        "color": {"condition": {"test": "datum.winner", "value": BLUE}, "value": GREY},
        "strokeDash": {"condition": {"test": "datum.rows === 'train'", "value": [5, 3]}, "value": [1, 0]},
    }
    marks = [
        {"mark": {"type": "line", "strokeWidth": 2}, "encoding": encoding},
        {"mark": {"type": "point", "filled": True, "size": 28}, "encoding": encoding},
    ]
    return svg({"width": 340, "height": 300, "data": {"values": rows}, "layer": marks})


def intervals(rows: Sequence[Mapping[str, Any]], metric: str, threshold: float | None) -> str:
    """One line per model: value and interval on `test`. `rows`: {"model", "value", "low", "high"}."""
    shown = [dict(row) for row in rows if _finite(row.get("low")) and _finite(row.get("high"))]
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
    if threshold is not None:
        layers.append({"mark": {"type": "rule", "strokeDash": [4, 4], "color": ORANGE}, "encoding": {"x": {"datum": threshold}}})
    return svg({"width": 760, "height": {"step": 34}, "data": {"values": shown}, "layer": layers})


def _finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)
