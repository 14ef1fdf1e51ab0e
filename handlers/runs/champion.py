"""The champion pointer and its history.

`models/<model>/history/<n>.json` are immutable, numbered from 1, and each names its predecessor; `models/<model>/champion.json` holds
a copy of the newest. A change writes the history entry first (If-None-Match) and then moves the pointer (If-Match). A crash
between the two leaves an entry that the pointer has not reached: the next reader of the pointer finishes that change before it does
anything else, so a promotion that is repeated is one promotion.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from handlers.errors import WrongUsage
from handlers.storage import Conflict, Missing, Store, read_json, write_json

Record = dict[str, Any]


class Overtaken(Exception):
    """Another run changed the champion meanwhile: compare again, with the new one."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """The champion (None before the first) and the ETag that a change must match."""

    record: Record | None
    etag: str | None

    @property
    def number(self) -> int:
        return int(self.record["number"]) if self.record else 0


def pointer_key(model: str) -> str:
    return f"models/{model}/champion.json"


def history_key(model: str, number: int) -> str:
    return f"models/{model}/history/{number}.json"


def current(store: Store, model: str) -> Pointer:
    """The pointer, after any change that was left half done has been finished."""
    while True:
        pointer = _pointer(store, model)
        ahead = entry(store, model, pointer.number + 1)
        if ahead is None:
            return pointer
        _move(store, model, ahead, pointer)


def needed(store: Store, model: str) -> tuple[Pointer, Record]:
    """The pointer and the champion of a model; raises WrongUsage where it has none."""
    pointer = current(store, model)
    if pointer.record is None:
        raise WrongUsage(f"{model} has no champion yet; `retrain models` lists the models of the bucket")
    return pointer, pointer.record


def change(store: Store, model: str, pointer: Pointer, record: Mapping[str, Any]) -> Record:
    """Make `record` the champion that follows `pointer`; the record as written, numbered and linked.

    The same change again (equal run and trial) gives the record that is there. Raises Overtaken when another change came
    first.
    """
    number = pointer.number + 1
    written = {**record, "number": number, "predecessor": pointer.number or None, "at": store.server_time()}
    try:
        write_json(store, history_key(model, number), written, if_none_match=True)
    except Conflict:
        there = entry(store, model, number)
        if there is None or not same(there, written):
            raise Overtaken(f"another run has made champion {number} of {model}") from None
        written = there
    _move(store, model, written, pointer)
    return written


def same(first: Mapping[str, Any], second: Mapping[str, Any]) -> bool:
    """Whether two records describe the same change."""
    return (first.get("run"), first.get("trial"), first.get("kind")) == (second.get("run"), second.get("trial"), second.get("kind"))


def history(store: Store, model: str) -> list[Record]:
    """Every champion so far, the first one first."""
    entries = [entry(store, model, n) for n in range(1, current(store, model).number + 1)]
    return [each for each in entries if each is not None]


def _pointer(store: Store, model: str) -> Pointer:
    import json

    try:
        data, etag = store.get_with_etag(pointer_key(model))
    except Missing:
        return Pointer(None, None)
    return Pointer(json.loads(data), etag)


def entry(store: Store, model: str, number: int) -> Record | None:
    """The champion of that number; None when there has been none."""
    try:
        found: Record = read_json(store, history_key(model, number))
    except Missing:
        return None
    return found


def _move(store: Store, model: str, record: Record, pointer: Pointer) -> None:
    """Move the pointer to `record`; if another run has moved it there or further, nothing is left to do."""
    try:
        write_json(store, pointer_key(model), record, if_none_match=pointer.etag is None, if_match=pointer.etag)
    except Conflict:
        if _pointer(store, model).number < int(record["number"]):
            raise
