"""`/metrics` for Prometheus, with Argo's names where Argo has one."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from localargo import LocalArgoError
from retrain.answers.events import known
from retrain.page.site import Site, site_of

TYPE = "text/plain; version=0.0.4"


async def shown(request: Request) -> Response:
    site = site_of(request)
    models = (await site.questions.answer("models"))["models"]
    rows = (await site.questions.answer("runs"))["runs"]
    queue = (await site.questions.answer("queue"))["models"]
    found = [*_of_workflows(site), *_of_models(models), *_of_runs(rows), *_of_queue(queue), *await _of_triggers(site)]
    return PlainTextResponse("".join(found), media_type=TYPE)


def family(name: str, kind: str, told: str, samples: Sequence[tuple[Mapping[str, Any], float]]) -> str:
    """One metric with its samples (labels, value); nothing without one."""
    if not samples:
        return ""
    lines = [f"{name}{_labels(labels)} {float(value):.17g}\n" for labels, value in samples]
    return f"# HELP {name} {told}\n# TYPE {name} {kind}\n" + "".join(lines)


def _labels(labels: Mapping[str, Any]) -> str:
    inside = ",".join(f'{name}="{_escaped(str(value))}"' for name, value in labels.items())
    return f"{{{inside}}}" if inside else ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _of_workflows(site: Site) -> Iterator[str]:
    if site.workflows is None:
        return
    yield family("retrain_page_engine_up", "gauge", "Whether the engine or the cluster answers.", [({}, float(not site.workflows.trouble))])
    phases = Counter(dict.fromkeys(("Pending", "Running", "Succeeded", "Failed", "Error"), 0))
    phases.update(site.workflows.phases())
    yield family("argo_workflows_gauge", "gauge", "Workflows by phase.", [({"phase": phase}, n) for phase, n in phases.items()])


def _of_models(models: list[dict[str, Any]]) -> Iterator[str]:
    with_champion = [(row["model"], row["champion"]) for row in models if row["champion"]]
    values = [
        ({"model": model, "metric": name}, found["value"])
        for model, record in with_champion
        for name, found in {record["metric"]: record["test"], **(record.get("metrics") or {})}.items()
        if found and found.get("value") is not None
    ]
    yield family("retrain_champion_metric", "gauge", "A metric of the champion on its test rows.", values)
    numbers = [({"model": model}, record["number"]) for model, record in with_champion]
    yield family("retrain_champion_number", "gauge", "How many champions there have been.", numbers)
    since = [({"model": model}, record["at"]) for model, record in with_champion if record.get("at")]
    yield family("retrain_champion_since_timestamp_seconds", "gauge", "When the champion became it.", since)


def _of_runs(rows: list[dict[str, Any]]) -> Iterator[str]:
    counted = Counter((row["model"], row["outcome"]) for row in rows)
    samples = [({"model": model, "outcome": outcome}, number) for (model, outcome), number in sorted(counted.items())]
    yield family("retrain_runs", "gauge", "Runs in the bucket by outcome.", samples)
    last: dict[tuple[str, str], float] = {}
    for row in rows:
        key = (row["model"], row["outcome"])
        last[key] = max(last.get(key, 0.0), row["at"] or 0.0)
    ends = [({"model": model, "outcome": outcome}, at) for (model, outcome), at in sorted(last.items())]
    yield family("retrain_last_run_timestamp_seconds", "gauge", "When the last run of an outcome ended.", ends)


def _of_queue(rows: list[dict[str, Any]]) -> Iterator[str]:
    wanted = [({"model": row["model"]}, len(row["wanted"])) for row in rows]
    yield family("retrain_runs_wanted", "gauge", "Runs that found their model busy and are taken up next.", wanted)
    costs = [({"model": row["model"], "currency": row["cost"]["currency"]}, row["cost"]["money"]) for row in rows if row["cost"]]
    yield family("retrain_cost_30_days", "gauge", "What the runs of the last 30 days have cost.", costs)


async def _of_triggers(site: Site) -> list[str]:
    """How many events each trigger has not read yet; only an engine of this machine knows."""
    if site.place is None:
        return []
    try:
        triggers = (await asyncio.to_thread(known, site.place, "", 0.0, 1))["triggers"]
    except LocalArgoError:
        return []
    samples = [({"sensor_name": each["sensor"], "trigger_name": each["trigger"]}, each["lag"]) for each in triggers]
    return [family("retrain_trigger_waiting_events", "gauge", "Events that a trigger has not taken yet.", samples)]
