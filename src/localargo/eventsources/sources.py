"""Every EventSource of the engine: opened from its documents, paused and resumed by name, fired by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from localargo.errors import InvalidInput, NotFound, Unsupported
from localargo.eventbus.journal import Journal
from localargo.eventsources.bucket_changes import Changes
from localargo.eventsources.driver import FiredByHand, Resources, RunningSource, driver_of
from localargo.eventsources.envelope import Envelope
from localargo.eventsources.http_ports import HttpPorts
from localargo.manifests.source_kinds.kind import SourceEvent, declared_events
from localargo.manifests.source_kinds.registry import RUNNING
from localargo.ports import Doc, Event


class Sources:
    """All events of all EventSources. `host`: where HTTP endpoints listen. `where`: the address of each event that has one."""

    def __init__(self, journal: Journal, now: Callable[[], float], ports: Literal["manifest", "free"], host: str = "127.0.0.1") -> None:
        self._journal = journal
        self._now = now
        self.http = HttpPorts(ports, host)
        self._running: dict[tuple[str, str], RunningSource] = {}
        self._kinds: dict[tuple[str, str], str] = {}
        self._paused: set[str] = set()
        self.where: dict[tuple[str, str], str] = {}

    async def open(
        self,
        documents: Sequence[Doc],
        secret: Callable[[str, str], str],
        changes: Callable[[str, Doc], Changes],
        pause: Sequence[str],
    ) -> None:
        """Start what the documents describe. `secret(name, key)` gives a Secret's value, `changes(source, spec)` a bucket's changes.

        Raises Unsupported naming a kind that does not run here, Unavailable for a port that is taken, InvalidInput for two endpoints of
        one port and path (on a cluster each EventSource has ports of its own) and for a schedule that cannot be read.
        """
        known = {str(d["metadata"]["name"]) for d in documents}
        for name in pause:
            if name not in known:
                raise InvalidInput(f"cannot pause {name}: no such EventSource; there are {', '.join(sorted(known)) or 'none'}")
        self._paused = set(pause)
        resources = Resources(self._journal, self._now, secret, changes, self.http)
        try:
            for event in [event for document in documents for event in supported_events(document)]:
                envelope = Envelope(event.source, event.event, event.kind, event.spec, self._journal, self._now)
                self._kinds[event.source, event.event] = event.kind
                self._running[event.source, event.event] = driver_of(event.kind)(event, envelope, resources)
            self.http.bind()
            self.where = self.http.urls()
            for (source, _), running in self._running.items():
                if source not in self._paused:
                    running.start()
            await self.http.serve()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End all of them. What changes in a bucket meanwhile becomes events after the next `open`."""
        await self.http.close()
        for running in self._running.values():
            await running.stop()
        self._running, self._kinds, self.where = {}, {}, {}

    async def pause(self, source: str, paused: bool) -> None:
        """Take no events of a source, or take them again. A bucket goes on from where it stopped. Raises NotFound."""
        if source not in {name for name, _ in self._kinds}:
            raise NotFound(f'eventsources.argoproj.io "{source}" not found')
        (self._paused.add if paused else self._paused.discard)(source)
        for (name, _), running in self._running.items():
            if name == source:
                if paused:
                    await running.stop()
                else:
                    running.start()

    async def tick(self, source: str, event: str) -> Event:
        """Fire a calendar event by hand; an empty source stands for the only one that has the event. Raises NotFound, InvalidInput."""
        by_hand = {key: running for key, running in self._running.items() if isinstance(running, FiredByHand)}
        found = [key for key in by_hand if key[1] == event and source in ("", key[0])]
        if not found:
            there = ", ".join("/".join(key) for key in by_hand) or "none"
            raise NotFound(f"no event {event!r} that can be fired by hand; there are {there}")
        if len(found) > 1:
            raise InvalidInput(f"{event!r} is an event of {', '.join(s for s, _ in found)}: say SOURCE/{event}")
        fired = await by_hand[found[0]].fire()
        if fired is None:
            raise InvalidInput(f"{event!r} was dropped by its own filter")
        return fired

    def describe(self) -> list[Doc]:
        """A row for each event: source, event, type, state, where."""
        return [
            {
                "source": s,
                "event": e,
                "type": kind,
                "state": "paused" if s in self._paused else "running",
                "where": self.where.get((s, e), ""),
            }
            for (s, e), kind in sorted(self._kinds.items())
        ]


def supported_events(document: Doc) -> list[SourceEvent]:
    """The events that an EventSource declares. Raises Unsupported for a kind that does not run here."""
    found = list(declared_events(str(document["metadata"]["name"]), document.get("spec")))
    for event in found:
        if event.kind not in RUNNING:
            where = f"EventSource/{event.source} spec.{event.kind}"
            raise Unsupported(f"{where}: sources of this kind do not run here; supported: {', '.join(RUNNING)}. Its events can be replayed")
    return found
