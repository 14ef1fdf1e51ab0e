"""Events to deliver, `outbox/<model>/<event>-<time>-<receiver>.json`, an object for each receiver; removed once it has taken the event.

They are written before the run's result.json, in the step that decides, and count only with it: what is delivered is what the result says.
So a crash loses none, and an event of a decision that was made again is dropped. Each attempt is recorded before it is made, by conditional
PUT: two that deliver at once seldom send one event twice, and a receiver that takes the process down is not asked for ever.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from handlers.contracts import counted
from handlers.events import told
from handlers.modelspec.model import Notify
from handlers.runs import requests
from handlers.storage import Conflict, Missing, Store, write_json

FIRST_WAIT, LONGEST_WAIT = 60.0, 6 * 3600.0  # seconds until an event is sent again; twice as long after each attempt
GIVEN_UP_AFTER = 3 * 86400.0  # seconds after the run's end
FEWEST_ATTEMPTS = 5  # before that: the cluster may have slept for days
OUTBOX, UNDELIVERED = "outbox", "undelivered"


@dataclass(frozen=True, slots=True)
class Entry:
    """An event for one receiver. `next`: not before, by the bucket's clock; `error`: why the last attempt came to nothing."""

    event: dict[str, Any]
    to: str
    format: str
    kind: str
    at: float
    attempts: int = 0
    next: float = 0.0
    error: str = ""

    @property
    def model(self) -> str:
        return str(self.event["data"]["model"])

    @property
    def run(self) -> str:
        return str(self.event["data"]["run"])

    @property
    def name(self) -> str:
        """With the time: of a run that is decided on again another object, so that removing one never removes the other."""
        return f"{self.model}/{self.event['id']}-{int(self.at * 1000)}-{self.to}.json"

    @property
    def key(self) -> str:
        return f"{OUTBOX}/{self.name}"

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in Entry.__slots__}


def put(store: Store, receivers: Sequence[Notify], result: Mapping[str, Any], verdict: Mapping[str, Any], lost: int) -> list[Entry]:
    """Write what a run's result is to tell whom. To be called before the result is written, again whenever it is made anew."""
    found = []
    for kind in told.kinds(result, lost) if receivers else ():
        event = told.event(kind, result, verdict, lost)
        for receiver in receivers:
            if kind in receiver.on:
                entry = Entry(event, receiver.to, receiver.format, kind, float(result["at"]))
                write_json(store, entry.key, entry.to_json())
                found.append(entry)
    return found


def drop(store: Store, entries: Sequence[Entry], counts: Mapping[str, Any]) -> None:
    """Take back what was written for a result that another process of the run was faster than: `counts` is the one that counts."""
    for entry in entries:
        # of the same second it may be the other's
        if entry.at != float(counts["at"]):
            store.delete(entry.key)


def waiting(store: Store, model: str = "") -> bool:
    """Whether there is anything to deliver."""
    return next(iter(store.list(f"{OUTBOX}/{model}/" if model else f"{OUTBOX}/")), None) is not None


def entries(store: Store, folder: str = OUTBOX, model: str = "") -> Iterator[tuple[Entry, str]]:
    """What is there, each with its ETag."""
    for info in store.list(f"{folder}/{model}/" if model else f"{folder}/"):
        try:
            data, etag = store.get_with_etag(info.key)
        except Missing:
            continue  # delivered meanwhile
        yield Entry(**json.loads(data)), etag


def claim(store: Store, entry: Entry, etag: str, now: float) -> tuple[Entry, str] | None:
    """The entry to deliver now, the attempt recorded; None when it is not due, does not count, or somebody else is at it."""
    if now < entry.next:
        return None
    result = requests.result(store, entry.model, entry.run)
    if result is not None and (float(result["at"]), result["outcome"]) != (entry.at, entry.event["data"]["outcome"]):
        # a result that says more than `failed` stays: this entry is of a process that came too late
        if float(result["at"]) >= entry.at or result["outcome"] != "failed":
            store.delete(entry.key)  # the run was decided on again
            return None
        result = None  # the run is being decided on again
    if result is None:
        if now > entry.at + GIVEN_UP_AFTER:
            _give_up(store, replace(entry, error=f"run {entry.run} has not ended"))
        return None
    wait = min(FIRST_WAIT * 2**entry.attempts, LONGEST_WAIT)
    taken = replace(entry, attempts=entry.attempts + 1, next=now + wait)
    try:
        return taken, write_json(store, entry.key, taken.to_json(), if_match=etag)
    except (Conflict, Missing):
        return None


def delivered(store: Store, entry: Entry) -> None:
    """The receiver has it."""
    store.delete(entry.key)


def refused(store: Store, entry: Entry, etag: str, error: str, now: float) -> bool:
    """Keep why the attempt came to nothing; True when it was the last one."""
    failed = replace(entry, error=error)
    if entry.attempts >= FEWEST_ATTEMPTS and now > entry.at + GIVEN_UP_AFTER:
        _give_up(store, failed)
        return True
    # else the event was written anew meanwhile, or is delivered
    with suppress(Conflict, Missing):
        write_json(store, entry.key, failed.to_json(), if_match=etag)
    return False


def _give_up(store: Store, entry: Entry) -> None:
    write_json(store, f"{UNDELIVERED}/{entry.name}", entry.to_json())
    store.delete(entry.key)


def again(store: Store, model: str = "") -> list[Entry]:
    """Put back what was given up, to be delivered as if it were new."""
    found = [entry for entry, _ in entries(store, UNDELIVERED, model)]
    for entry in found:
        write_json(store, entry.key, replace(entry, attempts=0, next=0.0).to_json())
        store.delete(f"{UNDELIVERED}/{entry.name}")
    return found


def unsent(store: Store, model: str, run: str = "") -> list[str]:
    """What receivers of a model, or of a run, have not been told, a sentence each."""
    sentences = []
    for folder in (OUTBOX, UNDELIVERED):
        for entry, _ in entries(store, folder, model):
            if run in ("", entry.run):
                sentences.append(sentence(entry, given_up=folder == UNDELIVERED))
    return sentences


def sentence(entry: Entry, *, given_up: bool) -> str:
    """How far the delivery of an event has got."""
    what = f"{entry.to} has not been told that run {entry.run} of {entry.model} was {entry.event['data']['outcome']} ({entry.kind})"
    if not entry.attempts:
        return f"{what}: given up, not tried: {entry.error}." if given_up else f"{what}: not tried yet."
    why = f", the last: {entry.error}" if entry.error else ""
    return f"{what}: {'given up after ' if given_up else ''}{counted(entry.attempts, 'attempt')}{why}."
