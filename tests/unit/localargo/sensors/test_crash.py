"""A process that dies at any commit: after the next start everything is as if it had not."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

from localargo.store import open_store
from tests.unit.localargo.sensors.world import World, create, event, letter, refused, sensor, trigger


class Mortal(sqlite3.Connection):
    """A connection whose process is gone at a chosen commit: before it is on disk, or right after."""

    left = 0  # commits until the end, 0: none
    after = False

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        if sql != "COMMIT" or not Mortal.left:
            return super().execute(sql, *parameters)
        Mortal.left -= 1
        if Mortal.left == 0 and not Mortal.after:
            os._exit(9)
        done = super().execute(sql, *parameters)
        if Mortal.left == 0:
            os._exit(9)
        return done


def everything() -> dict[str, Any]:
    """A Sensor with every way in which an event is kept, joined, repeated or refused."""
    both = create("both-")
    both["parameters"] = [{"src": {"dependencyName": n, "dataKey": "body.id"}, "dest": f"metadata.annotations.{n}"} for n in ("d", "other")]
    twice = create("twice-")
    twice["parameters"] = [{"src": {"dependencyName": n, "dataKey": "body.id"}, "dest": f"metadata.annotations.{n}"} for n in ("d", "also")]
    return sensor(
        trigger("named", "d"),
        trigger("made", "d", {"k8s": create("made-")}),
        trigger("twice", "d || also", {"k8s": twice}),
        trigger("both", "d && other", {"k8s": both}),
        trigger("refused", "d", refused(), atLeastOnce=True, dlqTrigger=letter()),
        dependencies={"d": "hook", "also": "hook", "other": "other"},
    )


EVENTS = [event(1), event(2), event(3, subject="other"), event(4, {"id": "1", "name": "fine"}), event(5, subject="other"), event(6)]


async def life(path: Path, schemas: list[str], shelf: type[Any]) -> None:
    """Publish what is not published yet, and act until nothing waits. Events come one by one, as a caller who waits for each answer."""
    db = open_store(path, schemas, factory=Mortal)
    world = World(db, shelf(db), everything())
    for e in EVENTS:
        await world.bus.publish(e)
        await world.drained()
    await world.listener.close()
    db.close()


def lives(path: Path, schemas: list[str], shelf: type[Any], commits: int, after: bool) -> bool:
    """Whether a process that dies at that commit came to the end before it."""
    child = os.fork()
    if child == 0:
        try:
            Mortal.left, Mortal.after = commits, after
            asyncio.run(life(path, schemas, shelf))
            os._exit(0)
        finally:
            os._exit(1)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert ended in (0, 9)
    return ended == 0


def outcome(path: Path, schemas: list[str], shelf: type[Any]) -> list[str]:
    """Every Workflow, without the part of its name that is made up."""
    db = open_store(path, schemas)
    found = []
    for document in shelf(db).list("Workflow"):
        metadata = document["metadata"]
        found.append(f"{metadata.get('generateName') or metadata['name']} {json.dumps(metadata.get('annotations'))}")
    db.close()
    return sorted(found)


def test_a_process_that_dies_at_any_commit_loses_nothing_and_does_nothing_twice(
    tmp_path: Path, schemas: list[str], new_shelf: type[Any]
) -> None:
    whole = tmp_path / "whole.db"
    assert lives(whole, schemas, new_shelf, 0, False)
    expected = outcome(whole, schemas, new_shelf)
    assert len(expected) > 15
    deaths = 0
    for after in (False, True):
        commits = 1
        while True:
            path = tmp_path / f"{after}-{commits}.db"
            if lives(path, schemas, new_shelf, commits, after):
                break
            deaths += 1
            assert lives(path, schemas, new_shelf, 0, False)
            assert outcome(path, schemas, new_shelf) == expected, f"died {'after' if after else 'before'} commit {commits}"
            commits += 1
    assert deaths > 60
