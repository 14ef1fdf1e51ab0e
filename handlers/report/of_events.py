"""What an event led to, from the requests in the bucket and from what the engine's journal tells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from handlers.contracts import WrongUsage
from handlers.report import followed
from handlers.runs import followed as chains
from handlers.runs.records import RunRecord, find_run
from handlers.storage import Store

Doc = dict[str, Any]
CANDIDATES = 10  # that an ambiguous name is answered with


def started(store: Store, model: str | None) -> list[Doc]:
    """The requests of the runs that an event of a known id has started, the newest first."""
    return [each for each in chains.requests_of(store, model).found if (each.get("context") or {}).get("id")]


def named_by_runs(store: Store, model: str | None, since: float, limit: int) -> Doc:
    """The events that runs were started by, in the form of `retrain events`."""
    found = []
    for request in started(store, model):
        event = chains.event_of(request)
        if event is not None and float(request["at"]) >= since:
            became = {"sensor": event["source"], "trigger": "", "became": "started", "run": request["run"], "reason": ""}
            found.append({**event, "model": request["model"], "became": [became]})
    return {"events": found[:limit], "more": max(0, len(found) - limit)}


def event(store: Store, name: str, model: str | None, journal: Sequence[Doc]) -> Doc:
    """An event by the beginning of its id, or by the id that its sender gave it, and everything that it led to."""
    asked = started(store, model)
    known = ids(name, journal, asked)
    if not known:
        why = "as far as the bucket knows; `retrain events` shows the events there are"
        raise WrongUsage(f"no event has an id that begins with {name!r}, {why}")
    if len(known) > 1:
        raise WrongUsage(ambiguous(name, [("event", each) for each in known]))
    told = next((each for each in journal if each["id"] == known[0]), None)
    mine = [each for each in asked if each["context"]["id"] == known[0]]
    found = told or chains.event_of(mine[0]) or {}
    became = told["became"] if told else []
    names = dict.fromkeys([*(each["run"] for each in became if each["run"]), *(each["run"] for each in mine)])
    records: dict[str, RunRecord] = {}
    for run in names:
        first = find_run(store, run) or RunRecord(str(found.get("model") or ""), run, None, None, None)
        records.update((record.run, record) for record in chains.onward(store, first))
    chain = [chains.of_run(store, record) for record in records.values()]
    running = chain and chain[-1]["outcome"] == "running"
    next_ = [f"retrain {'get' if running else 'why'} {chain[-1]['run']}"] if chain else ["retrain events"]
    answer = {"kind": "event", "event": {k: v for k, v in found.items() if k != "became"}, "sensors": became, "runs": chain, "next": next_}
    return {**answer, "why": followed.of_event(answer)}


def unwritten(run: str, journal: Sequence[Doc]) -> RunRecord | None:
    """A run that an event has started and that has left nothing in the bucket yet."""
    for each in journal:
        if any(became["run"] == run for became in each["became"]):
            return RunRecord(str(each["model"]), run, None, None, None)
    return None


def ids(name: str, there: Sequence[Doc], asked: Sequence[Doc]) -> list[str]:
    """The ids of events that begin with a name; the one that is it; else those that a sender calls so (a CloudEvent's own id)."""
    known = dict.fromkeys([*(each["id"] for each in there), *(each["context"]["id"] for each in asked)])
    if name in known:
        return [name]
    called = [each["id"] for each in there if each.get("ce_id") == name]
    called += [each["context"]["id"] for each in asked if (each.get("event") or {}).get("id") == name]
    return list(dict.fromkeys(called)) or [each for each in known if each.startswith(name)]


def ambiguous(name: str, found: Sequence[tuple[str, str]]) -> str:
    told = "; ".join(f"`retrain why {each} --kind {kind}`" for kind, each in found[:CANDIDATES])
    more = f" and {len(found) - CANDIDATES} more" if len(found) > CANDIDATES else ""
    return f"{name!r} may be one of {len(found)}: {told}{more}"
