"""A model: its champion, those before, its metric over time, slices of the data."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from retrain.client.protocol import Doc
from retrain.page.drawing import lines
from retrain.page.drawing.lines import Line, Point
from retrain.page.drawing.scales import finite
from retrain.page.site import page, site_of
from retrain.page.words import axis_of_times

LAST = 20  # runs in the table
DRAWN = 300  # runs in the chart


async def shown(request: Request) -> Response:
    site, model = site_of(request), request.path_params["model"]
    found = await site.questions.answer("model", "--", model)
    rows = (await site.questions.answer("runs", "--", model))["runs"]
    champion = found["champion"]
    verdict: Doc = {}
    if champion is not None:
        verdict = (await site.questions.answer("run", "--model", model, "--", champion["run"])).get("verdict") or {}
    slices: dict[str, list[Doc]] = {}
    for row in verdict.get("slices") or []:
        slices.setdefault(str(row["column"]), []).append(row)
    return page(
        request,
        "model.html",
        model,
        topics="bucket",
        model=model,
        found=found,
        champion=champion,
        history=found["history"][::-1],
        rows=rows[:LAST],
        all=len(rows),
        chart=_over_time(model, found["history"], rows),
        metric=(champion or {}).get("metric") or next((row["metric"] for row in rows if row["metric"]), ""),
        slices=slices,
    )


def _over_time(model: str, history: list[Doc], rows: list[Doc]) -> Any:
    """The metric on test: of every run's winner a dot, of the champions a line."""
    metric = (history[-1] if history else {}).get("metric") or next((row["metric"] for row in rows if row["metric"]), "")
    champions = [
        Point(
            each["at"],
            each["test"]["value"],
            each["test"].get("low"),
            each["test"].get("high"),
            f"champion {each['number']}, run {each['run']}",
        )
        for each in history
        if each.get("metric") == metric and finite((each.get("test") or {}).get("value"))
    ]
    others = [
        Point(row["at"], row["test"]["value"], says=f"{row['run']}: {row['outcome']}, {row['test']['value']:.4f}")
        for row in rows
        if row["metric"] == metric and row["at"] and not row["as_of"] and finite((row["test"] or {}).get("value"))
    ][:DRAWN]
    drawn = [Line("winner of a run", others, "colour1 faint", joined=False), Line("champion", champions, "colour0 best")]
    times = [point.x for line in drawn for point in line.points]
    return lines.chart(
        drawn,
        f"{metric} on test of the champions and the winners of {model} over time",
        "",
        f"{metric} on test",
        axis_of_times(times),
        wide=True,
    )
