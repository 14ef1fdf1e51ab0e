"""The Workflows of the place, followed by a thread: those under way whole, of those that have ended what a list shows."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localargo import LocalArgoError
from retrain.client.connect import argo_server
from retrain.client.place import Place
from retrain.client.protocol import ArgoServer, Change, Doc
from retrain.client.workflows import ENDED, phase, run_model
from retrain.display.output import node_state, plain, state
from retrain.display.reasons import reason

AGAIN = (1.0, 2.0, 5.0, 10.0, 30.0)  # seconds until the server is tried again


@dataclass(frozen=True, slots=True)
class Seen:
    """A Workflow as a list shows it."""

    name: str
    model: str
    state: str
    created: str
    started: str
    finished: str
    progress: str
    message: str
    steps: tuple[str, ...]  # what runs now

    @property
    def ended(self) -> bool:
        return self.state in ENDED


def seen(workflow: Mapping[str, Any]) -> Seen:
    """What a list shows of a Workflow."""
    whole, status, metadata = dict(workflow), workflow.get("status") or {}, workflow["metadata"]
    nodes = (status.get("nodes") or {}).values()
    steps = dict.fromkeys(str(n.get("displayName")) for n in nodes if n.get("type") in ("Pod", "Suspend") and n.get("phase") == "Running")
    return Seen(
        str(metadata["name"]),
        run_model(whole),
        state(whole) or "Pending",
        str(metadata.get("creationTimestamp") or ""),
        str(status.get("startedAt") or ""),
        str(status.get("finishedAt") or ""),
        str(status.get("progress") or ""),
        plain(reason(workflow)),
        tuple(steps),
    )


class Workflows:
    """What the place's server tells. `told(name, sentence)` is called in the event loop after each change."""

    def __init__(self, place: Place, told: Callable[[str, str], None]) -> None:
        self._place, self._told = place, told
        self._server: ArgoServer | None = None
        self._seen: dict[str, Seen] = {}
        self._whole: dict[str, Doc] = {}
        self._phases: dict[str, dict[str, str]] = {}
        self._ended = threading.Event()
        self.trouble = "the server has not answered yet"

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Follow from now on, in a thread that ends with the process."""
        threading.Thread(target=self._follow, args=(loop,), name="workflows", daemon=True).start()

    def stop(self) -> None:
        self._ended.set()

    def server(self) -> ArgoServer:
        """The server, for questions. Raises Unavailable."""
        if self._server is None:
            self._server = argo_server(self._place)
        return self._server

    def under_way(self) -> list[Seen]:
        """Those that have not ended, the oldest first."""
        return sorted((each for each in self._seen.copy().values() if not each.ended), key=lambda each: (each.created, each.name))

    def phases(self) -> list[str]:
        """The phase of each that there is."""
        return ["Running" if each.state == "Suspended" else each.state for each in self._seen.copy().values()]

    def get(self, name: str) -> Seen | None:
        return self._seen.get(name)

    def whole(self, name: str) -> Doc:
        """The Workflow with its nodes. Raises NotFound or Unavailable; asks the server for one that has ended."""
        return self._whole.get(name) or self.server().workflow(name)

    def _follow(self, loop: asyncio.AbstractEventLoop) -> None:
        failed = 0
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                server = argo_server(self._place)
                loop.call_soon_threadsafe(self._seen.clear)  # what was deleted meanwhile is not told
                for change in server.watch():
                    self.trouble = ""
                    loop.call_soon_threadsafe(self._changed, change)
                self.trouble = "the server has ended the stream"
            except (LocalArgoError, OSError) as error:
                self.trouble = str(error)
            except RuntimeError:
                return  # the event loop is closed
            failed = 0 if time.monotonic() - began > AGAIN[-1] else failed + 1
            self._ended.wait(AGAIN[min(failed, len(AGAIN) - 1)])

    def _changed(self, change: Change) -> None:
        name = str(change.workflow["metadata"]["name"])
        if change.type == "DELETED":
            for kept in (self._seen, self._whole, self._phases):
                kept.pop(name, None)
            self._told(name, f"{name} was deleted")
            return
        now, before = seen(change.workflow), self._seen.get(name)
        self._seen[name] = now
        if phase(change.workflow) in ENDED:
            self._whole.pop(name, None)
            self._phases.pop(name, None)
        else:
            self._whole[name] = change.workflow
        if before is None or before != now or not now.ended:
            self._told(name, self._sentence(change.workflow, before, now))

    def _sentence(self, workflow: Doc, before: Seen | None, now: Seen) -> str:
        """What to say of a change to somebody who cannot see the page: the step that began or ended last, or how the Workflow ended."""
        if before is not None and before.state != now.state:
            return f"{now.name}: {now.state}"
        phases = {str(n.get("displayName")): node_state(n) for n in ((workflow.get("status") or {}).get("nodes") or {}).values()}
        known = self._phases.get(now.name, {})
        self._phases[now.name] = phases
        fresh = [f"{step} {told}" for step, told in phases.items() if known.get(step) != told and told != "Pending"] if known else []
        return f"{now.name}: {fresh[-1]}" if fresh else ""
