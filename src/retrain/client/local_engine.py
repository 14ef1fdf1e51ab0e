"""What only the embedded engine does: its own paths below `/localargo/v1`."""

from __future__ import annotations

import fcntl
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from localargo import NotFound
from retrain.client.connection import Connection
from retrain.client.protocol import Doc

BASE = "/localargo/v1"


class LocalEngine:
    """The engine of a state folder."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def info(self) -> Doc:
        """Process, version, namespace, sources, and the variables of `retrain env`."""
        found: Doc = self._connection.call("GET", f"{BASE}/info")
        return found

    def apply(self, documents: Sequence[Doc]) -> list[Doc]:
        """Create or replace documents of any kind, checked together."""
        return list(self._connection.call("POST", f"{BASE}/apply", {"items": list(documents)})["items"])

    def objects(self, kind: str, selector: str = "") -> list[Doc]:
        """The documents of a kind (its name, plural or short name) with these labels, newest first."""
        query = {"labelSelector": selector} if selector else {}
        found = self._connection.call("GET", f"{BASE}/objects/{quote(kind, safe='')}", query=query)
        return list(reversed(found["items"] or []))

    def object(self, kind: str, name: str) -> Doc:
        """One document."""
        found: Doc = self._connection.call("GET", _object(kind, name))
        return found

    def delete_object(self, kind: str, name: str) -> None:
        """Remove a document and stop what it was running."""
        self._connection.call("DELETE", _object(kind, name))

    def spec_files(self) -> dict[str, str] | None:
        """The files of the models' specs that the engine has; None without a ConfigMap `models`."""
        try:
            return files_in(self.object("ConfigMap", "models"))
        except NotFound:
            return None

    def sources(self) -> list[Doc]:
        """The EventSources that are running, event by event."""
        return list(self.info().get("sources") or [])

    def set_source(self, name: str, verb: str) -> None:
        """`pause` or `resume` an EventSource."""
        self._connection.call("PUT", f"{BASE}/sources/{quote(name, safe='')}/{verb}")

    def tick(self, event: str) -> Doc:
        """Fire a calendar event, EVENT or SOURCE/EVENT."""
        found: Doc = self._connection.call("POST", f"{BASE}/tick/{quote(event)}")
        return found

    def events(self, limit: int, since: float = 0.0, **asked: str) -> Doc:
        """The newest events of the journal with what became of each, and the lag of every trigger. `asked`: `before`, `id`, `contains` and
        `name`, as the engine's API takes them."""
        query = {"limit": str(limit), "since": str(since), **asked}
        found: Doc = self._connection.call("GET", f"{BASE}/events", query={key: value for key, value in query.items() if value})
        return found

    def event(self, event_id: str) -> Any:
        """One event with its data."""
        return self._connection.call("GET", f"{BASE}/events/{quote(event_id, safe='')}")

    def shut_down(self, state: Path) -> None:
        """Ask the engine to end, and wait until it has released its state folder."""
        self._connection.call("POST", f"{BASE}/shutdown")
        with (state / "engine.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)


def files_in(configmap: Doc) -> dict[str, str]:
    """The files of a ConfigMap."""
    return dict(configmap.get("data") or {})


def _object(kind: str, name: str) -> str:
    return f"{BASE}/objects/{quote(kind, safe='')}/{quote(name, safe='')}"
