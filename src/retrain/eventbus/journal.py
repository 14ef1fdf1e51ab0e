"""The durable journal of events: every trigger of every Sensor reads it at its own pace.

An event is on disk when `publish` returns. A trigger's cursor moves in the same transaction as the effect of its action, so that a crash
in between repeats neither. Argo's bus is NATS JetStream; what is taken over from it: a new trigger sees only new events, the journal is
bounded by count, bytes and age, and the oldest event goes first.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from retrain.errors import NotFound
from retrain.ports import Event
from retrain.store import joining, transaction

log = logging.getLogger(__name__)

SCHEMA = """
CREATE TABLE IF NOT EXISTS event(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, source TEXT NOT NULL, subject TEXT NOT NULL, type TEXT NOT NULL,
    time TEXT NOT NULL, data BLOB NOT NULL, at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS cursor(sensor TEXT NOT NULL, trigger TEXT NOT NULL, seq INTEGER NOT NULL, error TEXT NOT NULL DEFAULT '',
    PRIMARY KEY(sensor, trigger)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS slot(sensor TEXT NOT NULL, trigger TEXT NOT NULL, dependency TEXT NOT NULL, seq INTEGER NOT NULL,
    id TEXT NOT NULL, source TEXT NOT NULL, subject TEXT NOT NULL, type TEXT NOT NULL, time TEXT NOT NULL, data BLOB NOT NULL, at REAL NOT NULL,
    PRIMARY KEY(sensor, trigger, dependency)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position(source TEXT NOT NULL, event TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY(source, event)) WITHOUT ROWID;
"""
TRIM_EVERY = 256  # events


@dataclass(frozen=True, slots=True)
class Retention:
    """How much is kept; what is over goes, the oldest first, delivered or not (JetStream's DiscardOld)."""

    messages: int = 50_000
    seconds: float = 7 * 86400.0
    bytes: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Position:
    """How far a source has read from where its events come: stored together with the event."""

    source: str
    event: str
    value: str


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its place in the journal and the time (epoch seconds) it was stored."""

    seq: int
    event: Event
    at: float


class Journal:
    """One writer: the engine's loop. `changed` callbacks are told after each commit."""

    def __init__(self, connection: sqlite3.Connection, now: Callable[[], float], retention: Retention | None = None) -> None:
        self._db = connection
        self._now = now
        self.retention = retention or Retention()
        self._pending: list[tuple[Event, Position | None, asyncio.Future[None]]] = []
        self._since_trim = 0
        self.changed: list[Callable[[], None]] = []

    # ------------------------------------------------------------------------------------------ writing

    async def publish(self, event: Event, position: Position | None = None) -> None:
        """Return once the event (and the source's position) is on disk. Events of one loop turn share a commit; an id counts once."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if not self._pending:
            loop.call_soon(self._flush)
        self._pending.append((event, position, done))
        await done

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        try:
            with transaction(self._db):
                for event, position, _ in pending:
                    self._insert(event)
                    if position is not None:
                        self.set_position(position)
                self._trim(len(pending))
        except sqlite3.Error as error:
            for _, _, done in pending:
                if not done.done():
                    done.set_exception(error)
            return
        for _, _, done in pending:
            if not done.done():
                done.set_result(None)
        for tell in self.changed:
            tell()

    def _insert(self, event: Event) -> None:
        row = (event.id, event.source, event.subject, event.type, event.time, event.data, self._now())
        self._db.execute(
            "INSERT INTO event(id, source, subject, type, time, data, at) VALUES (?,?,?,?,?,?,?) ON CONFLICT(id) DO NOTHING", row
        )

    def set_position(self, position: Position) -> None:
        """Part of the open transaction, if there is one."""
        with joining(self._db):
            self._db.execute(
                "INSERT INTO position VALUES (?,?,?) ON CONFLICT(source, event) DO UPDATE SET value = excluded.value",
                (position.source, position.event, position.value),
            )

    def _trim(self, added: int) -> None:
        self._since_trim += added
        if self._since_trim < TRIM_EVERY:
            return
        self._since_trim = 0
        keep = self.retention
        (newest,) = self._db.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()
        (count, size) = self._db.execute("SELECT count(*), coalesce(sum(length(data)), 0) FROM event").fetchone()
        first = newest - keep.messages + 1 if count > keep.messages else 0
        (by_age,) = self._db.execute("SELECT coalesce(max(seq), 0) + 1 FROM event WHERE at < ?", (self._now() - keep.seconds,)).fetchone()
        first = max(first, by_age)
        if size > keep.bytes:
            total = 0
            for seq, length in self._db.execute("SELECT seq, length(data) FROM event ORDER BY seq DESC"):
                total += length
                if total > keep.bytes:
                    first = max(first, seq + 1)
                    break
        gone = self._db.execute("DELETE FROM event WHERE seq < ?", (first,)).rowcount
        if gone:
            log.info("%d events were older or more than the bus keeps", gone)

    # ------------------------------------------------------------------------------------------ reading

    def position(self, source: str, event: str) -> str | None:
        """How far the source has read."""
        row = self._db.execute("SELECT value FROM position WHERE source = ? AND event = ?", (source, event)).fetchone()
        return None if row is None else str(row[0])

    def subscribe(self, sensor: str, trigger: str) -> None:
        """A trigger that is new sees the events from now on."""
        with joining(self._db):
            self._db.execute(
                "INSERT OR IGNORE INTO cursor(sensor, trigger, seq) SELECT ?, ?, coalesce(max(seq), 0) FROM (SELECT max(seq) AS seq FROM event"
                " UNION ALL SELECT seq FROM sqlite_sequence WHERE name = 'event')",
                (sensor, trigger),
            )

    def unsubscribe(self, sensor: str, keep: Collection[str] = ()) -> None:
        """Forget the triggers of a sensor but those to keep: what waited for them is theirs no more."""
        with joining(self._db):
            for (trigger,) in self._db.execute("SELECT trigger FROM cursor WHERE sensor = ?", (sensor,)).fetchall():
                if trigger not in keep:
                    self._db.execute("DELETE FROM cursor WHERE sensor = ? AND trigger = ?", (sensor, trigger))
                    self._db.execute("DELETE FROM slot WHERE sensor = ? AND trigger = ?", (sensor, trigger))

    def waiting(self, sensor: str, trigger: str, subjects: Iterable[tuple[str, str]], limit: int = 100) -> list[Entry]:
        """The next events of these (source, event) pairs that the trigger has not seen, the oldest first."""
        pairs = json.dumps([f"{source}\n{event}" for source, event in subjects])
        rows = self._db.execute(
            "SELECT seq, id, source, subject, type, time, data, at FROM event"
            " WHERE seq > (SELECT seq FROM cursor WHERE sensor = ? AND trigger = ?)"
            " AND source || char(10) || subject IN (SELECT value FROM json_each(?)) ORDER BY seq LIMIT ?",
            (sensor, trigger, pairs, limit),
        )
        return [_entry(row) for row in rows]

    def acknowledge(self, sensor: str, trigger: str, seq: int, error: str = "") -> None:
        """The trigger has dealt with everything up to `seq`; part of the open transaction, if there is one."""
        with joining(self._db):
            self._db.execute("UPDATE cursor SET seq = ?, error = ? WHERE sensor = ? AND trigger = ?", (seq, error, sensor, trigger))

    # ------------------------------------------------------------------------------------------ conditions

    def slots(self, sensor: str, trigger: str) -> dict[str, Entry]:
        """The latest event of each dependency that waits for the others."""
        rows = self._db.execute(
            "SELECT dependency, seq, id, source, subject, type, time, data, at FROM slot WHERE sensor = ? AND trigger = ?",
            (sensor, trigger),
        )
        return {row[0]: _entry(row[1:]) for row in rows}

    def keep_slot(self, sensor: str, trigger: str, dependency: str, entry: Entry) -> None:
        """Remember the latest event of a dependency; an earlier one is forgotten."""
        e = entry.event
        row = (sensor, trigger, dependency, entry.seq, e.id, e.source, e.subject, e.type, e.time, e.data, entry.at)
        with joining(self._db):
            self._db.execute("INSERT OR REPLACE INTO slot VALUES (?,?,?,?,?,?,?,?,?,?,?)", row)

    def clear_slots(self, sensor: str, trigger: str) -> None:
        with joining(self._db):
            self._db.execute("DELETE FROM slot WHERE sensor = ? AND trigger = ?", (sensor, trigger))

    # ------------------------------------------------------------------------------------------ for people

    def latest(self, limit: int) -> list[Entry]:
        """The newest events first."""
        rows = self._db.execute("SELECT seq, id, source, subject, type, time, data, at FROM event ORDER BY seq DESC LIMIT ?", (limit,))
        return [_entry(row) for row in rows]

    def get(self, event_id: str) -> Event:
        """An event by its id, or by the beginning of one. Raises NotFound."""
        rows = self._db.execute(
            "SELECT seq, id, source, subject, type, time, data, at FROM event WHERE id GLOB ? LIMIT 2", (event_id.replace("*", "") + "*",)
        ).fetchall()
        if len(rows) != 1:
            raise NotFound(f"no event {event_id}" if not rows else f"more than one event begins with {event_id}")
        return _entry(rows[0]).event

    def lag(self, subjects: dict[tuple[str, str], list[tuple[str, str]]]) -> list[dict[str, Any]]:
        """How many events wait for each trigger; `subjects` gives each (sensor, trigger) its (source, event) pairs."""
        found = []
        for sensor, trigger, seq, error in self._db.execute("SELECT sensor, trigger, seq, error FROM cursor ORDER BY sensor, trigger"):
            waiting = 0
            for source, event in subjects.get((sensor, trigger), []):
                query = "SELECT count(*) FROM event WHERE seq > ? AND source = ? AND subject = ?"
                waiting += self._db.execute(query, (seq, source, event)).fetchone()[0]
            found.append({"sensor": sensor, "trigger": trigger, "lag": waiting, "error": error})
        return found


def _entry(row: tuple[Any, ...]) -> Entry:
    seq, id, source, subject, type, time, data, at = row
    return Entry(seq, Event(id, source, subject, type, time, data), at)


def tree(event: Event) -> dict[str, Any]:
    """The event as a CloudEvent in JSON, its data inlined."""
    fields = asdict(event)
    return {**fields, "data": json.loads(event.data)}
