"""What runs the events of a kind: the `DRIVER` of the module in this package that the kind names."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from localargo.eventbus.journal import Journal
from localargo.eventsources.bucket_changes import Changes
from localargo.eventsources.envelope import Envelope
from localargo.eventsources.http_ports import HttpPorts
from localargo.manifests.source_kinds.kind import SourceEvent
from localargo.manifests.source_kinds.registry import KINDS
from localargo.ports import Doc, Event


class RunningSource(Protocol):
    """One event of one EventSource. It takes no events before the first `start`."""

    def start(self) -> None:
        """Take events, from where the last one stands; nothing happens when it does already."""

    async def stop(self) -> None:
        """Take no more events until the next `start`."""


@runtime_checkable
class FiredByHand(Protocol):
    """A source whose event can be fired without waiting for it."""

    async def fire(self) -> Event | None:
        """The event that was published, None when the source's filter dropped it."""


@dataclass(frozen=True, slots=True)
class Resources:
    """What the engine lends to sources.

    `secret(name, key)` gives the value of a Secret, `changes(source, spec)` the changes of the bucket that a spec names; `http` takes
    endpoints.
    """

    journal: Journal
    now: Callable[[], float]
    secret: Callable[[str, str], str]
    changes: Callable[[str, Doc], Changes]
    http: HttpPorts


Driver = Callable[[SourceEvent, Envelope, Resources], RunningSource]


def driver_of(kind: str) -> Driver:
    """The driver of a kind that runs here. Kinds name it, because `manifests` may not import this package."""
    driver: Driver = importlib.import_module(f"localargo.eventsources.{KINDS[kind].driver}").DRIVER
    return driver
