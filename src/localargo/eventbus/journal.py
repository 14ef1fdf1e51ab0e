"""The durable journal of events: every trigger of every Sensor has its own position in it.

An event is on disk when `publish` returns. A trigger's cursor moves in the same transaction as the effect of its action, so that a crash
in between repeats neither. Argo's bus is NATS JetStream; in the same way, a new trigger sees only new events, the journal is
bounded by count, bytes and age, the oldest event goes first (with `discard: 1` a new one is refused), and the size of an event is limited.
"""

from __future__ import annotations

import asyncio
import logging
import math
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from localargo.errors import NotFound
from localargo.eventbus import outcomes
from localargo.eventbus.outcomes import Told
from localargo.eventbus.retention import Full, Retention, TooLarge
from localargo.expressions import rawjson
from localargo.ports import Event
from localargo.store import nested_transaction, transaction

log = logging.getLogger(__name__)

SCHEMA = f"""{outcomes.SCHEMA}
CREATE TABLE IF NOT EXISTS event(
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, source TEXT NOT NULL, subject TEXT NOT NULL, type TEXT NOT NULL,
    time TEXT NOT NULL, data BLOB NOT NULL, at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS event_of ON event(source, subject, seq);
CREATE TABLE IF NOT EXISTS cursor(sensor TEXT NOT NULL, trigger TEXT NOT NULL, seq INTEGER NOT NULL, error TEXT NOT NULL DEFAULT '',
    PRIMARY KEY(sensor, trigger)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS slot(sensor TEXT NOT NULL, trigger TEXT NOT NULL, dependency TEXT NOT NULL, seq INTEGER NOT NULL,
    id TEXT NOT NULL, source TEXT NOT NULL, subject TEXT NOT NULL, type TEXT NOT NULL, time TEXT NOT NULL, data BLOB NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY(sensor, trigger, dependency)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS part(sensor TEXT NOT NULL, trigger TEXT NOT NULL, seq INTEGER NOT NULL, dependency TEXT NOT NULL,
    PRIMARY KEY(sensor, trigger, seq, dependency)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS position(source TEXT NOT NULL, event TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY(source, event)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen(source TEXT NOT NULL, event TEXT NOT NULL, key TEXT NOT NULL, etag TEXT NOT NULL,
    PRIMARY KEY(source, event, key)) WITHOUT ROWID;
"""
LATEST = """
SELECT seq, id, source, subject, type, time, data, at FROM event
WHERE (:since = 0 OR at >= :since)
  AND (:before = '' OR seq < (SELECT seq FROM event WHERE id = :before))
  AND (:id = '' OR substr(id, 1, length(:id)) = :id)
  AND (length(:contains) = 0 OR instr(data, :contains) > 0)
  AND (:name = '' OR seq IN (SELECT seq FROM outcome WHERE name = :name AND name != ''))
ORDER BY seq DESC LIMIT :limit
"""
ENVELOPE_BYTES = 400  # about the size of an event's context on a bus
FORGET = (
    "DELETE FROM cursor WHERE sensor = ? AND trigger = ?",
    "DELETE FROM slot WHERE sensor = ? AND trigger = ?",
    "DELETE FROM part WHERE sensor = ? AND trigger = ?",
)


@dataclass(frozen=True, slots=True)
class Position:
    """The position up to which a source has read: stored together with the event."""

    source: str
    event: str
    value: str


@dataclass(frozen=True, slots=True)
class Seen:
    """An object of a polled store as last seen: stored together with the event."""

    source: str
    event: str
    key: str
    etag: str


