"""What the request handlers call: the engine and its parts, found through the application."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from starlette.requests import Request

from localargo.api.stream import Changes
from localargo.eventbus.journal import Asked
from localargo.ports import Doc, Objects, Pods, Workflows


class Engine(Protocol):
    """The engine itself, beside documents, Workflows and pods."""

    def info(self) -> Doc:
        """pid, version, namespace, environment for shells, sources."""

    async def provide(self, documents: Sequence[Doc]) -> None:
        """Make what the documents expect of a cluster, before they are stored."""

    async def apply_all(self, documents: Sequence[Doc]) -> list[Doc]:
        """Check the documents together, then create or replace each."""

    async def deleted(self, kind: str, name: str) -> None:
        """Forget a document and stop what it was running."""

    async def pause(self, source: str, paused: bool) -> None:
        """Pause or resume an EventSource."""

    async def tick(self, source: str, event: str) -> Doc:
        """Fire a calendar event; an empty source means the only one that has the event."""

    def journal(self, limit: int, asked: Asked | None = None) -> Doc:
        """The newest events and the lag of every trigger."""

    def event(self, event_id: str) -> Doc:
        """One event."""

    def shut_down(self) -> None:
        """Ask the engine to end."""


@dataclass(frozen=True, slots=True)
class Backend:
    """Everything that a request may need."""

    engine: Engine
    objects: Objects
    operations: Workflows
    pods: Pods
    changes: Changes
    namespace: str


def backend_of(request: Request) -> Backend:
    """What the application was built with."""
    return cast(Backend, request.app.state.backend)
