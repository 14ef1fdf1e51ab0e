"""What became of each event at each trigger, for people: written in the commit that acknowledges the event, removed with it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

SCHEMA = """
CREATE TABLE IF NOT EXISTS outcome(seq INTEGER NOT NULL, sensor TEXT NOT NULL, trigger TEXT NOT NULL, dependency TEXT NOT NULL,
    outcome TEXT NOT NULL, reason TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY(seq, sensor, trigger, dependency)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS outcome_of ON outcome(name, seq) WHERE name != '';
"""
WRITE = "INSERT OR REPLACE INTO outcome(seq, sensor, trigger, dependency, outcome, reason, kind, name) VALUES (?,?,?,?,?,?,?,?)"
READ = "SELECT sensor, trigger, dependency, outcome, reason, kind, name FROM outcome WHERE seq = ? ORDER BY sensor, trigger, dependency"
FIELDS = ("sensor", "trigger", "dependency", "outcome", "reason", "kind", "name")
# rejected: by its transform or a filter; waits: for events of other dependencies; created: an object; exists: an object of that name was
# there; done: anything else; failed: the action
What = Literal["rejected", "waits", "created", "exists", "done", "failed"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """`kind` and `name` are those of the object that was made, or that was there already."""

    outcome: What
    reason: str = ""
    kind: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """An outcome with the event, the trigger and the dependency that it is of."""

    seq: int
    sensor: str
    trigger: str
    dependency: str
    of: Outcome

    def row(self) -> tuple[Any, ...]:
        return (self.seq, self.sensor, self.trigger, self.dependency, self.of.outcome, self.of.reason, self.of.kind, self.of.name)


def write(connection: sqlite3.Connection, told: Iterable[Told]) -> None:
    """Part of the open transaction."""
    connection.executemany(WRITE, [each.row() for each in told])


def read(connection: sqlite3.Connection, seq: int) -> list[dict[str, Any]]:
    """The outcomes of an event, by Sensor and trigger."""
    return [dict(zip(FIELDS, row, strict=True)) for row in connection.execute(READ, (seq,))]


def not_yet(
    connection: sqlite3.Connection, seq: int, about: tuple[str, str], subjects: Mapping[tuple[str, str], Sequence[tuple[str, str]]]
) -> list[dict[str, Any]]:
    """The triggers that an event waits for; `about` is its source and name, `subjects` gives each (sensor, trigger) what it listens to."""
    bound = [key for key, pairs in subjects.items() if about in pairs]
    behind = connection.execute("SELECT sensor, trigger FROM cursor WHERE seq < ? ORDER BY sensor, trigger", (seq,)).fetchall()
    told = {(each["sensor"], each["trigger"]) for each in read(connection, seq)}
    empty = {"dependency": "", "reason": "", "kind": "", "name": ""}
    return [
        {"sensor": sensor, "trigger": trigger, "outcome": "not yet", **empty}
        for sensor, trigger in behind
        if (sensor, trigger) in bound and (sensor, trigger) not in told
    ]
