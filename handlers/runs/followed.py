"""From an event to the champion and back, read from what runs have left in the bucket.

event -> run (or the run that took it up) -> snapshot -> parts -> dataset -> trials -> verdict -> champion. `docs/reference/why.md` lists
the fields.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from handlers.contracts import BadData
from handlers.data import cut
from handlers.data.manifest import Dataset, PartRef, dataset_key, load_dataset
from handlers.data.split import ROLES, label
from handlers.data.units import OBJECT, UNIT
from handlers.runs import champion as champions
from handlers.runs import requests, snapshots
from handlers.runs.records import RunRecord, read_run
from handlers.storage import Store, optional_json

Doc = dict[str, Any]
CONTEXT = ("id", "source", "subject", "type", "time")
READ = 2000  # requests that are read, the newest
QUERIED = "data.query"  # what the sources of such parts begin with
# decisions of runs whose event went on to the run that their request names
ONWARD = ("busy", "already-trained", "joined", "duplicate")
HOPS = 20  # runs from one that found the model busy to the one that took it up


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of runs, the newest first; `more`: how many older ones were not read."""

    found: list[Doc]
    more: int


def requests_of(store: Store, model: str | None = None) -> Requests:
    """The newest requests of a model's runs, or of all."""
    prefix = f"runs/{model}/" if model else "runs/"
    kept = sorted((info for info in store.list(prefix) if info.key.endswith("/request.json")), key=lambda info: -info.modified)
    read = (optional_json(store, info.key) for info in kept[:READ])
    found = sorted((each for each in read if each is not None), key=lambda each: -float(each["at"]))
    return Requests(found, max(0, len(kept) - READ))


def event_of(request: Mapping[str, Any] | None) -> Doc | None:
    """The event of a request; None for a run that no event started, as a follow-up or one that was submitted by hand."""
    asked, context = (request or {}).get("event") or {}, (request or {}).get("context") or {}
    if not context.get("id") and not asked.get("source"):
        return None
    about = {name: asked.get(name, "") for name in ("model", "key", "etag", "reason")}
    of_sender = {"ce_id": asked.get("id", ""), "ce_source": asked.get("sender", "")}
    return {**{name: context.get(name, "") for name in CONTEXT}, **about, "from": asked.get("source", ""), **of_sender}


def of_run(store: Store, record: RunRecord) -> Doc:
    """The chain of one run, both ways; null where the run did not come so far."""
    request, result, verdict = record.request or {}, record.result or {}, record.verdict or {}
    dataset = dataset_of(store, record.model, str(result.get("dataset") or verdict.get("dataset") or ""))
    return {
        "model": record.model,
        "run": record.run,
        "event": event_of(record.request),
        "took_up": [{"run": name, "event": event_of(requests.read(store, record.model, name))} for name in request.get("took_up") or []],
        "decision": request.get("decision"),
        "outcome": record.outcome,
        "reason": str(result.get("reason") or request.get("reason") or ""),
        "by": request.get("by") or None,
        "taken_up_by": request.get("taken_up_by"),
        "at": record.at or None,
        "snapshot": _snapshot(store, record.model, request),
        "parts": parts_of(dataset) if dataset else None,
        "dataset": described(record.model, dataset) if dataset else None,
        "trials": [{"trial": t["trial"], "params": t.get("params"), "value": t.get("value")} for t in verdict.get("trials", [])],
        "verdict": _verdict(verdict) if verdict else None,
        "champion": _made(store, record.model, lambda entry: entry.get("run") == record.run),
    }


def onward(store: Store, record: RunRecord) -> Iterator[RunRecord]:
    """The run, and those that its event went on to: who took it up, or who had trained the same before."""
    seen: set[str] = set()
    here: RunRecord | None = record
    while here is not None and here.run not in seen and len(seen) < HOPS:
        seen.add(here.run)
        yield here
        request = here.request or {}
        follows = request.get("taken_up_by") or (request.get("by") if request.get("decision") in ONWARD else None)
        here = read_run(store, here.model, follows) if follows else None


def _snapshot(store: Store, model: str, request: Mapping[str, Any]) -> Doc | None:
    digest = request.get("snapshot")
    if not digest:
        return None
    objects = contents(store, model, str(digest))
    return {"digest": digest, "key": f"snapshots/{model}/{digest}.json", "objects": len(objects), "before": request.get("before", [])}


def contents(store: Store, model: str, digest: str) -> dict[str, list[Any]]:
    """Size and content of each object of a snapshot, by key; empty for one that is not there."""
    try:
        return {str(key): more for key, *more in snapshots.load(store, model, digest).objects}
    except BadData:
        return {}


