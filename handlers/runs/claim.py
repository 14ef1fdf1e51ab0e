"""One claim per model, `runs/<model>/claim.json`: which run trains, whether it lives, and what is wanted after it.

Running and pending are one object, changed only by conditional PUT: a run that finds the model busy writes what it wants into the
claim; the run that releases the claim learns in the same step whether anything was wanted, so no request is lost in between. A claim
whose heartbeat is old belongs to a dead run and is taken over. A wish that says `stop` asks the holder to end early (`trigger.in_flight:
supersede`): it looks when a step begins and, while it trains, at every beat.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, NamedTuple

from handlers.contracts import Stopped, Superseded, TryAgain, log
from handlers.runs import requests
from handlers.storage import Conflict, Missing, Store, Temporary, canonical_json, digest, write_json

BEAT_SECONDS = 20.0
# every long stage renews it; long enough for pods that wait for a node between two stages
DEAD_AFTER_SECONDS = 900.0
# between two steps of a run that goes well: its next pods may wait for a place (limits.yaml) or a node, and nothing can beat for them;
# the tick `heal` asks whether the run is still there
WAITS_SECONDS = 6 * 3600.0
# then the tick asks whether the run is still there: its Workflow may have ended, without a step that says so
SILENT_AFTER_SECONDS = 60.0
ATTEMPTS = 50


def claim_key(model: str) -> str:
    return f"runs/{model}/claim.json"


@dataclass(frozen=True, slots=True)
class Claim:
    """`run` is empty while no run trains. `last` records the run that released the claim last, whether more was wanted then, by which
    `runs`, and `now`: why the one that was submitted with `--now` was; and who is `left` of those before: no run has taken them up."""

    run: str = ""
    heartbeat: float = 0.0
    wanted: tuple[dict[str, Any], ...] = ()
    last: dict[str, Any] | None = None
    waits: bool = False

    def held(self, now: float) -> bool:
        return bool(self.run) and now - self.heartbeat < (WAITS_SECONDS if self.waits else DEAD_AFTER_SECONDS)

    def silent(self, now: float) -> bool:
        """Whether nothing says if the run waits for a place, is tried again or is dead."""
        return self.held(now) and now - self.heartbeat >= SILENT_AFTER_SECONDS

    @property
    def stopped_by(self) -> str:
        """The run that was the first to ask the holder to end early; "" when none has."""
        return next((str(each["run"]) for each in self.wanted if each.get("stop")), "")

    def to_json(self) -> dict[str, Any]:
        known = {"run": self.run, "heartbeat": self.heartbeat, "wanted": list(self.wanted), "last": self.last}
        return {**known, **({"waits": True} if self.waits else {})}


def read(store: Store, model: str) -> tuple[Claim, str | None]:
    """The claim and its ETag; a free claim and None before the first."""
    try:
        data, etag = store.get_with_etag(claim_key(model))
    except Missing:
        return Claim(), None
    found = json.loads(data)
    return Claim(found["run"], float(found["heartbeat"]), tuple(found["wanted"]), found.get("last"), bool(found.get("waits"))), etag


def _write(store: Store, model: str, claim: Claim, etag: str | None) -> bool:
    try:
        write_json(store, claim_key(model), claim.to_json(), if_none_match=etag is None, if_match=etag)
    except Conflict:
        return False
    return True


def take(store: Store, model: str, run: str, wanted: dict[str, Any]) -> str:
    """Claim the model for a run. "" on success; else the name of the run that holds it, whose claim now records what is `wanted`."""
    return taken(store, model, run, wanted, lambda: False).by


class Taken(NamedTuple):
    """`by` holds the claim instead of the run; "" when the run has it. `had`: the run had it before, so that what it has seen since is no
    older than its claim. `since` has had it after the run, which therefore does not get it again."""

    by: str = ""
    had: bool = False
    since: str = ""


def taken(store: Store, model: str, run: str, wanted: dict[str, Any], before: Callable[[], bool]) -> Taken:
    """As `take`; a run that had the claim `before`, and after which another had it, gets it no more: what it would train is older.

    `before` is asked after the claim is read, and the claim is written only if it is still the one that was read.
    """
    for _ in range(ATTEMPTS):
        claim, etag = read(store, model)
        now = store.server_time()
        if claim.run == run or not claim.held(now):
            if (other := since(claim, run)) and before():
                return Taken(since=other)
            # requests to a dead run stay: the snapshot of the run that takes over may be older than they are
            kept = tuple(w for w in claim.wanted if w.get("run") != run)
            if claim.run != run:
                kept = tuple({**w, "stop": False} if w.get("stop") else w for w in kept)  # it was asked of another run
            fresh = Claim(run, now, kept, claim.last)
            if _write(store, model, fresh, etag):
                return Taken(had=claim.run == run)
        else:
            known = tuple(w for w in claim.wanted if w.get("run") != wanted.get("run"))
            if _write(store, model, replace(claim, wanted=(*known, wanted)), etag):
                return Taken(claim.run)
    raise TryAgain(f"{claim_key(model)} changes too often to be claimed; it is retried")


class Released(NamedTuple):
    """What was `wanted` meanwhile, by which `runs`, and `now`: why the one that was submitted with `--now` was."""

    wanted: bool = False
    runs: tuple[str, ...] = ()
    now: str = ""


def release(store: Store, model: str, run: str) -> Released:
    """Release the claim; what was wanted meanwhile. Called again by the same run, it gives the same answer, until another has had it."""
    for _ in range(ATTEMPTS):
        claim, etag = read(store, model)
        if claim.run != run:
            last = claim.last or {}
            known = last if last.get("run") == run else {}
            return Released(bool(known.get("wanted")), tuple(known.get("runs") or ()), str(known.get("now", "")))
        now = [each["now"] for each in claim.wanted if each.get("now")]
        runs = [each["run"] for each in claim.wanted if each.get("run")]
        left = [each for each in before(claim) if requests.waits(store, model, each)]
        last = {"run": run, "wanted": bool(claim.wanted), "runs": runs, "left": left, **({"now": now[-1]} if now else {})}
        if _write(store, model, Claim("", store.server_time(), (), last), etag):
            return Released(bool(claim.wanted), tuple(runs), now[-1] if now else "")
    raise TryAgain(f"{claim_key(model)} changes too often to be released; it is retried")


def before(claim: Claim) -> list[str]:
    """The runs that found the model busy under those who have had the claim before, the first first."""
    last = claim.last or {}
    return list(dict.fromkeys([*(last.get("left") or []), *(last.get("runs") or [])]))


def ended(store: Store, model: str, run: str) -> None:
    """The run is known to have ended: if it still has the claim, the claim is free, and what is wanted of it stays for who takes over."""
    claim, etag = read(store, model)
    if claim.run == run and claim.held(store.server_time()):
        # another write came first: somebody has the claim, or the next tick asks again
        _write(store, model, replace(claim, heartbeat=0.0, waits=False), etag)


def since(claim: Claim, run: str) -> str:
    """The run that has had the claim since `run` had it; "" when no other has."""
    had = claim.run or str((claim.last or {}).get("run", ""))
    return "" if had == run else had


def resume(store: Store, model: str, run: str) -> str:
    """Claim the model again for a run that has released it; "" on success, else the run that has had the claim since."""
    for _ in range(ATTEMPTS):
        claim, etag = read(store, model)
        if had := since(claim, run):
            return had
        if claim.run == run or _write(store, model, Claim(run, store.server_time(), claim.wanted, claim.last), etag):
            return ""
    raise TryAgain(f"{claim_key(model)} changes too often to be claimed; it is retried")


def follower(model: str, run: str, released: Released) -> tuple[str, str]:
    """The name and the event of the run that follows `run`.

    The name is that of what was wanted, so that a step that is repeated asks for one run, and a run that is tried again for another. The
    event is "" unless one was wanted that was submitted with `--now`.
    """
    name = f"retrain-{model}-after-{digest([run, *released.runs])[:8]}"
    event = {"model": model, "reason": released.now, "source": "followup", "now": "yes"}
    return name, base64.b64encode(canonical_json(event).encode()).decode() if released.now else ""


def superseded(store: Store, model: str, run: str) -> str:
    """The run that asks `run`, which holds the claim, to end early; "" when none does."""
    claim, _ = read(store, model)
    return claim.stopped_by if claim.run == run else ""


def told(by: str) -> str:
    return f"superseded by run {by}, which has found newer data or another spec; a run follows, and what is trained is kept"


def go_on(store: Store, model: str, run: str) -> None:
    """Before a step works: raises Superseded when the run is asked to end early."""
    if by := superseded(store, model, run):
        raise Superseded(told(by))


def beat(store: Store, model: str, run: str, *, waits: bool = False) -> bool:
    """Renew the heartbeat; False when the run does not hold the claim. `waits`: a step has ended well, and the next has not begun."""
    claim, etag = read(store, model)
    if claim.run != run:
        return False
    # another write came first: it has read a recent heartbeat, and the next one follows soon
    _write(store, model, replace(claim, heartbeat=store.server_time(), waits=waits), etag)
    return True


class Heartbeat:
    """Renews the heartbeat in a thread while this lasts. A bucket that does not answer is tried again at the next beat.

    `stops`: when the run is asked to end early, the process gets a SIGTERM, which saves a training's state; `superseded` then says by whom.
    """

    def __init__(self, store: Store, model: str, run: str, seconds: float = BEAT_SECONDS, *, stops: bool = False) -> None:
        self.superseded = ""
        self._stops = stops
        self._store = store
        self._model = model
        self._run = run
        self._seconds = seconds
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._beats, name="heartbeat", daemon=True)

    def __enter__(self) -> Heartbeat:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._done.set()
        self._thread.join()
        # a step that was asked to stop goes on elsewhere, when there is a place
        if kind is None or (error is not None and isinstance(error, Stopped) and not self.superseded):
            self._beat(waits=True)

    def _beats(self) -> None:
        while self._beat():
            if self._done.wait(self._seconds):
                return

    def _beat(self, *, waits: bool = False) -> bool:
        """False when the run does not hold the claim."""
        try:
            holds = beat(self._store, self._model, self._run, waits=waits)
            if self._stops and not waits and not self.superseded:
                self.superseded = superseded(self._store, self._model, self._run)
                if self.superseded:
                    os.kill(os.getpid(), signal.SIGTERM)
            return holds
        except (Temporary, OSError) as error:
            log("heartbeat missed", error=str(error))
            return True
