"""Deliver the events that runs have left, or say which are not delivered.

`python -m handlers.notify deliver [--model M]`, `... list [-o json]` and `... again [--model M]`, which tries anew what was given up. The
receivers come from RETRAIN_NOTIFY. Exit codes: 0, whatever they answered: what they have not taken is tried again by the next call, and why
not is kept with the event; 75 the bucket does not answer.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from handlers.contracts import log, main
from handlers.events import messages, outbox, receivers
from handlers.events.outbox import Entry
from handlers.events.post import NotTaken, Slow, post
from handlers.events.receivers import NoReceiver
from handlers.storage import Store, canonical_json, open_store

BUDGET_SECONDS = 60.0  # of one call: what is left then waits for the next


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m handlers.notify", description=__doc__.splitlines()[0] if __doc__ else None)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, what in (("deliver", "send what waits"), ("again", "try anew what was given up"), ("list", "what is not delivered")):
        verbs.add_parser(verb, help=what).add_argument("--model", default="", help="of this model only")
    verbs.choices["list"].add_argument("-o", "--output", choices=("text", "json"), default="text")
    return parser.parse_args(argv)


def run(argv: list[str]) -> None:
    given = arguments(argv)
    store = open_store()
    if given.verb == "deliver":
        deliver(store, given.model)
    elif given.verb == "again":
        found = outbox.again(store, given.model)
        log("put back", events=len(found))
    else:
        show(store, given.model, given.output)


def show(store: Store, model: str, output: str) -> None:
    """What waits, and what was given up."""
    found = {folder: [entry for entry, _ in outbox.entries(store, folder, model)] for folder in (outbox.OUTBOX, outbox.UNDELIVERED)}
    if output == "json":
        told = {folder: [outbox.sentence(entry, given_up=folder == outbox.UNDELIVERED) for entry in some] for folder, some in found.items()}
        print(canonical_json(told))
        return
    sentences = outbox.unsent(store, model)
    print("\n".join(sentences) or "Every event is delivered.")


def deliver(store: Store, model: str = "", clock: Callable[[], float] = time.monotonic) -> None:
    """Try each event that is due once. A receiver that does not answer in time is not asked again in this call."""
    end, slow = clock() + BUDGET_SECONDS, set[str]()
    for entry, etag in outbox.entries(store, outbox.OUTBOX, model):
        if clock() > end:
            log("time is up", reason="the rest is delivered by the next call")
            return
        if entry.to in slow:
            continue
        claimed = outbox.claim(store, entry, etag, store.server_time())
        if claimed is not None and _send(store, *claimed):
            slow.add(entry.to)


def _send(store: Store, entry: Entry, etag: str) -> bool:
    """Send one event; True when its receiver did not answer in time."""
    facts = {"id": entry.event["id"], "type": entry.event["type"], "to": entry.to, "run": entry.run, "attempt": entry.attempts}
    try:
        receiver = receivers.receiver(entry.to, entry.format)
        post(receiver.url, messages.of(entry.event, entry.kind, entry.format, receiver.key, int(time.time())))
    except (NotTaken, NoReceiver) as why:
        given_up = outbox.refused(store, entry, etag, str(why), store.server_time())
        log("given up" if given_up else "not delivered", **facts, reason=str(why))
        return isinstance(why, Slow)
    outbox.delivered(store, entry)
    log("delivered", **facts)
    return False


if __name__ == "__main__":
    main(run)