def dataset_of(store: Store, model: str, digest: str) -> Dataset | None:
    """None where there is none, or none any more."""
    try:
        return load_dataset(store, model, digest) if digest else None
    except BadData:
        return None


def parts_of(dataset: Dataset) -> Doc:
    """What a dataset is made of."""
    keys = {part.key for part in dataset.parts}
    return {"objects": len(dataset.objects()), "parts": len(keys), "rows": sum(part.rows for part in dataset.parts)}


def described(model: str, dataset: Dataset) -> Doc:
    """A dataset by its roles."""
    roles = {role: {"rows": sum(p.rows for p in dataset.of_role(role)), "what": dataset.words(role)} for role in ROLES}
    return {"digest": dataset.digest, "key": dataset_key(model, dataset.digest), "unit": dataset.unit, "roles": roles}


def _verdict(verdict: Mapping[str, Any]) -> Doc:
    kept = {name: verdict.get(name) for name in ("digest", "decision", "reason", "metric", "data")}
    return {**kept, "winner": (verdict.get("winner") or {}).get("trial")}


def _made(store: Store, model: str, which: Any) -> Doc | None:
    """The newest champion for which `which` holds, and whether it is the champion now."""
    history = champions.history(store, model)
    mine = [entry for entry in history if which(entry)]
    if not mine:
        return None
    last = mine[-1]
    return {**{name: last.get(name) for name in ("number", "trial", "run", "at")}, "current": last is history[-1]}


def champion_of_trial(store: Store, model: str, trial: str) -> Doc | None:
    """The newest champion that the trial became."""
    return _made(store, model, lambda entry: entry.get("trial") == trial)


# ------------------------------------------------------------------------------------------------ objects


def of_object(store: Store, model: str, key: str, asked: Sequence[Mapping[str, Any]]) -> Doc | None:
    """Which of a model's runs (their requests, the newest first) had an object in their snapshot, and what the champion learned of it.

    None where no run had it. One snapshot is in memory at a time.
    """
    known: dict[str, list[Any] | None] = {}
    found = []
    for request in asked:
        digest = str(request["snapshot"])
        if digest not in known:
            known[digest] = contents(store, model, digest).get(key)
        there = known[digest]
        if there is not None:
            result = requests.result(store, model, request["run"]) or {}
            outcome = result.get("outcome") or "running"
            found.append({"run": request["run"], "at": request["at"], "outcome": outcome, "snapshot": digest, "content": there[-1]})
    if not found:
        return None
    return {"model": model, "runs": found, "first": found[-1]["run"], "champion": _learned(store, model, key)}


def _rows_of(store: Store, dataset: Dataset, key: str) -> list[PartRef]:
    """The parts that hold rows of an object, as if those were all; of a part that several share its rows are read."""
    import pyarrow.compute as pc

    found = []
    for part in dataset.parts:
        keys = dataset.objects_of(part)
        if keys == [key]:
            found.append(part)
        elif key in keys:
            table = cut.table_of(store, part.key, [UNIT, OBJECT]).slice(part.first, part.rows)
            units = table.filter(pc.equal(table.column(OBJECT), keys.index(key))).column(UNIT).to_pylist()
            found += [replace(part, rows=len(units), units=sorted(set(units)))] if units else []
    return found


def _learned(store: Store, model: str, key: str) -> Doc | None:
    """What the champion learned of an object: its content then, and its rows by role."""
    record = champions.current(store, model).record
    if record is None:
        return None
    request = requests.read(store, model, record["run"]) or {}
    content = (contents(store, model, str(request.get("snapshot"))).get(key) or [None])[-1]
    dataset = dataset_of(store, model, str(record["dataset"]))
    mine = _rows_of(store, dataset, key) if dataset else []
    roles = {}
    for role in ROLES:
        of_role = [part for part in mine if part.role == role]
        units = sorted({unit for part in of_role for unit in part.units})
        if dataset and units:
            ends = [label(dataset.unit, units[0]), label(dataset.unit, units[-1])]
            roles[role] = {"rows": sum(part.rows for part in of_role), "first": ends[0], "last": ends[-1]}
    rows = Counter({part.key: 0 for part in mine})
    for part in mine:
        rows[part.key] += part.rows
    parts = [{"key": name, "rows": rows[name]} for name in sorted(rows)]
    # rows of a query over many rows are not told apart by object
    queried = dataset is not None and content is not None and any(part.source.startswith(QUERIED) for part in dataset.parts)
    return {"number": record["number"], "run": record["run"], "content": content, "roles": roles, "parts": parts, "queried": queried}
