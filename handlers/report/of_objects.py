"""What became of an object: the events about it, the runs that had it, and what the champions learned of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from handlers.contracts import WrongUsage
from handlers.report import followed
from handlers.runs import followed as chains
from handlers.storage import Store

Doc = dict[str, Any]


def thing(store: Store, name: str, model: str | None, journal: Sequence[Doc]) -> Doc:
    """The answer about an object, by its key or its s3:// address."""
    key = key_of(name)
    asked = chains.requests_of(store, model).found
    by_model: dict[str, list[Doc]] = {}
    for request in asked:
        by_model.setdefault(request["model"], []).append(request)
    found = [one for each, mine in sorted(by_model.items()) if (one := chains.of_object(store, each, key, mine)) is not None]
    info = store.head(key)
    if info is None and not found:
        raise WrongUsage(f"there is no object {key!r} in the bucket, and no run had one; `retrain put FILE --model MODEL` uploads")
    events = {each["id"]: each for each in journal if each["key"] == key}
    for request in asked:
        event = chains.event_of(request)
        if event is not None and event["key"] == key:
            events.setdefault(event["id"], event)
    found_there = {"key": key, "there": info is not None, "size": info and info.size, "modified": info and info.modified}
    next_ = [word for one in found for word in (f"retrain why {one['runs'][0]['run']}", f"retrain snapshot {one['model']}")]
    answer = {
        "kind": "object",
        "object": found_there,
        "events": list(events.values()),
        "models": found,
        "next": next_ or ["retrain events"],
    }
    return {**answer, "why": followed.of_object(answer)}


def key_of(name: str) -> str:
    """The key of an object, given as one or as s3://BUCKET/KEY."""
    if not name.startswith("s3://"):
        return name
    bucket, _, key = name.removeprefix("s3://").partition("/")
    here = os.environ.get("RETRAIN_BUCKET", "")
    if "://" not in here and bucket != here:
        raise WrongUsage(f"{name}: this is bucket {here!r}, not {bucket!r}")
    return key
