"""A journal on disk and objects in its own file, for Sensors without an engine: as durable as the real ones, and as strict about names."""

from __future__ import annotations

import json
import re
import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import pytest

from localargo.errors import AlreadyExists, InvalidInput, NotFound
from localargo.eventbus import journal
from localargo.manifests.merge import merge_patch
from localargo.ports import Doc, Json, Operation
from localargo.store import nested_transaction, open_store
from tests.unit.localargo.sensors.world import World

SCHEMA = "CREATE TABLE IF NOT EXISTS object(kind TEXT, name TEXT, doc TEXT, PRIMARY KEY(kind, name));"

Names = list[str]  # inside the class below `list` is a method


class Shelf:
    """`ports.Objects` and `ports.Workflows`; `operated` remembers what was asked of Workflows."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self.operated: list[tuple[str, str, dict[str, Json]]] = []

    def create(self, doc: Doc) -> Doc:
        metadata = dict(doc["metadata"])
        metadata.setdefault("name", f"{metadata.get('generateName', '')}{uuid.uuid4().hex}")
        if not re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", metadata["name"]):
            raise InvalidInput(f"metadata.name: Invalid value: {metadata['name']!r}")
        made = {**doc, "metadata": metadata}
        with nested_transaction(self._db):
            try:
                self._db.execute("INSERT INTO object VALUES (?,?,?)", (doc["kind"], metadata["name"], json.dumps(made)))
            except sqlite3.IntegrityError:
                raise AlreadyExists(f"{metadata['name']} already exists") from None
        return made

    def get(self, kind: str, name: str) -> Doc:
        row = self._db.execute("SELECT doc FROM object WHERE kind = ? AND name = ?", (kind, name)).fetchone()
        if row is None:
            raise NotFound(f"{kind} {name} not found")
        found: Doc = json.loads(row[0])
        return found

    def list(self, kind: str, labels: Mapping[str, str] | None = None) -> list[Doc]:
        return [json.loads(row[0]) for row in self._db.execute("SELECT doc FROM object WHERE kind = ? ORDER BY rowid", (kind,))]

    def apply(self, doc: Doc) -> Doc:
        with nested_transaction(self._db):
            self._db.execute("INSERT OR REPLACE INTO object VALUES (?,?,?)", (doc["kind"], doc["metadata"]["name"], json.dumps(doc)))
        return doc

    def patch(self, kind: str, name: str, patch: Doc) -> Doc:
        return self.apply(merge_patch(self.get(kind, name), patch))

    def delete(self, kind: str, name: str) -> None:
        self.get(kind, name)
        with nested_transaction(self._db):
            self._db.execute("DELETE FROM object WHERE kind = ? AND name = ?", (kind, name))

    def operate(self, operation: Operation, name: str, options: Mapping[str, Json]) -> Doc:
        if name == "gone":
            raise NotFound("Workflow gone not found")
        self.operated.append((operation, name, dict(options)))
        return {}

    def names(self) -> Names:
        """Of all Workflows, in the order of their making."""
        return [str(doc["metadata"]["name"]) for doc in self.list("Workflow")]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def schemas() -> list[str]:
    return [journal.SCHEMA, SCHEMA]


@pytest.fixture
def db(tmp_path: Path, schemas: list[str]) -> Iterator[sqlite3.Connection]:
    connection = open_store(tmp_path / "engine.db", schemas)
    yield connection
    connection.close()


@pytest.fixture
def shelf(db: sqlite3.Connection) -> Shelf:
    return Shelf(db)


@pytest.fixture
def new_shelf() -> type[Shelf]:
    """For tests that open the file again."""
    return Shelf


@pytest.fixture
async def make(db: sqlite3.Connection, shelf: Shelf) -> AsyncIterator[Callable[..., World]]:
    made: list[World] = []

    def build(document: Doc, allowed: tuple[str, ...] = ()) -> World:
        made.append(World(db, shelf, document, allowed))
        return made[-1]

    yield build
    for world in made:
        await world.listener.close()
