"""One waiter per model, `runs/<model>/waiting.json`: the run that waits until the sources are quiet, for everything that lands meanwhile.

A run that finds it joins and ends: the waiter takes its snapshot later than that, and not before the newcomer's window of events is over.
The file changes only by conditional PUT, and the waiter lets go of it before it takes its snapshot. So who joined did so before the
snapshot, and an event that was refused, because the newcomer's Workflow existed, came before the window's end, hence before it too.
A newcomer whose window ends after the waiter's last moment (`trigger.at_most`) cannot join: it looks again when the waiter has let go.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from handlers.contracts import TryAgain
from handlers.storage import Conflict, Missing, Store, write_json

# beyond its next look; as long as a pod may wait for a node
DEAD_AFTER_SECONDS = 900.0
ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class Waiting:
    """`run` is empty while no run waits. Times are seconds since 1970 by the bucket's clock.

    `alive`: it looks again before that. `until`: it lets go then at the latest. `window`: it does not let go before that. `joined`: how
    many runs have ended because it waits. `last`: who let go last, how many had joined, and whether its snapshot is the `whole` of it.
    """

    run: str = ""
    alive: float = 0.0
    until: float = 0.0
    window: float = 0.0
    joined: int = 0
    last: dict[str, Any] | None = None

    def there(self, now: float) -> bool:
        return bool(self.run) and now < self.alive

    def to_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in Waiting.__slots__}


def waiting_key(model: str) -> str:
    return f"runs/{model}/waiting.json"


def read(store: Store, model: str) -> tuple[Waiting, str | None]:
    """Who waits, and the ETag; nobody and None before the first."""
    try:
        data, etag = store.get_with_etag(waiting_key(model))
    except Missing:
        return Waiting(), None
    return Waiting(**json.loads(data)), etag


def _write(store: Store, model: str, waiting: Waiting, etag: str | None) -> bool:
    try:
        write_json(store, waiting_key(model), waiting.to_json(), if_none_match=etag is None, if_match=etag)
    except Conflict:
        return False
    return True


def enter(store: Store, model: str, mine: Waiting, now: float) -> tuple[Waiting, bool]:
    """(who waits, whether `mine.run` has joined it). It waits itself when nobody else does, or who did is dead; with neither, it can not
    join and looks again when the other has let go."""
    for _ in range(ATTEMPTS):
        found, etag = read(store, model)
        if found.run == mine.run:
            return found, False
        if found.there(now):
            if mine.window > found.until:
                return found, False
            joined = replace(found, window=max(found.window, mine.window), joined=found.joined + 1)
            if _write(store, model, joined, etag):
                return joined, True
            continue
        # who joined a dead one is waited for by who takes its place
        taken = replace(mine, joined=found.joined if found.run else 0, window=max(mine.window, found.window if found.run else 0.0))
        if _write(store, model, taken, etag):
            return taken, False
    raise TryAgain(f"{waiting_key(model)} changes too often to be entered; it is retried")


def stay(store: Store, model: str, run: str, alive: float) -> None:
    """Say until when the waiter looks again."""
    for _ in range(ATTEMPTS):
        found, etag = read(store, model)
        if found.run != run or _write(store, model, replace(found, alive=alive), etag):
            return
    raise TryAgain(f"{waiting_key(model)} changes too often to be renewed; it is retried")


def let_go(store: Store, model: str, seen: Waiting) -> bool:
    """End the waiting that was `seen`; False when somebody has joined since: what it asks for is to be waited for first."""
    found, etag = read(store, model)
    return found == seen and _write(store, model, _ended(found), etag)


def leave(store: Store, model: str, run: str) -> bool:
    """End the waiting of a run that takes no snapshot; True when others had joined it. Called again, it gives the same answer."""
    for _ in range(ATTEMPTS):
        found, etag = read(store, model)
        if found.run != run:
            return bool(found.last and found.last["run"] == run and not found.last["whole"] and found.last["joined"])
        if _write(store, model, replace(_ended(found), last={"run": run, "joined": found.joined, "whole": False}), etag):
            return found.joined > 0
    raise TryAgain(f"{waiting_key(model)} changes too often to be left; it is retried")


def _ended(found: Waiting) -> Waiting:
    return Waiting(last={"run": found.run, "joined": found.joined, "whole": True})
