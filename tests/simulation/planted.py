"""Bugs that are planted on purpose, to see that the simulation finds them: one condition or one look of the protocol left out each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast
from unittest.mock import patch

from handlers import fetch, heal, promote
from handlers.runs import champion, claim, requests, trials
from handlers.runs.claim import Claim
from handlers.storage import Store, write_json, write_once

Place = tuple[Any, str, Callable[..., Any]]


def unconditional(store: Store, key: str, value: Any, **_conditions: Any) -> str:
    return write_json(store, key, value)


def written_over(store: Store, model: str, found: Claim, _etag: str | None) -> bool:
    write_json(store, claim.claim_key(model), found.to_json())
    return True


class Unconditional:
    """A store that writes whatever is there."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def put(self, key: str, data: bytes, **_conditions: Any) -> str:
        return self._store.put(key, data)


def released_unseen(store: Store, model: str, run: str) -> claim.Released:
    """What is wanted is read, and then the claim is written whatever has become of it."""
    return claim_released(cast(Store, Unconditional(store)), model, run)


def ended_anyhow(store: Store, model: str, run: str, result: dict[str, Any]) -> dict[str, Any]:
    write_json(store, f"{requests.run_folder(model, run)}/result.json", result)
    return result


def alive_for_ever(_claim: Claim, _now: float) -> bool:
    return bool(_claim.run)


def kept_by_key(store: Store, key: str, value: Any) -> bool:
    """A marker that is written again by whoever comes later."""
    if key.endswith("/result.json"):
        write_json(store, key, value)
        return True
    return write_once(store, key, value)


claim_asked, claim_released = fetch._claim, claim.release

PLANTED: dict[str, Place] = {
    "the claim is written without a condition": (claim, "_write", written_over),
    "the claim is released without a condition": (promote, "release", released_unseen),
    "a claim never ends": (Claim, "held", alive_for_ever),
    "the history and the pointer are written without conditions": (champion, "write_json", unconditional),
    "the claim is not looked at before a promotion": (promote, "read_claim", lambda _store, _model: (Claim(_Anyone()), None)),
    "the bucket is not looked at again with the claim": (fetch, "_claim", lambda *asked: (*claim_asked(*asked)[:2], True)),
    "a result is written without a condition": (requests, "end", ended_anyhow),
    "a trial's marker is written without a condition": (trials, "write_once", kept_by_key),
    "the heal tick finds nothing": (heal, "left_undone", lambda *_, **_more: None),
}


class _Anyone(str):
    """A run's name that is everybody's."""

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        return True

    def __ne__(self, other: object) -> bool:
        return False


@contextmanager
def planted(name: str) -> Iterator[None]:
    place, attribute, wrong = PLANTED[name]
    with patch.object(place, attribute, wrong):
        yield
