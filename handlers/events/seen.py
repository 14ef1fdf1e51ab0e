"""Which run took an event, `events/<model>/<digest>.json`: an event that its sender sends again starts nothing again.

Only what has an id can be told apart: CloudEvents. The mark is written after the run's request, so that a run that died in between takes
the event when its step is started again.
"""

from __future__ import annotations

import json
from contextlib import suppress

from handlers.contracts import RetrainRequest
from handlers.runs import claim as claims
from handlers.runs import requests
from handlers.storage import Conflict, Missing, Store, digest, write_json

AGAIN = ("failed", "no-data", "deferred", "skipped", "superseded")  # outcomes of runs that leave an event undone
# the run that comes later in their place knows nothing of a past state
PAST_AGAIN = (*AGAIN, "busy")


def by(store: Store, model: str, run: str, asked: RetrainRequest) -> str:
    """The run that has taken this event before; "" when none has, or it came to nothing."""
    return _taken(store, model, run, asked)[0] if asked.id else ""


def mark(store: Store, model: str, run: str, asked: RetrainRequest) -> None:
    """Record that the run has taken the event, unless another one has by now: a process may have looked for that long ago."""
    if not asked.id:
        return
    before, etag = _taken(store, model, run, asked)
    document = {"run": run, "id": asked.id, "sender": asked.sender, "type": asked.type, "at": store.server_time()}
    # of two that come at the same time one has taken it
    with suppress(Conflict):
        if not before:
            write_json(store, _key(model, asked), document, if_none_match=etag is None, if_match=etag)


def _taken(store: Store, model: str, run: str, asked: RetrainRequest) -> tuple[str, str | None]:
    """The other run that has taken the event and may come to something, and the ETag of what says so."""
    try:
        data, etag = store.get_with_etag(_key(model, asked))
    except Missing:
        return "", None
    before = str(json.loads(data)["run"])
    if before == run:
        return "", etag
    result = requests.result(store, model, before)
    if result is None:
        return "" if _gone(store, model, before) else before, etag
    return "" if result["outcome"] in (PAST_AGAIN if asked.as_of else AGAIN) else before, etag


def _gone(store: Store, model: str, run: str) -> bool:
    """Whether a run that has no result will have none: it was terminated, or died without its exit handler."""
    now, request = store.server_time(), requests.read(store, model, run)
    holder = claims.read(store, model)[0]
    return request is not None and now - float(request["at"]) > claims.DEAD_AFTER_SECONDS and not (holder.run == run and holder.held(now))


def _key(model: str, asked: RetrainRequest) -> str:
    """A sender and its id name an event."""
    return f"events/{model}/{digest([asked.sender, asked.id])}.json"
