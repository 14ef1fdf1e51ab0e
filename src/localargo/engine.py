"""The wiring of one engine on one state folder: the parts are created and connected here and nowhere else."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol

from localargo import __version__
from localargo.api import app, listeners
from localargo.api.backend import Backend
from localargo.api.stream import Changes
from localargo.artifacts.stage import BucketArtifacts
from localargo.bucket.s3 import S3Bucket
from localargo.clock import SystemClock, timestamp
from localargo.errors import AlreadyExists, NotFound, Unavailable, refuse
from localargo.eventbus import journal, retention
from localargo.eventbus.journal import Journal, tree
from localargo.eventsources.bucket_changes import Changes as BucketChanges
from localargo.eventsources.bucket_changes import Polled
from localargo.eventsources.sources import Sources
from localargo.logs import open_log
from localargo.manifests.document import Document
from localargo.manifests.report import INVALID_SPEC
from localargo.manifests.validate import check
from localargo.ports import Doc, PodExit, PodListener, Pods
from localargo.runners.client import ProcessPods
from localargo.sensors.listen import SensorListener
from localargo.sensors.triggers import Actor
from localargo.services import WEBHOOK_NAME, namespace_of
from localargo.settings import DEFAULTS, Settings
from localargo.stand_ins import StandIns
from localargo.store import lock_state, nested_transaction, open_store, readable, transaction, usable
from localargo.waiting import Waiters
from localargo.workflows import ledger, objects
from localargo.workflows.action_dispatcher import ActionDispatcher
from localargo.workflows.admission import Admission
from localargo.workflows.controller import Controller
from localargo.workflows.http_call import HttpCalls
from localargo.workflows.messages import Run
from localargo.workflows.objects import known_kind
from localargo.workflows.operations import FINISHED, Operations
from localargo.workflows.resource import Resources

LOOK_SECONDS = 1.0  # between two looks at whether the state folder is still this engine's


class OwnPods(Pods, Protocol):
    """What runs pods, started and closed by the engine."""

    async def start(self) -> None: ...

    async def close(self, kill: bool) -> None: ...


PodsMaker = Callable[[PodListener, Callable[[str, float], None]], OwnPods]


class Engine:
    """An async context manager. `documents` are checked and applied; what an earlier engine left unfinished continues.

    `settings` are the same for all engines of a program. `pods` replaces processes by something else that runs pods (tests).

    Raises InvalidInput or Unsupported for the documents, Unavailable when the state folder cannot be used or a part does not start.
    """

    def __init__(
        self,
        state: Path,
        documents: Sequence[Document] = (),
        *,
        ports: Literal["manifest", "free"] = "manifest",
        listen: str | None = None,
        pause: Sequence[str] = (),
        allowed_hosts: Sequence[str] = (),
        namespace: str = "",
        settings: Settings = DEFAULTS,
        reload: bool = False,
        pods: PodsMaker | None = None,
        factory: type[sqlite3.Connection] = sqlite3.Connection,
    ) -> None:
        self.state = state
        self._given = list(documents)
        self._ports = ports
        self._listen = listen
        self._pause = tuple(pause)
        self._allowed_hosts = tuple(allowed_hosts)
        self._settings = settings
        self._reload = reload
        self._make_pods = pods or self._processes
        self.namespace = namespace
        self._factory = factory
        self._clock = SystemClock()
        self._undo = contextlib.AsyncExitStack()
        self._detach = False
        self._sources_open = False

    async def __aenter__(self) -> Engine:
        async with self._undo:
            with readable(self.state / "engine.db"):
                await self._start()
            self._undo = self._undo.pop_all()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.stop()

    async def stop(self, detach: bool = False) -> None:
        """End all parts; pods get SIGTERM and are run again by the next engine. With `detach` pods and bucket keep running."""
        self._detach = self._detach or detach
        await self._undo.aclose()

    # ------------------------------------------------------------------------------------------ start

    async def _start(self) -> None:
        self._asked = asyncio.Event()
        self._lock = lock_state(self.state)
        self._undo.callback(self._lock.release)
        with usable(self.state):
            self._undo.callback(open_log(self.state / "engine.log", logging.getLogger("localargo")))
        self._db = open_store(self.state / "engine.db", [objects.SCHEMA, ledger.SCHEMA, journal.SCHEMA], factory=self._factory)
        self._undo.callback(self._db.close)
        self._documents = objects.Documents(self._db, "", {})
        if not self.namespace:
            self.namespace = namespace_of([d.doc for d in self._given], namespace_of(self._documents.everything()))
        self._documents.namespace = self.namespace
        self._watch = asyncio.ensure_future(self._until_lost())
        self._undo.callback(self._watch.cancel)
        self._open_workflows()
        self._open_events()
        self._check(self._given)
        await self.provide([d.doc for d in self._given])
        await self.apply_all([d.doc for d in self._given if d.kind != "Workflow"])
        await self.pods.start()
        await self.controller.recover()
        await self._open_sources(self._pause)
        await self._serve()
        for document in self._given:
            if document.kind == "Workflow":
                with contextlib.suppress(AlreadyExists):  # a Workflow with a fixed name, created at an earlier start
                    self.admission.create(document.doc)

    def _open_workflows(self) -> None:
        self.pods = self._make_pods(self._pod_exited, self._pod_running)
        dispatcher = ActionDispatcher(self.pods, self._clock)
        self.controller = Controller(self._db, self._documents, dispatcher, self._clock, reload=self._reload)
        self.admission = Admission(self._db, self._documents, self.controller, self._clock, self.namespace)
        self.stand_ins = StandIns(self.state, self._settings, self._documents, self.admission)
        self._undo.push_async_callback(self._stop_bucket)
        self._undo.push_async_callback(self._stop_pods)
        self.operations = Operations(self.controller, self.admission, self._clock)
        dispatcher.resources = Resources(self.admission, self.controller.save_fact, lambda: nested_transaction(self._db))
        dispatcher.http = HttpCalls(self._allowed_hosts, lambda name: self._documents.get("Secret", name))
        self.changes = Changes()
        self.controller.listeners.append(self.changes.tell)
        self._waiters = Waiters(self.controller)
        self.admission.listeners.append(self._semaphore_changed)

    def _processes(self, on_exit: PodListener, on_running: Callable[[str, float], None]) -> OwnPods:
        with usable(self.state):
            return ProcessPods(
                self.state, BucketArtifacts(self._bucket), on_exit, on_running, warm=self._settings.warm, ours=self._lock.holds
            )

    def _open_events(self) -> None:
        self.bus = Journal(self._db, self._clock.now)
        self.sources = Sources(self.bus, self._clock.now, self._ports)
        actor = Actor(self.admission, self.operations, self._allowed_hosts)
        self.sensors = SensorListener(self._db, self.bus, actor, self._clock.now)
        self._undo.push_async_callback(self.sensors.close)
        self._undo.push_async_callback(self.sources.close)

    async def _open_sources(self, pause: Sequence[str]) -> None:
        """Sensors subscribe first, so that no event is missed."""
        buses = {doc["metadata"]["name"]: doc for doc in self._documents.of_kind("EventBus")}
        self.bus.retention = retention.read(buses.get("default") or next(iter(buses.values()), None))
        self.sensors.open(self._documents.of_kind("Sensor"))
        await self.sources.open(self._documents.of_kind("EventSource"), self._secret, self._changes, pause)
        self._sources_open = True

    def _secret(self, name: str, key: str) -> str:
        value = self.stand_ins.secret(name, key)
        if value is None:
            raise NotFound(f'secrets "{name}" not found, or it has no key {key}')
        return value

    def _changes(self, source: str, spec: Doc) -> BucketChanges:
        return self.stand_ins.changes(spec) or Polled(self.stand_ins.store_of(spec))

    async def _serve(self) -> None:
        application = app.build(Backend(self, self.admission, self.operations, self.pods, self.changes, self.namespace))
        opened = [listeners.Listener(application, listeners.bind_unix(self.state / "engine.sock"))]
        if self._listen:
            opened.append(listeners.Listener(app.TokenRequired(application, self._token()), listeners.bind_tcp(self._listen)))
        self._undo.callback(self._unlink, "engine.sock")
        for listener in opened:
            self._undo.push_async_callback(listener.stop)
        self._undo.callback(self.changes.close)
        self.listening = opened
        for listener in opened:
            await listener.start()
        about = {"pid": os.getpid(), "started": timestamp(self._clock.now()), "version": __version__}
        (self.state / "engine.json").write_text(json.dumps(about), encoding="utf-8")
        self._undo.callback(self._unlink, "engine.json")

    def _unlink(self, name: str) -> None:
        if self._lock.holds():
            (self.state / name).unlink(missing_ok=True)

    async def _until_lost(self) -> None:
        """Return when the state folder is not the one that this engine has locked any more."""
        while True:  # nothing tells of it
            if not self._lock.holds():
                return
            await asyncio.sleep(LOOK_SECONDS)

    def _token(self) -> str:
        path = self.state / "token"
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(32))
        return path.read_text().strip()

    # ------------------------------------------------------------------------------------------ end

    async def run_until(self, asked: asyncio.Event) -> None:
        """Until `asked` is set or the API is asked to shut down. Raises what the database says when it cannot be written, and Unavailable
        when the state folder was removed."""
        waits: list[asyncio.Future[Any]] = [asyncio.ensure_future(asked.wait()), asyncio.ensure_future(self._asked.wait())]
        try:
            await asyncio.wait([*waits, self._watch, self.controller.failed], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self.controller.failed.done():
            with readable(self.state / "engine.db"):
                self.controller.failed.result()
        if self._watch.done():
            raise Unavailable(f"{self.state} was removed while an engine was using it: stop the engine before you remove its state folder")

    async def run_forever(self) -> None:
        """Until the API is asked to shut down."""
        await self.run_until(asyncio.Event())

    async def _bucket(self) -> S3Bucket:
        return await self.stand_ins.bucket()

    async def _stop_bucket(self) -> None:
        await self.stand_ins.stop(self._detach, self._lock.holds())

    async def _stop_pods(self) -> None:
        await self.controller.close(stop_pods=not self._detach and self._lock.holds())
        await self.pods.close(kill=not self._detach)

    # ------------------------------------------------------------------------------------------ workflows

    async def run_to_end(self, documents: Sequence[Document]) -> list[Doc]:
        """Apply the documents, submit their Workflows in order, and return those when they have ended."""
        self._check(documents)
        trees = [d.doc for d in documents]
        await self.provide(trees)
        await self.apply_all([doc for doc in trees if doc.get("kind") != "Workflow"])
        created = [self.admission.create(doc) for doc in trees if doc.get("kind") == "Workflow"]
        waiting = [asyncio.ensure_future(self._ended(workflow["metadata"]["name"])) for workflow in created]
        try:
            return list(await asyncio.gather(*waiting))
        finally:
            for each in waiting:
                each.cancel()

    async def _ended(self, name: str) -> Doc:
        """The Workflow at its end, before its `ttlStrategy` may delete it."""
        await self.ended(name)
        return self.workflow(name)

    def workflow(self, name: str) -> Doc:
        """The Workflow as it is now, in Argo's shape. Raises NotFound."""
        return self.admission.get("Workflow", name)

    def on_change(self, callback: Callable[[str], None]) -> None:
        """From now on call back with the name of each Workflow that was created, changed or deleted, once that is on disk.

        The callback runs in the engine's event loop and must not block.
        """
        self.controller.listeners.append(callback)

    async def ended(self, name: str) -> None:
        """Return when the Workflow has ended. Raises NotFound, and what made the engine fail."""
        await self.until(name, lambda run: run.head.get("phase") in FINISHED)

    async def until(self, name: str, holds: Callable[[Run], bool]) -> None:
        """Return when the condition holds for the Workflow's run. Raises NotFound, and what made the engine fail."""
        await self._waiters.until(name, holds)

    def _semaphore_changed(self, kind: str, name: str) -> None:
        if kind == "ConfigMap":  # after the transaction that changes it
            asyncio.get_running_loop().call_soon(self.controller.locks.review)

    def _pod_exited(self, exit: PodExit) -> None:
        self.controller.pod_exited(exit)

    def _pod_running(self, node_id: str, at: float) -> None:
        self.controller.pod_running(node_id, at)

    # ------------------------------------------------------------------------------------------ what the API asks

    def info(self) -> Doc:
        """Process, version, namespace, the variables with which a shell reaches bucket and webhook, and the sources."""
        environment = dict(self.stand_ins.environment)
        if self.sources.where:
            environment[self._settings.variable("WEBHOOK_URL")] = next(iter(self.sources.where.values()))
            environment[self._settings.variable("WEBHOOK_TOKEN")] = self.stand_ins.secret(WEBHOOK_NAME, "token") or ""
        about = {"pid": os.getpid(), "version": __version__, "namespace": self.namespace}
        return {**about, "environment": environment, "sources": self.sources.describe()}

    async def provide(self, documents: Sequence[Doc]) -> None:
        """Make what the documents expect of a cluster, before they are stored."""
        await self.stand_ins.provide(documents)

    async def apply_all(self, documents: Sequence[Doc]) -> list[Doc]:
        """Check the documents together, then create or replace all of them or none; then restart the sources if one changed."""
        self._check([Document(d) for d in documents])
        try:
            with transaction(self._db):
                applied = [self.admission.apply(doc, checked=True) for doc in documents]
                self._documents.world()  # unsupported settings of the controller's ConfigMap are refused here
        except BaseException:
            self._documents.reload()
            raise
        if any(doc["kind"] in ("EventBus", "EventSource", "Sensor") for doc in applied):
            await self._reopen_sources()
        return applied

    async def deleted(self, kind: str, name: str) -> None:
        """Delete a document; an EventSource or a Sensor stops."""
        self.admission.delete(kind, name)
        if known_kind(kind) in ("EventSource", "Sensor"):
            await self._reopen_sources()

    async def _reopen_sources(self) -> None:
        if self._sources_open:
            paused = {row["source"] for row in self.sources.describe() if row["state"] == "paused"}
            await self.sources.close()
            await self.sensors.close()
            await self._open_sources([name for name in paused if self._documents.get("EventSource", name)])

    def _check(self, documents: Sequence[Document]) -> None:
        """Refuse what cannot be applied. A Workflow that Argo would accept and then fail is let through, to fail the same way."""
        findings = check(documents, [Document(d) for d in self._documents.everything()])
        refuse([f for f in findings if not f.message.startswith(INVALID_SPEC)])

    async def pause(self, source: str, paused: bool) -> None:
        """Pause or resume an EventSource. Raises NotFound."""
        await self.sources.pause(source, paused)

    async def tick(self, source: str, event: str) -> Doc:
        """Fire a calendar event by hand. Raises NotFound."""
        return tree(await self.sources.tick(source, event))

    def journal(self, limit: int, asked: journal.Asked | None = None) -> Doc:
        """The newest events that are asked for, what became of each, and the lag of every trigger."""
        subjects = self.sensors.subjects()
        return {"events": self.bus.told(limit, asked or journal.Asked(), subjects), "triggers": self.bus.lag(subjects)}

    def event(self, event_id: str) -> Doc:
        """One event. Raises NotFound."""
        return tree(self.bus.get(event_id))

    def shut_down(self) -> None:
        """Let `run_until` return."""
        self._asked.set()


async def run_files(
    state: Path, documents: Sequence[Document], opened: Callable[[Engine], None] | None = None, settings: Settings = DEFAULTS
) -> list[Doc]:
    """Run the Workflows of the documents in an engine that ends with them; the Workflows in the order of the documents.

    `opened` is called with the engine before the first Workflow starts.
    """
    async with Engine(state, namespace=namespace_of([d.doc for d in documents], ""), settings=settings) as engine:
        if opened is not None:
            opened(engine)
        return await engine.run_to_end(documents)