Mark = Position | Seen


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its place in the journal and the time (epoch seconds) it was stored."""

    seq: int
    event: Event
    at: float


@dataclass(frozen=True, slots=True)
class Asked:
    """Which events are asked for. `since`: stored at that time (epoch seconds) or later; `before`: stored before the event of this id;
    `id`: the beginning of theirs; `contains`: bytes of their data; `name`: of an object that was made for them."""

    since: float = 0.0
    before: str = ""
    id: str = ""
    contains: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """What is published with the next commit."""

    event: Event | None
    mark: Mark | None
    done: asyncio.Future[None]


class Journal:
    """One writer: the engine's loop. `changed` callbacks are called after each commit."""

    def __init__(self, connection: sqlite3.Connection, now: Callable[[], float], retention: Retention | None = None) -> None:
        self._db = connection
        self._now = now
        self.retention = retention or Retention()
        self._pending: list[_Waiting] = []
        self.published = 0  # events stored since the start
        self.changed: list[Callable[[], None]] = []
        count, size = connection.execute("SELECT count(*), coalesce(sum(length(data)), 0) FROM event").fetchone()
        self._count: int = count
        self._bytes: int = size
        self._oldest: float | None = self._oldest_time()

    # ------------------------------------------------------------------------------------------ writing

    async def publish(self, event: Event | None, mark: Mark | None = None) -> None:
        """Return once the event (and its source's position) is on disk. Events of one turn of the loop share a commit; an id counts once.

        Without an event only the position is stored, after all that was published before it. Raises TooLarge, Full, and sqlite3.Error
        when it cannot be written; then no later position of its source is stored in this turn, so that the source can read it again.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        if not self._pending:
            loop.call_soon(self._flush)
        self._pending.append(_Waiting(event, mark, done))
        await done

    def _flush(self) -> None:
        pending, self._pending = self._pending, []
        before = (self._count, self._bytes, self._oldest)
        refused: dict[int, Exception] = {}
        stopped: dict[tuple[str, str], Exception] = {}  # sources with an event that was refused
        try:
            with transaction(self._db):
                for index, one in enumerate(pending):
                    source = (one.mark.source, one.mark.event) if one.mark is not None else None
                    error = (stopped.get(source) if source else None) or (self._refusal(one.event) if one.event else None)
                    if error is not None:
                        refused[index] = error
                        stopped.update({source: error} if source else {})
                        continue
                    if one.event is not None:
                        self._insert(one.event)
                    if one.mark is not None:
                        self.note(one.mark)
                self._trim()
        except sqlite3.Error as error:
            self._count, self._bytes, self._oldest = before
            refused = dict.fromkeys(range(len(pending)), error)
        for index, one in enumerate(pending):
            if one.done.done():
                continue
            if index in refused:
                one.done.set_exception(refused[index])
            else:
                one.done.set_result(None)
        stored = sum(one.event is not None and index not in refused for index, one in enumerate(pending))
        self.published += stored
        if stored:
            self._notify()

    def _refusal(self, event: Event) -> Exception | None:
        """Why the bus does not take an event; None when it does."""
        size = 4 * -(-len(event.data) // 3) + ENVELOPE_BYTES  # a bus carries the data as base64
        if size > self.retention.payload:
            return TooLarge(f"the event has {size} bytes on the bus; the limit is {self.retention.payload}")
        if self.retention.refuses and not self._room(event):
            return Full("the bus is full and its policy is to refuse new events")
        return None

    def _notify(self) -> None:
        for notify in self.changed:
            notify()

    def _insert(self, event: Event) -> None:
        now = self._now()
        row = (event.id, event.source, event.subject, event.type, event.time, event.data, now)
        made = self._db.execute(
            "INSERT INTO event(id, source, subject, type, time, data, at) VALUES (?,?,?,?,?,?,?) ON CONFLICT(id) DO NOTHING", row
        )
        if made.rowcount:
            self._count += 1
            self._bytes += len(event.data)
            self._oldest = now if self._oldest is None else self._oldest

    def _oldest_time(self) -> float | None:
        row = self._db.execute("SELECT at FROM event ORDER BY seq LIMIT 1").fetchone()
        return None if row is None else float(row[0])

    def _room(self, event: Event) -> bool:
        keep = self.retention
        return self._count < keep.messages and self._bytes + len(event.data) <= keep.bytes

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Several writes as one, part of the open transaction if there is one. Never await inside."""
        with nested_transaction(self._db):
            yield

    def note(self, mark: Mark) -> None:
        """Store a source's position; part of the open transaction, if there is one."""
        with nested_transaction(self._db):
            if isinstance(mark, Position):
                self._db.execute(
                    "INSERT INTO position VALUES (?,?,?) ON CONFLICT(source, event) DO UPDATE SET value = excluded.value",
                    (mark.source, mark.event, mark.value),
                )
            else:
                self._db.execute(
                    "INSERT INTO seen VALUES (?,?,?,?) ON CONFLICT(source, event, key) DO UPDATE SET etag = excluded.etag",
                    (mark.source, mark.event, mark.key, mark.etag),
                )

    def _trim(self) -> None:
        """Delete the oldest events beyond the bounds; part of the open transaction."""
        keep, gone = self.retention, 0
        eldest = self._now() - keep.seconds
        while self._count and (self._count > keep.messages or self._bytes > keep.bytes or (self._oldest or 0.0) < eldest):
            (seq, length) = self._db.execute("SELECT seq, length(data) FROM event ORDER BY seq LIMIT 1").fetchone()
            self._db.execute("DELETE FROM event WHERE seq = ?", (seq,))
            self._db.execute("DELETE FROM outcome WHERE seq = ?", (seq,))
            self._oldest = self._oldest_time()
            self._count, self._bytes, gone = self._count - 1, self._bytes - length, gone + 1
        if gone:
            log.info("%d events beyond the retention of the bus were deleted", gone)

    # ------------------------------------------------------------------------------------------ reading

    def position(self, source: str, event: str) -> str | None:
        """How far the source has read."""
        row = self._db.execute("SELECT value FROM position WHERE source = ? AND event = ?", (source, event)).fetchone()
        return None if row is None else str(row[0])

    def seen(self, source: str, event: str) -> dict[str, str]:
        """The objects of a polled store as last seen: key to ETag."""
        return dict(self._db.execute("SELECT key, etag FROM seen WHERE source = ? AND event = ?", (source, event)).fetchall())

    def remember(self, source: str, event: str, objects: Mapping[str, str], gone: Iterable[str] = ()) -> None:
        """Store objects of a polled store without events, and forget those that are gone."""
        with nested_transaction(self._db):
            for key, etag in objects.items():
                self.note(Seen(source, event, key, etag))
            for key in gone:
                self._db.execute("DELETE FROM seen WHERE source = ? AND event = ? AND key = ?", (source, event, key))

    def subscribe(self, sensor: str, trigger: str) -> None:
        """A new trigger sees events from now on."""
        with nested_transaction(self._db):
            self._db.execute(
                "INSERT OR IGNORE INTO cursor(sensor, trigger, seq) SELECT ?, ?, coalesce(max(seq), 0) FROM sqlite_sequence"
                " WHERE name = 'event'",
                (sensor, trigger),
            )

    def unsubscribe(self, sensor: str, keep: Collection[str] = ()) -> None:
        """Forget the triggers of a Sensor except those to keep, with the events that waited for them."""
        with nested_transaction(self._db):
            for (trigger,) in self._db.execute("SELECT trigger FROM cursor WHERE sensor = ?", (sensor,)).fetchall():
                if trigger not in keep:
                    for statement in FORGET:
                        self._db.execute(statement, (sensor, trigger))

    def waiting(self, sensor: str, trigger: str, subjects: Iterable[tuple[str, str]], limit: int = 100) -> list[Entry]:
        """The next events of these (source, event) pairs that the trigger has not seen, the oldest first."""
        row = self._db.execute("SELECT seq FROM cursor WHERE sensor = ? AND trigger = ?", (sensor, trigger)).fetchone()
        if row is None:
            return []
        query = (
            "SELECT seq, id, source, subject, type, time, data, at FROM event WHERE source = ? AND subject = ? AND seq > ?"
            " ORDER BY seq LIMIT ?"
        )
        found = [_entry(each) for pair in subjects for each in self._db.execute(query, (*pair, row[0], limit))]
        return sorted(found, key=lambda entry: entry.seq)[:limit]

    def acknowledge(self, sensor: str, trigger: str, seq: int, error: str = "", told: Iterable[Told] = ()) -> None:
        """The trigger is done with all events up to `seq`, with these outcomes; part of the open transaction, if there is one."""
        with nested_transaction(self._db):
            outcomes.write(self._db, told)
            self._db.execute("UPDATE cursor SET seq = ?, error = ? WHERE sensor = ? AND trigger = ?", (seq, error, sensor, trigger))
            self._db.execute("DELETE FROM part WHERE sensor = ? AND trigger = ?", (sensor, trigger))

    def parts(self, sensor: str, trigger: str, seq: int) -> set[str]:
        """The dependencies for which the trigger is already done with this event; it is acknowledged after the last one."""
        query = "SELECT dependency FROM part WHERE sensor = ? AND trigger = ? AND seq = ?"
        return {row[0] for row in self._db.execute(query, (sensor, trigger, seq))}

    def acknowledge_part(self, sensor: str, trigger: str, seq: int, dependency: str, told: Iterable[Told] = ()) -> None:
        """The trigger is done with the event for one of several dependencies; part of the open transaction, if there is one."""
        with nested_transaction(self._db):
            outcomes.write(self._db, told)
            self._db.execute("INSERT OR IGNORE INTO part VALUES (?,?,?,?)", (sensor, trigger, seq, dependency))

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
        with nested_transaction(self._db):
            self._db.execute("INSERT OR REPLACE INTO slot VALUES (?,?,?,?,?,?,?,?,?,?,?)", row)

    def clear_slot(self, sensor: str, trigger: str, dependency: str) -> None:
        """Forget the waiting event of one dependency."""
        with nested_transaction(self._db):
            self._db.execute("DELETE FROM slot WHERE sensor = ? AND trigger = ? AND dependency = ?", (sensor, trigger, dependency))

    def clear_slots(self, sensor: str, trigger: str) -> None:
        with nested_transaction(self._db):
            self._db.execute("DELETE FROM slot WHERE sensor = ? AND trigger = ?", (sensor, trigger))

    # ------------------------------------------------------------------------------------------ for people

    def latest(self, limit: int, asked: Asked | None = None) -> list[Entry]:
        """The newest events first, of those that are asked for."""
        given = {**asdict(asked or Asked()), "limit": limit}
        return [_entry(row) for row in self._db.execute(LATEST, given | {"contains": given["contains"].encode()})]

    def told(self, limit: int, asked: Asked, subjects: Mapping[tuple[str, str], Sequence[tuple[str, str]]]) -> list[dict[str, Any]]:
        """The newest events as trees, each with what became of it at each trigger; `subjects` as for `lag`."""
        found = []
        for entry in self.latest(limit, asked):
            event = entry.event
            done = outcomes.read(self._db, entry.seq)
            waiting = outcomes.not_yet(self._db, entry.seq, (event.source, event.subject), subjects)
            found.append({**tree(event), "outcomes": [*done, *waiting]})
        return found

    def get(self, event_id: str) -> Event:
        """An event by its id, or by the beginning of its id. Raises NotFound."""
        rows = self._db.execute(
            "SELECT seq, id, source, subject, type, time, data, at FROM event WHERE substr(id, 1, ?) = ? LIMIT 2", (len(event_id), event_id)
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
    """The event as a CloudEvent in JSON, its data inlined and `readable`."""
    return {**asdict(event), "data": readable(event.data)}


def readable(data: bytes) -> Any:
    """JSON text as a tree that can be printed as JSON again. A number that does not fit a float becomes text."""
    return _plain(rawjson.loads(data.decode("utf-8", "replace")))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, rawjson.Number):
        number = value.value
        return number if math.isfinite(number) else value.text
    return value
