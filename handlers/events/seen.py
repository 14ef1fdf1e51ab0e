"""Which run took an event, `events/<model>/<digest>.json`: an event that its sender sends again starts nothing again.

Only what has an id can be told apart: CloudEvents. The mark is written after the run's request, so that a run that died in between takes
the event when its step is started again.
"""

from __future__ import annotations

from handlers.contracts import RetrainRequest
from handlers.runs import requests
from handlers.storage import Store, digest, optional_json, write_json

AGAIN = ("failed", "no-data", "deferred", "skipped", "superseded")  # outcomes of runs that leave an event undone
# the run that comes later in their place knows nothing of a past state
PAST_AGAIN = (*AGAIN, "busy")


def by(store: Store, model: str, run: str, asked: RetrainRequest) -> str:
    """The run that has taken this event before; "" when none has, or it came to nothing."""
    if not asked.id:
        return ""
    before = str((optional_json(store, _key(model, asked)) or {}).get("run", ""))
    if not before or before == run:
        return ""
    result = requests.result(store, model, before)
    return "" if result is not None and result["outcome"] in (PAST_AGAIN if asked.as_of else AGAIN) else before


def mark(store: Store, model: str, run: str, asked: RetrainRequest) -> None:
    """Record that the run has taken the event."""
    if asked.id:
        document = {"run": run, "id": asked.id, "sender": asked.sender, "type": asked.type, "at": store.server_time()}
        write_json(store, _key(model, asked), document)


def _key(model: str, asked: RetrainRequest) -> str:
    """A sender and its id name an event."""
    return f"events/{model}/{digest([asked.sender, asked.id])}.json"
