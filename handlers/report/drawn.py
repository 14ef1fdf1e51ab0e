"""The drawings of a task and of a search, from the figures that an evaluation keeps (`handlers.metrics.pictures`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from handlers.contracts import counted
from handlers.metrics.pictures import CELLS
from handlers.report.charts import BLUE, GREY, INK, ORANGE, SIDE, finite, lines, svg

Doc = Mapping[str, Any]
Shown = tuple[str, str, str]  # title, drawing, what it says in words
AXIS = 96  # pixels between two parameters
LABELS = 6  # of values of one parameter
LONGEST = 16
MODELS = ("challenger", "champion")


def of_task(found: Mapping[str, Doc], threshold: Doc | None) -> list[Shown]:
    """What there is to draw of the models of a run on test: `found` has their pictures by model."""
    ours = found.get("challenger", {})
    drawn = [_precision_recall(found), _thresholds(ours, threshold), _calibration(found), _rocs(ours)]
    drawn += [_predicted(ours), _residuals(ours), _places(found)]
    return [each for each in drawn if each]


def _by_model(found: Mapping[str, Doc], name: str) -> dict[str, Any]:
    return {model: found[model][name] for model in MODELS if found.get(model, {}).get(name)}


def _precision_recall(found: Mapping[str, Doc]) -> Shown | None:
    of = _by_model(found, "thresholds")
    if not of:
        return None
    curves = {model: [(recall, precision) for _, recall, precision in points] for model, points in of.items()}
    drawing = lines(curves, ("recall", "precision"), f"precision against recall of {', '.join(of)}")
    return "Precision and recall", drawing, "What share of the rows found are right, by how many of the positive rows are found."


def _thresholds(ours: Doc, chosen: Doc | None) -> Shown | None:
    points = ours.get("thresholds")
    if not points:
        return None
    rows = [
        {"x": score, "y": value, "what": what} for score, *pair in points for what, value in zip(("recall", "precision"), pair, strict=True)
    ]
    colours = {"domain": ["precision", "recall"], "range": [BLUE, ORANGE]}
    encoding = {
        "x": {"field": "x", "type": "quantitative", "title": "threshold", "scale": {"zero": False}},
        "y": {"field": "y", "type": "quantitative", "title": "share", "scale": {"domain": [0, 1]}},
        "color": {"field": "what", "type": "nominal", "title": None, "scale": colours},
    }
    layers: list[dict[str, Any]] = [{"data": {"values": rows}, "mark": {"type": "line", "strokeWidth": 2}, "encoding": encoding}]
    words = "A row is positive from the threshold on."
    if chosen:
        layers.append(_upright(chosen["value"], INK))
        words = f"The dashed line is the threshold {chosen['value']:.4g}, chosen on valid."
    return "Threshold", svg({**SIDE, "layer": layers}, f"precision and recall by threshold. {words}"), words


def _calibration(found: Mapping[str, Doc]) -> Shown | None:
    of = _by_model(found, "calibration")
    if not of:
        return None
    curves = {model: [(score, share) for score, share, _ in bins] for model, bins in of.items()}
    drawing = lines(curves, ("mean probability", "share that is so"), f"calibration of {', '.join(of)}", diagonal=True, points=True)
    return (
        "Calibration",
        drawing,
        "On the dashed line a probability of 0.3 comes true in 30 % of the rows. A point is a tenth of the scale.",
    )


def _rocs(ours: Doc) -> Shown | None:
    of = ours.get("rocs")
    if not of:
        return None
    curves = {name: [(x, y) for x, y in points] for name, points in of.items()}
    drawing = lines(curves, ("false positive rate", "true positive rate"), f"ROC curves of the classes {', '.join(of)}", diagonal=True)
    return "ROC of each class", drawing, "Each class against all others."


def _predicted(ours: Doc) -> Shown | None:
    found = ours.get("predicted")
    if not found:
        return None
    low, high = found["low"], found["high"]
    width = (high - low) / CELLS
    rows = [
        {"x": low + i * width, "x2": low + (i + 1) * width, "y": low + j * width, "y2": low + (j + 1) * width, "rows": count}
        for i, j, count in found["cells"]
    ]
    cells = {
        "data": {"values": rows},
        "mark": {"type": "rect", "color": BLUE},
        "encoding": {
            "x": {"field": "x", "type": "quantitative", "title": "actual", "scale": {"domain": [low, high], "nice": False}},
            "x2": {"field": "x2"},
            "y": {"field": "y", "type": "quantitative", "title": "predicted", "scale": {"domain": [low, high], "nice": False}},
            "y2": {"field": "y2"},
            "opacity": {"field": "rows", "type": "quantitative", "scale": {"range": [0.15, 1], "type": "sqrt"}, "legend": None},
        },
    }
    diagonal = {
        "data": {"values": [{"x": low, "y": low}, {"x": high, "y": high}]},
        "mark": {"type": "line", "strokeDash": [4, 4], "color": ORANGE},
        "encoding": {axis: {"field": axis, "type": "quantitative"} for axis in ("x", "y")},
    }
    words = "The darker, the more rows; on the dashed line the prediction is right. Rows beyond the edges stand at them."
    return "Predicted against actual", svg({**SIDE, "layer": [cells, diagonal]}, "predicted against actual numbers"), words


def _residuals(ours: Doc) -> Shown | None:
    found = ours.get("residuals")
    if not found:
        return None
    low, width = found["low"], (found["high"] - found["low"]) / len(found["rows"])
    rows = [{"x": low + i * width, "x2": low + (i + 1) * width, "rows": count} for i, count in enumerate(found["rows"])]
    bars = {
        "data": {"values": rows},
        "mark": {"type": "bar", "color": BLUE, "binSpacing": 1},
        "encoding": {
            "x": {"field": "x", "type": "quantitative", "bin": "binned", "title": "predicted - actual"},
            "x2": {"field": "x2"},
            "y": {"field": "rows", "type": "quantitative", "title": "rows"},
        },
    }
    words = "Right of the dashed line the model says too much, left of it too little."
    return "Residuals", svg({**SIDE, "layer": [bars, _upright(0, ORANGE)]}, "how many rows have which residual"), words


def _upright(at: float, colour: str) -> dict[str, Any]:
    """A dashed line through a place of the axis below."""
    mark = {"type": "rule", "strokeDash": [4, 4], "color": colour, "strokeWidth": 1.5}
    return {"data": {"values": [{}]}, "mark": mark, "encoding": {"x": {"datum": at}}}


def _places(found: Mapping[str, Doc]) -> Shown | None:
    of = _by_model(found, "places")
    if not of:
        return None
    rows = [{"place": place, "relevance": mean, "model": model} for model, points in of.items() for place, mean, _ in points]
    colours = {"domain": list(of), "range": [BLUE, ORANGE][: len(of)]}
    encoding = {
        "x": {"field": "place", "type": "ordinal", "title": "place in the list", "axis": {"labelAngle": 0}},
        "y": {"field": "relevance", "type": "quantitative", "title": "mean relevance"},
        "xOffset": {"field": "model"},
        "color": {"field": "model", "type": "nominal", "title": None, "scale": colours},
    }
    drawing = svg({**SIDE, "data": {"values": rows}, "mark": "bar", "encoding": encoding}, "mean relevance by place in the list")
    return "Relevance by place", drawing, "How relevant the rows are that the model puts first, second and so on."


def varied(trials: Sequence[Doc]) -> list[str]:
    """The parameters in which trials that have a score differ."""
    scored = [trial["params"] for trial in trials if finite(trial.get("value"))]
    names = dict.fromkeys(name for params in scored for name in params)
    return [name for name in names if len({str(params.get(name)) for params in scored}) > 1]


def parallel(trials: Sequence[Doc], metric: str, winner: str, higher: bool) -> Shown | None:
    """A line for each trial through the parameters that differ, to its metric on valid."""
    scored = [trial for trial in trials if finite(trial.get("value"))]
    names = [
        name for name in dict.fromkeys(n for t in scored for n in t["params"]) if len({str(t["params"].get(name)) for t in scored}) > 1
    ]
    if len(scored) < 2 or not names:
        return None
    axes = [(name, [trial["params"].get(name) for trial in scored]) for name in names] + [(metric, [t["value"] for t in scored])]
    rows, labels = [], []
    for place, (name, values) in enumerate(axes):
        heights, marks = _scaled(values)
        labels += [{"axis": place, "y": y, "text": text} for y, text in marks]
        rows += [
            {"trial": trial["trial"], "axis": place, "y": y, "name": name, "winner": trial["trial"] == winner}
            for trial, y in zip(scored, heights, strict=True)
        ]
    last = len(axes) - 1
    x = {"field": "axis", "type": "quantitative", "axis": None, "scale": {"domain": [0, last], "nice": False, "padding": 44}}
    y = {"field": "y", "type": "quantitative", "axis": None, "scale": {"domain": [0, 1], "padding": 14}}
    line = {"x": x, "y": y, "detail": {"field": "trial"}, "order": {"field": "axis"}}
    heads = [{"axis": place, "y": 1, "text": _cut(name)} for place, (name, _) in enumerate(axes)]
    layers = [
        {"data": {"values": [{"axis": n} for n in range(len(axes))]}, "mark": {"type": "rule", "color": GREY}, "encoding": {"x": x}},
        {
            "data": {"values": [r for r in rows if not r["winner"]]},
            "mark": {"type": "line", "color": GREY, "opacity": 0.7},
            "encoding": line,
        },
        {
            "data": {"values": [r for r in rows if r["winner"]]},
            "mark": {"type": "line", "color": BLUE, "strokeWidth": 2.5},
            "encoding": line,
        },
        _texts(labels, x, y, {"align": "left", "dx": 4, "dy": -6}),
        _texts(heads, x, y, {"align": "center", "dy": -26, "fontWeight": "bold"}),
    ]
    told = f"Blue: the winner. {counted(len(scored), 'trial')}; of {metric} {'the highest' if higher else 'the lowest'} is the best."
    spec = {"width": max(240, AXIS * last + 88), "height": 200, "view": {"stroke": None}, "layer": layers}
    return "Parameters and score", svg(spec, f"a line for each trial through its parameters. {told}"), told


def _texts(rows: Sequence[Doc], x: Doc, y: Doc, how: Doc) -> dict[str, Any]:
    return {
        "data": {"values": list(rows)},
        "mark": {"type": "text", "fontSize": 11, "color": INK, **how},
        "encoding": {"x": x, "y": y, "text": {"field": "text"}},
    }


def _scaled(values: Sequence[Any]) -> tuple[list[float], list[tuple[float, str]]]:
    """The height of each value from 0 to 1, and the labels of the axis: numbers that spread over decades by their logarithm."""
    import math

    if all(finite(value) and not isinstance(value, bool) for value in values) and min(values) < max(values):
        low, high = min(values), max(values)
        by_decade = low > 0 and high / low >= 100

        def height(value: float) -> float:
            return math.log(value / low) / math.log(high / low) if by_decade else (value - low) / (high - low)

        distinct = sorted(set(values))
        shown = distinct if len(distinct) <= LABELS else [low, high]
        marks = [(height(value), f"{value:.4g}") for value in shown]
        return [height(value) for value in values], _apart(marks)
    texts = [f"{value:.4g}" if finite(value) and not isinstance(value, bool) else str(value) for value in values]
    names = sorted(set(texts))
    step = 1 / max(1, len(names) - 1)
    shown_names = names if len(names) <= 2 * LABELS else [names[0], names[-1]]
    return [names.index(text) * step for text in texts], [(names.index(name) * step, _cut(name)) for name in shown_names]


def _apart(marks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """The marks that do not stand on each other: the first, the last, and what has room between."""
    kept = [marks[0]]
    for mark in marks[1:-1]:
        if mark[0] - kept[-1][0] >= 0.08 and marks[-1][0] - mark[0] >= 0.08:
            kept.append(mark)
    return [*kept, marks[-1]] if len(marks) > 1 else kept


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def champions(history: Sequence[Doc]) -> str:
    """The metric of the champions one after another on the test rows of their time."""
    rows = [
        {"number": each["number"], "value": each["test"]["value"], "low": each["test"].get("low"), "high": each["test"].get("high")}
        for each in history
        if finite((each.get("test") or {}).get("value"))
    ]
    if len(rows) < 2:
        return ""
    metric = str(history[-1].get("metric"))
    x = {"field": "number", "type": "ordinal", "title": "champion", "axis": {"labelAngle": 0}}
    y = {"field": "value", "type": "quantitative", "title": f"{metric} on test", "scale": {"zero": False}}
    layers = [
        {
            "mark": {"type": "rule", "color": BLUE, "opacity": 0.5, "strokeWidth": 3},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {"mark": {"type": "point", "filled": True, "size": 60, "color": BLUE, "opacity": 1}, "encoding": {"x": x, "y": y}},
    ]
    return svg({**SIDE, "data": {"values": rows}, "layer": layers}, f"{metric} on test of {len(rows)} champions")
