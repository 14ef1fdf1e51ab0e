"""Where events are read from: the engine's journal, and where there is none the Workflows and the bucket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from localargo import InvalidInput, LocalArgoError, NotFound, Unavailable
from retrain.answers.bucket import bucket_of_model
from retrain.client.connect import argo_server, local_engine
from retrain.client.place import Cluster, Place
from retrain.project import events as read
from retrain.project.questions import ask

Doc = dict[str, Any]
PAGE = 1000  # events asked for at once
NO_JOURNAL = (
    "a cluster keeps no journal of events: these are those that started a Workflow, or that a run in the bucket names. "
    "What a Sensor dropped or joined is in its pod's log alone (kubectl logs -l sensor-name=NAME)"
)


def events(place: Place, model: str, since: float, limit: int) -> Doc:
    """The newest events; `journal` says whether the engine's journal told them, `note` what is missing where it did not."""
    if isinstance(place, Cluster):
        return {"events": _without_journal(place, model, since, limit), "triggers": [], "journal": False, "note": NO_JOURNAL}
    try:
        found = _journal(local_engine(place).events, model, since, limit)
    except Unavailable as down:
        return _stopped(place, model, since, limit, down)
    return {**found, "journal": True, "note": ""}


def known(place: Place, model: str, since: float, limit: int) -> Doc:
    """As `events`, without what runs in the bucket name: of a cluster the events that started a Workflow. Raises Unavailable where there is
    no journal."""
    if isinstance(place, Cluster):
        found = _fitting(_of_workflows(place), model, since, limit)
        return {"events": found, "triggers": [], "journal": False, "note": NO_JOURNAL}
    try:
        return {**_journal(local_engine(place).events, model, since, limit), "journal": True, "note": ""}
    except Unavailable as down:
        return {**_journal(partial(read.recorded, place), model, since, limit), "journal": True, "note": str(down)}


def _stopped(state: Path, model: str, since: float, limit: int, down: Unavailable) -> Doc:
    """What the journal of the engine that does not run has; without one, what runs in the bucket name."""
    try:
        found = _journal(partial(read.recorded, state), model, since, limit)
    except Unavailable:
        try:
            told = _of_runs(state, model, since, limit)
        except LocalArgoError:
            raise down from None
        note = f"{down}; its journal cannot be asked, so these are the events that runs in the bucket name"
        return {"events": told, "triggers": [], "journal": False, "note": note}
    note = f"{down}; these are the events of its journal, and what happened since is read when it starts (`retrain up`)"
    return {**found, "journal": True, "note": note}


def _journal(events: Callable[..., Doc], model: str, since: float, limit: int) -> Doc:
    before = ""
    found: list[Doc] = []
    triggers: list[Doc] = []
    while len(found) < limit:
        page = events(PAGE if model else limit, since=since, before=before)
        triggers = page["triggers"]
        told = [read.of_journal(each) | {"data": each["data"]} for each in page["events"]]
        found += [each for each in told if model in ("", each["model"])]
        if not model or len(told) < PAGE:
            break
        before = told[-1]["id"]
    return {"events": found[:limit], "triggers": triggers}


def _without_journal(place: Place, model: str, since: float, limit: int) -> list[Doc]:
    found = {(each["id"], each["became"][0]["run"]): each for each in _of_workflows(place)}
    try:
        for each in _of_runs(place, model, since, limit):
            found.setdefault((each["id"], each["became"][0]["run"]), each)
    except LocalArgoError:
        pass  # the Workflows tell what they can
    return _fitting(found.values(), model, since, limit)


def _fitting(found: Iterable[Doc], model: str, since: float, limit: int) -> list[Doc]:
    fits = [each for each in found if model in ("", each["model"]) and (read.instant(each["time"]) or 0.0) >= since]
    return sorted(fits, key=lambda each: -(read.instant(each["time"]) or 0.0))[:limit]


def _of_workflows(place: Place) -> Iterator[Doc]:
    for workflow in argo_server(place).workflows(read.SENSOR).items:
        event = read.of_workflow(workflow)
        if event is not None:
            yield event


def _of_runs(place: Place, model: str, since: float, limit: int) -> list[Doc]:
    """The events that requests in the bucket name."""
    chosen = ["--model", model] if model else []
    asked = ["events", "--limit", str(limit), "--since", str(since), *chosen]
    found: list[Doc] = json.loads(ask(bucket_of_model(place), *asked))["events"]
    return found


def one(place: Place, event_id: str) -> Doc:
    """A recorded event as it was published."""
    if isinstance(place, Cluster):
        raise InvalidInput(f"a cluster keeps no journal of events; `retrain why {event_id}` tells what became of it")
    try:
        found: Doc = local_engine(place).event(event_id)
    except Unavailable as down:
        try:
            there = read.recorded(place, 2, id=event_id)["events"]
        except Unavailable:
            raise down from None
        if len(there) != 1:
            raise NotFound(f"no event {event_id}" if not there else f"more than one event begins with {event_id}") from None
        found = {name: value for name, value in there[0].items() if name != "outcomes"}
    return found
