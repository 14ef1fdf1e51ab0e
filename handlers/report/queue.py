"""What each model's runs wait for, and what they have cost: the claim, who waits, who is wanted next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from handlers.contracts import instant
from handlers.runs import claim, waiting
from handlers.runs.records import RunRecord, models, runs
from handlers.storage import Store

Doc = dict[str, Any]
DAY = 86400.0
DAYS = 30


def told(store: Store, model: str | None) -> Doc:
    """{"models": [...]}: of each model who trains, who waits until its sources are quiet, and whose requests are taken up next."""
    now = store.server_time()
    return {"at": now, "models": [_model(store, name, now) for name in models(store) if model in (None, name)]}


def _model(store: Store, model: str, now: float) -> Doc:
    held, _ = claim.read(store, model)
    waits, _ = waiting.read(store, model)
    trains = {"run": held.run, "heartbeat": held.heartbeat, "alive": held.held(now)} if held.run else None
    found = runs(store, model)
    return {
        "model": model,
        "trains": trains,
        "waits": {"run": waits.run, "until": waits.until, "joined": waits.joined} if waits.there(now) else None,
        "wanted": [{"run": each.get("run", ""), "stop": bool(each.get("stop"))} for each in held.wanted],
        "deferred": next(
            ({"run": r.run, "until": (r.result or {}).get("next_possible_at")} for r in found[:1] if r.outcome == "deferred"), None
        ),
        "cost": _cost(found, now),
    }


def _cost(found: Iterable[RunRecord], now: float) -> Doc | None:
    """Of the runs of the last days that say what they have cost; None where none does (`trigger.price`)."""
    costs = [(record.at, cost) for record in found if (cost := (record.result or {}).get("cost")) and now - record.at < DAYS * DAY]
    if not costs:
        return None
    currency = costs[0][1]["currency"]
    same = [(at, cost) for at, cost in costs if cost["currency"] == currency]
    days: dict[str, float] = {}
    for at, cost in same:
        day = instant(at)[:10]
        days[day] = round(days.get(day, 0.0) + cost["money"], 6)
    return {
        "currency": currency,
        "runs": len(same),
        "money": round(sum(cost["money"] for _, cost in same), 6),
        "processor_seconds": round(sum(cost["processor_seconds"] for _, cost in same), 3),
        "days": days,
    }


def cells(row: Doc) -> list[str]:
    """A row of a table for people."""
    trains, waits, cost = row["trains"], row["waits"], row["cost"]
    holds = f"{trains['run']}{'' if trains['alive'] else ' (silent)'}" if trains else ""
    return [
        row["model"],
        holds,
        f"{waits['run']} until {instant(waits['until'])}" if waits else "",
        ", ".join(each["run"] for each in row["wanted"]),
        f"{cost['money']} {cost['currency']}" if cost else "",
    ]
