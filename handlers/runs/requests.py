"""A run's request, `runs/<model>/<run>/request.json`: what it was asked, what it decided to do, and the snapshot that it learns; and
`result.json` beside it: what came of the run."""

from __future__ import annotations

import json
from typing import Any

from handlers.contracts import RetrainRequest, TryAgain
from handlers.storage import Conflict, Missing, Store, optional_json, write_json, write_once

ATTEMPTS = 10


def run_folder(model: str, run: str) -> str:
    return f"runs/{model}/{run}"


def read(store: Store, model: str, run: str) -> dict[str, Any] | None:
    """What the run decided; None before it has."""
    return optional_json(store, _key(model, run))


def waits(store: Store, model: str, run: str) -> bool:
    """Whether the run found the model busy and no other has taken up what it asked for."""
    request = read(store, model, run)
    return request is not None and request["decision"] == "busy" and not request.get("taken_up_by")


def of_another(store: Store, model: str, run: str, uid: str) -> bool:
    """Whether the run is another Workflow's than the one of this uid: engines that share a bucket give theirs the same names."""
    there = read(store, model, run)
    return there is not None and is_another(there, uid)


def is_another(request: dict[str, Any], uid: str) -> bool:
    """Whether the request is another Workflow's than the one of this uid."""
    return bool(uid) and request.get("uid", uid) != uid


def result(store: Store, model: str, run: str) -> dict[str, Any] | None:
    """What came of the run; None before it has ended."""
    return optional_json(store, f"{run_folder(model, run)}/result.json")


def keep(store: Store, request: dict[str, Any]) -> None:
    """Write the request of a run that has none yet."""
    write_once(store, _key(request["model"], request["run"]), request)


def change(store: Store, model: str, run: str, seen: dict[str, Any] | None = None, **changes: Any) -> None:
    """Set values of a request that is there. Raises TryAgain when another process of the run changes it at the same time, or since it
    was `seen`."""
    data, etag = store.get_with_etag(_key(model, run))
    there = json.loads(data)
    try:
        if seen is not None and there != seen:
            raise Conflict(_key(model, run))
        write_json(store, _key(model, run), {**there, **changes}, if_match=etag)
    except Conflict:
        raise TryAgain(f"{_key(model, run)} was changed by another process of this run; the step is tried again") from None


def made(store: Store, model: str, run: str, snapshot: str) -> bool:
    """Record that the run learns the dataset of this snapshot; False when its request names another one by now.

    From then on no process of the run that is left of the step gives it another one: what is judged is what the request says.
    """
    request = read(store, model, run)
    if request is None or request.get("made") == snapshot == request["snapshot"]:
        return True
    if request["snapshot"] != snapshot:
        return False
    change(store, model, run, seen=request, made=snapshot)
    return True


def end(store: Store, model: str, run: str, result: dict[str, Any]) -> dict[str, Any]:
    """Write what came of the run; the result that counts. One that is there stays, unless it says that the run has failed, and the new one
    is no older and of a run that was judged (not `closed`).

    A process may go on long after its pod was given up and its step was done by another.
    """
    key = f"{run_folder(model, run)}/result.json"
    for _ in range(ATTEMPTS):
        try:
            data, etag = store.get_with_etag(key)
        except Missing:
            data, etag = b"", None
        there: dict[str, Any] = json.loads(data) if data else {}
        if there and (there["outcome"] != "failed" or result.get("closed") or there["at"] > result["at"]):
            return there
        try:
            write_json(store, key, result, if_none_match=etag is None, if_match=etag)
        except Conflict:
            continue
        return result
    raise TryAgain(f"{key} changes too often to be written; the step is tried again")


def as_of(request: dict[str, Any]) -> float:
    """The instant of the run (epoch seconds by the bucket's clock), at which its snapshot was taken: it says which days are over."""
    # requests of earlier releases have only the instant of the decision
    return float(request.get("as_of", request["at"]))


def asked(request: dict[str, Any] | None) -> RetrainRequest:
    """What the event of a request asked for."""
    event = (request or {}).get("event") or {}
    return RetrainRequest(**{name: str(event.get(name) or "") for name in RetrainRequest.__slots__})


def _key(model: str, run: str) -> str:
    return f"{run_folder(model, run)}/request.json"
