"""Asks `admission` with what is in the bucket, and writes its answer into the run's request.

Asked twice: by `fetch`, before the claim, so that most refusals cost seconds; and at the end of `transform`, under the claim and with the
rows known, where the run is counted. A refused run is `deferred`: heal or the next event starts another one when it is due.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from handlers.contracts import BadData, log
from handlers.data.manifest import Dataset
from handlers.modelspec.digests import run_digest
from handlers.modelspec.model import ModelSpec
from handlers.modelspec.trigger import Trigger
from handlers.runs import claim as claims
from handlers.runs import requests, snapshots, spending, trainings
from handlers.runs.admission import START, Answer, Asked, History, admitted, refusal
from handlers.runs.trainings import Training, Trainings
from handlers.storage import Store

Doc = dict[str, Any]
Read = Sequence[tuple[str, int]]  # of each object that was read its content and its rows
DECISIONS = {"refuse": "deferred", "skip": "skipped"}


def entering(store: Store, spec: ModelSpec, request: Doc) -> Answer:
    """The answer for a run that has decided to train (or only to decide again), noted in its request. Nothing is counted yet."""
    history = _history(store, spec, trainings.read(store, spec.name))
    # after that: nothing was trained later than now
    now, claim = store.server_time(), claims.read(store, spec.name)[0]
    holder = claim.run if claim.run != request["run"] and claim.held(now) else ""
    there = requests.read(store, spec.name, holder) if holder else None
    if there is not None and (there["digest"], there["gate"]) == (request["digest"], request["gate"]):
        return START  # it asks for what is being trained, which the claim will say
    trigger = of_request(spec, request) if request["decision"] == "train" else _free(spec.trigger)
    answer = admitted(trigger, history, Asked(request["run"], bool(request["event"].get("now"))), holder, now)
    request.update(noted(answer))
    if answer.kind == "skip":
        request["by"] = holder
    if answer.kind == "supersede":
        request["supersedes"] = holder
    return answer


def _history(store: Store, spec: ModelSpec, known: Trainings) -> History:
    """What has been trained, and what it has used where a budget of money asks."""
    budget = spec.trigger.daily_budget
    if budget is None or budget.money is None:
        return known.history
    return replace(known.history, processor_seconds=spending.of_runs(store, spec.name, known.counted))


def of_request(spec: ModelSpec, request: Doc) -> Trigger:
    """What holds a run back: of a past state, which somebody has asked for, only its cost does."""
    past = {"cooldown": "0s", "min_new_rows": 1, "in_flight": "queue"}
    return spec.trigger.model_copy(update=past) if requests.asked(request).as_of else spec.trigger


def _free(trigger: Trigger) -> Trigger:
    """For what trains nothing: it costs nothing, and no training is stopped for it."""
    free = {"cooldown": "0s", "daily_budget": None, "min_new_rows": 1}
    return trigger.model_copy(update={**free, "in_flight": "skip" if trigger.in_flight == "skip" else "queue"})


def noted(answer: Answer) -> Doc:
    """What the request says of an answer."""
    if answer.kind in DECISIONS:
        refused = {"rule": answer.rule, "next_possible_at": answer.next}
        return {"decision": DECISIONS[answer.kind], "reason": answer.reason, "refused": refused}
    return {"overrode": {"rule": answer.rule, "reason": answer.reason}} if answer.reason else {}


def counted(store: Store, spec: ModelSpec, run: str, dataset: Dataset, read: Read) -> str:
    """ "train" when the run may train now, and is counted; "deferred" when it may not. Repeated, it says the same."""
    request = requests.read(store, spec.name, run)
    if request is None or request["decision"] != "train":
        return "deferred" if request is not None and request["decision"] == "deferred" else "train"
    trigger, asked, after = of_request(spec, request), Asked(run, bool(request["event"].get("now"))), ""

    def ask(known: Trainings, now: float) -> Answer:
        nonlocal asked, after
        new, gone = against(store, spec, request, dataset, read, known.last)
        asked, after = replace(asked, new_rows=new, gone=gone), known.last.run if known.last else ""
        return admitted(trigger, _history(store, spec, known), asked, "", now)

    answer = trainings.count(store, spec.name, run, store.server_time, ask)
    changes = noted(answer)
    if answer.kind == "refuse" and answer.rule == "min_new_rows":
        changes["refused"].update(new_rows=asked.new_rows, after=after)
    if changes:
        requests.change(store, spec.name, run, **changes)
    log("asked whether to train", run=run, answer=answer.kind, new_rows=asked.new_rows, gone=asked.gone, reason=answer.reason)
    return "deferred" if answer.kind == "refuse" else "train"


def against(store: Store, spec: ModelSpec, request: Doc, dataset: Dataset, read: Read, last: Training | None) -> tuple[int | None, int]:
    """(rows that the last training has not learned, objects that it has learned and that are gone); (None, 0) where that is no question:
    nothing was trained before, its snapshot is gone, or the spec or the code has changed since."""
    if last is None or last.spec != spec_digest(spec, request["code"]):
        return None, 0
    try:
        learned = snapshots.load(store, spec.name, last.snapshot).objects
    except BadData:
        return None, 0
    there = snapshots.load(store, spec.name, request["snapshot"]).objects
    before, keys, contents = {each[-1] for each in learned}, {each[0] for each in there}, {each[-1] for each in there}
    landed = sum(rows for content, rows in read if content not in before)
    # rows whose label has come since are new without a new object
    new = max(landed, rows_of(dataset) - last.rows)
    return new, sum(each[0] not in keys and each[-1] not in contents for each in learned)


def rows_of(dataset: Dataset) -> int:
    return sum(part.rows for part in dataset.parts)


def spec_digest(spec: ModelSpec, code: str) -> str:
    """Of everything that a training hangs on but its data."""
    return run_digest("", spec, code)


def finished(store: Store, spec: ModelSpec, request: Doc, dataset: Dataset) -> None:
    """The run's training is finished: cooldowns count from now, and new rows against its snapshot."""
    spec_of, as_of = spec_digest(spec, request["code"]), requests.as_of(request)
    training = Training(request["run"], store.server_time(), request["snapshot"], rows_of(dataset), spec_of, as_of)
    trainings.finished(store, spec.name, training)


def refused_now(store: Store, spec: ModelSpec, deferred: Sequence[Doc], now: float) -> Answer | None:
    """Why nothing would be trained if a run were started now; None when something would. `deferred`: the requests of the runs that were
    refused over this state, the newest first."""
    known = trainings.read(store, spec.name)
    few = next((each["refused"] for each in deferred if each.get("refused", {}).get("rule") == "min_new_rows"), None)
    # counted against another training they would have to be counted again
    rows = int(few["new_rows"]) if few and known.last and few["after"] == known.last.run else None
    return refusal(spec.trigger, _history(store, spec, known), Asked("", new_rows=rows), now)
