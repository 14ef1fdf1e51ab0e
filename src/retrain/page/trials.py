"""The trials of a run: their curves while they learn, their parameters side by side, and the table."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from retrain.client.protocol import Doc
from retrain.page.drawing import lines, parallel
from retrain.page.drawing.lines import Line, Point
from retrain.page.drawing.scales import finite
from retrain.page.site import page, site_of

LIVE = 3  # seconds after which the page of a run that trains is drawn anew: a curve grows without a trace in the listing
COLOURS = 8  # trials that have a colour each; of more only the best are coloured


async def shown(request: Request) -> Response:
    site, model, run = site_of(request), request.path_params["model"], request.path_params["run"]
    words = ("curves", "--model", model, "--", run)
    found = await site.questions.answer(*words)
    running = found["outcome"] == "running"
    if running:
        found = await site.questions.fresh(*words)
    metric = found["select_by"] or found["metric"] or ""
    trials = ranked(found["trials"], metric, higher=found["higher"])
    best = trials[0]["trial"] if trials and finite(trials[0]["value"]) else ""
    return page(
        request,
        "trials.html",
        f"Trials of {run}",
        topics=f"bucket workflow:{run}",
        every=LIVE if running else 0,
        model=model,
        run=run,
        found=found,
        metric=metric,
        trials=trials,
        varied=parallel.varied(trials),
        curves=_curves(trials, metric, best, run),
        coordinates=parallel.chart(trials, metric, best, f"Parameters of the trials of run {run}, and their {metric} on valid"),
    )


def ranked(trials: list[Doc], metric: str, *, higher: bool) -> list[Doc]:
    """The trials, the best first, each with its `value`: on valid, or of its last epoch while it learns."""
    found = []
    for trial in trials:
        judged = (trial["valid"].get(metric) or {}).get("value")
        last = trial["curve"][-1]["valid"].get(metric) if trial["curve"] else None
        found.append({**trial, "value": last if judged is None else judged})

    def place(trial: Doc) -> tuple[bool, bool, float]:
        value = trial["value"]
        return not trial["winner"], not finite(value), (-value if higher else value) if finite(value) else 0.0

    return sorted(found, key=place)


def _curves(trials: list[Doc], metric: str, best: str, run: str) -> Any:
    drawn = []
    for i, trial in enumerate(trials):
        points = [
            Point(line["epoch"], line["valid"][metric], says=f"epoch {line['epoch']}: {line['valid'][metric]:.4f}")
            for line in trial["curve"]
            if finite(line["valid"].get(metric))
        ]
        kind = f"colour{i}" if i < COLOURS else "many"
        drawn.append(Line(str(trial["trial"]), points, f"{kind} best" if trial["trial"] == best else kind))
    winner = next((trial for trial in trials if trial["trial"] == best), None)
    on_train = [
        Point(line["epoch"], line["train"][metric])
        for line in (winner or {"curve": []})["curve"]
        if finite(line.get("train", {}).get(metric))
    ]
    drawn.append(Line(f"{best} on a sample of train", on_train, "colour0 dashed"))
    drawn.reverse()  # the best lies on top
    return lines.chart(drawn, f"{metric} on valid by epoch, a line for each trial of run {run}", "epoch", f"{metric} on valid", whole=True)
