"""Every EventSource of the engine: opened from its documents, paused and resumed by name, ticked by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

from localargo.errors import InvalidInput, NotFound, Unsupported
from localargo.eventbus.journal import Journal
from localargo.eventsources.bucket import BucketSource, Changes
from localargo.eventsources.calendar import Calendar
from localargo.eventsources.envelope import Envelope
from localargo.eventsources.server import Server, bind
from localargo.eventsources.webhook import Application, Endpoint
from localargo.ports import Doc, Event

RUN_HERE = ("webhook", "calendar", "minio")


class Listening(Protocol):
    """What runs by itself: a calendar event or a bucket event."""

    def start(self) -> None: ...
    async def stop(self) -> None: ...


class Sources:
    """All events of all EventSources. `where` tells the address of each webhook. `host`: where webhooks listen."""

    def __init__(self, journal: Journal, now: Callable[[], float], ports: Literal["manifest", "free"], host: str = "127.0.0.1") -> None:
        self._journal = journal
        self._now = now
        self._ports = ports
        self._host = host
        self._listening: dict[tuple[str, str], Listening] = {}
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        self._kinds: dict[tuple[str, str], str] = {}
        self._servers: list[Server] = []
        self._paused: set[str] = set()
        self.where: dict[tuple[str, str], str] = {}

    async def open(
        self, documents: Sequence[Doc], secret: Callable[[str, str], str], changes: Callable[[str, Doc], Changes], pause: Sequence[str]
    ) -> None:
        """Start what the documents describe. `secret(name, key)` gives a Secret's value, `changes(source, spec)` a bucket's changes.

        Raises Unsupported naming a type that does not run here, Unavailable for a port that is taken, InvalidInput for two webhooks of one
        port and path (on a cluster each EventSource has ports of its own) and for a schedule that cannot be read.
        """
        known = {str(d["metadata"]["name"]) for d in documents}
        for name in pause:
            if name not in known:
                raise InvalidInput(f"pause {name}: no such EventSource; there are {', '.join(sorted(known)) or 'none'}")
        self._paused = set(pause)
        ports: dict[int, list[tuple[str, str]]] = {}
        try:
            for document in documents:
                source = str(document["metadata"]["name"])
                for kind, event, spec in events_of(document):
                    self._add(source, kind, event, spec, secret, changes)
                    if kind == "webhook":
                        ports.setdefault(int(spec.get("port") or 0), []).append((source, event))
            await self._serve(ports)
        except BaseException:
            await self.close()
            raise
        for (source, _), listening in self._listening.items():
            if source not in self._paused:
                listening.start()

    def _add(
        self, source: str, kind: str, event: str, spec: Doc, secret: Callable[[str, str], str], changes: Callable[[str, Doc], Changes]
    ) -> None:
        envelope = Envelope(source, event, kind, spec, self._journal, self._now)
        self._kinds[source, event] = kind
        if kind == "webhook":
            self._endpoints[source, event] = Endpoint(spec, envelope, _token(spec, secret))
            self._endpoints[source, event].active = source not in self._paused
        elif kind == "calendar":
            self._listening[source, event] = Calendar(spec, envelope, self._journal, self._now)
        else:
            self._listening[source, event] = BucketSource(spec, envelope, self._journal, changes(source, spec), self._now)

    async def _serve(self, ports: Mapping[int, list[tuple[str, str]]]) -> None:
        applications = {port: Application([self._endpoints[name] for name in names]) for port, names in ports.items()}
        for port, names in ports.items():
            server = Server(applications[port], bind(port, self._ports == "free", self._host))
            self._servers.append(server)
            await server.start()
            for name in names:
                self.where[name] = f"http://127.0.0.1:{server.socket.getsockname()[1]}{self._endpoints[name].path}"

    def endpoints(self) -> list[Endpoint]:
        """Every webhook."""
        return list(self._endpoints.values())

    def servers(self) -> list[Server]:
        """One for each port."""
        return list(self._servers)

    async def close(self) -> None:
        """End all of them; what a bucket tells meanwhile is told at the next opening."""
        for server in self._servers:
            await server.stop()
        for listening in self._listening.values():
            await listening.stop()
        self._servers, self._listening, self._endpoints, self._kinds, self.where = [], {}, {}, {}, {}

    async def pause(self, source: str, paused: bool) -> None:
        """Take no events of a source, or take them again. A bucket goes on from where it stopped. Raises NotFound."""
        if source not in {name for name, _ in self._kinds}:
            raise NotFound(f'eventsources.argoproj.io "{source}" not found')
        (self._paused.add if paused else self._paused.discard)(source)
        for (name, _), endpoint in self._endpoints.items():
            if name == source:
                endpoint.active = not paused
        for (name, _), listening in self._listening.items():
            if name == source:
                if paused:
                    await listening.stop()
                else:
                    listening.start()

    async def tick(self, source: str, event: str) -> Event:
        """Fire a calendar event by hand; an empty source stands for the only one that has the event. Raises NotFound, InvalidInput."""
        found = [key for key, kind in self._kinds.items() if kind == "calendar" and key[1] == event and source in ("", key[0])]
        if not found:
            there = ", ".join(f"{s}/{e}" for (s, e), kind in self._kinds.items() if kind == "calendar") or "none"
            raise NotFound(f"no calendar event {event!r}; there are {there}")
        if len(found) > 1:
            raise InvalidInput(f"{event!r} is an event of {', '.join(s for s, _ in found)}: say SOURCE/{event}")
        calendar = self._listening[found[0]]
        fired = await calendar.fire() if isinstance(calendar, Calendar) else None
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


def events_of(document: Doc) -> list[tuple[str, str, Doc]]:
    """(type, event, spec) of each event of an EventSource. Raises Unsupported for a type that does not run here."""
    found = []
    for kind, events in (document.get("spec") or {}).items():
        if kind in ("eventBusName", "template", "service", "replicas"):
            continue
        if kind not in RUN_HERE:
            name = document["metadata"]["name"]
            raise Unsupported(f"EventSource/{name} spec.{kind}: this type does not run here; its payloads can be replayed")
        found += [(kind, str(event), spec or {}) for event, spec in (events or {}).items()]
    return found


def _token(spec: Doc, secret: Callable[[str, str], str]) -> Callable[[], str] | None:
    """Reads the bearer token anew for each request, so that it can be changed; one trailing newline is not part of it."""
    wanted = spec.get("authSecret")
    if not wanted:
        return None
    name, key = str(wanted["name"]), str(wanted["key"])
    return lambda: secret(name, key).removesuffix("\n")
