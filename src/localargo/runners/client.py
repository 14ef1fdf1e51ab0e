"""Pods as processes: the engine's side. The pod hosts own the processes; the pods' folders record what has happened."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from pathlib import Path
from typing import Literal
from weakref import WeakValueDictionary

from localargo.errors import LocalArgoError, Unavailable
from localargo.ports import MAIN, Artifacts, ContainerExit, Json, PodExit, PodSpec, StoredOutputs
from localargo.runners import claims, processes
from localargo.runners.follow import read_log
from localargo.runners.hostlink import HostLink, Kind, code_hash
from localargo.runners.layout import Layout, machine_folders
from localargo.runners.needs import host_of
from localargo.runners.plan import Machine, Mode, Planner, default_slots, lay_out, runs_module_of
from localargo.runners.podfolder import PodFolder, forget_all, owned, write_json
from localargo.settings import WarmPackage

log = logging.getLogger(__name__)
STOPPED_EARLY = 143
TOGETHER = 64  # pods that a host is asked to start at once
LOOK_AGAIN = 1.0  # seconds, in case the end of a pod that is being removed is not reported


class ProcessPods:
    """Implements Pods. All methods, `on_exit` and `on_running` are called in one event loop.

    `isolation` "never": as on a kernel without namespaces. `ours`: whether the state folder still is, not another's in its place.
    """

    def __init__(
        self,
        state: Path,
        artifacts: Artifacts,
        on_exit: Callable[[PodExit], None],
        on_running: Callable[[str, float], None],
        *,
        warm: WarmPackage | None = None,
        ours: Callable[[], bool] = lambda: True,
        cwd: Path | None = None,
        slots: int | None = None,
        isolation: Literal["auto", "never"] = "auto",
    ) -> None:
        self.state = state.resolve()
        self.pods = self.state / "pods"
        self.claims = self.state / "claims"
        self.hosts = self.state / "hosts"
        for folder in (self.pods, self.claims, self.hosts):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._artifacts = artifacts
        self._on_exit = on_exit
        self._on_running = on_running
        home = (warm and warm.folder) or cwd or Path.cwd()
        self._machine = Machine.here(self.state, home.resolve(), warm.name if warm else "")
        self._ours = ours
        self._preload = warm.preload if warm else ()
        self._slots = slots or default_slots()
        self._no_isolation: str | None = "switched off" if isolation == "never" else None
        self._links: dict[str, HostLink] = {}
        self._running: set[str] = set()
        self._queue: OrderedDict[str, PodFolder] = OrderedDict()
        self._starting: list[PodFolder] = []  # these hold slots already
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._ends: dict[str, asyncio.Event] = {}
        self._stopped: set[str] = set()
        self._unwanted: set[str] = set()  # pods that are being removed, and owners of such: their ends are not reported
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    # ------------------------------------------------------------------------------------------ life

    async def start(self) -> None:
        """Connect to the running hosts and adopt their pods; hosts of other code are asked to end after their last pod."""
        own = {self._socket("plain"), self._socket("warm")}
        for socket in sorted(self.hosts.glob("*.sock")):
            link = self._link(socket.name)
            if not await link.connect():
                del self._links[socket.name]
                if socket.name not in own:
                    socket.unlink(missing_ok=True)
                continue
            self._running |= link.pods
            if socket.name not in own:
                with contextlib.suppress(Unavailable):
                    await link.request({"op": "end"})
        await self._look_for_lost()

    async def close(self, kill: bool) -> None:
        """Disconnect from the hosts; with `kill` their pods are ended first. A host without pods ends at once."""
        self._closing = True
        self._queue.clear()
        links = [link for link in self._links.values() if link.connected]
        ours = self._ours()
        if kill and not ours:  # what answers at the sockets' paths may be another's
            processes.kill([link.pid for link in links], signal.SIGTERM)
        for link in links if ours else ():
            with contextlib.suppress(Unavailable):
                await link.request({"op": "end", "kill": kill, "grace": 0.0})
        if kill:
            for _ in range(500):
                if not any(link.connected for link in links):
                    break
                await asyncio.sleep(0.01)
        for link in links:
            await link.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _socket(self, kind: Kind) -> str:
        return f"{kind}-{code_hash(self._preload)}.sock"

    def _link(self, socket_name: str) -> HostLink:
        if socket_name not in self._links:
            self._links[socket_name] = HostLink(self.hosts, socket_name, self._preload, self._heard, self._lost_host)
        return self._links[socket_name]

    def _task(self, work: asyncio.Task[None]) -> None:
        self._tasks.add(work)
        work.add_done_callback(self._tasks.discard)

    # ------------------------------------------------------------------------------------------ start of a pod

    async def ensure(self, pod: PodSpec) -> None:
        """Stage and start the pod, or report its end again. Returns when it has been started or waits for a slot."""
        folder = PodFolder(self.pods, pod.name)
        if not self._ours():
            return
        async with self._locks.setdefault(pod.name, asyncio.Lock()):
            if pod.owner and folder.owned_by() not in ("", pod.owner):  # it belongs to a deleted Workflow of the same name
                await self._remove(folder)
            state = folder.state()
            if state == "absent":
                try:
                    if folder.path.exists():  # left by an engine that was killed while staging, or by this pod's run before a retry
                        await asyncio.to_thread(folder.clear, keep_logs=False)
                    await self._stage(pod, folder)
                except LocalArgoError as e:
                    folder.create()
                    folder.claim(pod.owner)
                    self._end_without_host(folder, pod.node_id, pod.workflow, error=str(e))
                    return
                state = "staged"
            if pod.owner in self._unwanted:
                await self._remove(folder)
            elif state == "done":
                self._ended(folder)
            elif state == "lost":
                self._end_lost(folder, pod.node_id, pod.workflow)
            elif state == "running":
                self._running.add(pod.name)
                self._on_running(pod.node_id, folder.read_started().get("at", time.time()))
            elif pod.name not in self._queue and pod.name not in self._running:
                self._queue[pod.name] = folder
                self._pump()

    async def _stage(self, pod: PodSpec, folder: PodFolder) -> None:
        folder.claim(pod.owner)
        mode = await self._mode(pod)
        layout = Layout(folder, pod, self.claims, machine_folders() if mode == "isolated" else ())
        plan = Planner(pod, layout, mode, self._machine).document()
        lay_out(pod, layout, mode)  # a few small files: a thread would cost more
        await self._artifacts.stage(pod, layout)
        write_json(folder.spec, plan)

    async def _mode(self, pod: PodSpec) -> Mode:
        if runs_module_of(pod.containers[0], self._machine.warm):
            return "warm"
        if self._no_isolation is None:
            link = self._link(self._socket("plain"))
            await link.ready()
            self._no_isolation = (await link.request({"op": "hello", "isolation": True}))["no_isolation"]
            if self._no_isolation:
                log.warning("no mount namespaces here (%s): paths are relocated where a command allows it", self._no_isolation)
        return "relocated" if self._no_isolation else "isolated"

    def _pump(self) -> None:
        """Start waiting pods while there are slots; those of one turn of the event loop together."""
        idle = not self._starting
        while self._queue and len(self._running) < self._slots and not self._closing:
            name, folder = self._queue.popitem(last=False)
            self._running.add(name)
            self._starting.append(folder)
        if self._starting and idle:
            asyncio.get_running_loop().call_soon(self._launch)

    def _launch(self) -> None:
        starting, self._starting = self._starting, []
        by_host: dict[Kind, list[tuple[PodFolder, Json]]] = {}
        for folder in starting:
            spec = folder.read_spec()
            if folder.name in self._stopped:
                self._end_stopped(folder, spec)
            else:
                by_host.setdefault(host_of(spec), []).append((folder, spec))
        for kind, pods in by_host.items():
            for first in range(0, len(pods), TOGETHER):
                self._task(asyncio.create_task(self._run(kind, pods[first : first + TOGETHER])))

    async def _run(self, kind: Kind, pods: list[tuple[PodFolder, Json]]) -> None:
        """Pass pods to their host; a host that dies meanwhile is replaced once, and then the files decide."""
        link = self._link(self._socket(kind))
        for attempt in (1, 2):
            try:
                await link.ready()
                answers = (await link.request({"op": "run", "folders": [str(folder.path) for folder, _ in pods]}))["answers"]
                break
            except LocalArgoError as e:
                unknown = [pod for pod in pods if attempt == 1 and isinstance(e, Unavailable) and not pod[0].started.exists()]
                for folder, spec in pods:
                    if (folder, spec) not in unknown:
                        self._not_run(folder, spec, str(e))
                if not unknown:
                    return
                pods = unknown
        for (folder, spec), answer in zip(pods, answers, strict=True):
            if "error" in answer:
                self._not_run(folder, spec, f"the pod host refused: {answer['error']}")
            elif answer.get("done"):
                self._ended(folder)
            elif answer.get("lost"):
                self._end_lost(folder, spec["node_id"], spec["workflow"])
            elif folder.name in self._stopped:
                with contextlib.suppress(Unavailable):
                    await link.request({"op": "stop", "pod": folder.name, "grace": spec["grace"]})

    def _not_run(self, folder: PodFolder, spec: Json, error: str) -> None:
        """The host did not answer for the pod: its files say what happened to it."""
        state = folder.state()
        if state == "lost":
            self._end_lost(folder, spec["node_id"], spec["workflow"])
        elif state == "staged":
            self._end_without_host(folder, spec["node_id"], spec["workflow"], error=error)

    # ------------------------------------------------------------------------------------------ end of a pod

    def _heard(self, line: Json) -> None:
        if "exit" in line:
            self._ended(PodFolder(self.pods, line["exit"]))
        elif "started" in line:
            self._on_running(line["node_id"], line["at"])

    def _ended(self, folder: PodFolder, known: PodExit | None = None) -> None:
        """Report how the pod ended, once per request; `known` where its folder may not say it."""
        self._running.discard(folder.name)
        self._stopped.discard(folder.name)
        self._ends.setdefault(folder.name, asyncio.Event()).set()
        ended = folder.read_exit() or known
        if ended is not None and self._unwanted.isdisjoint((folder.name, folder.owned_by())):
            self._on_exit(ended)
        self._pump()

    def _end_without_host(self, folder: PodFolder, node_id: str, workflow: str, *, error: str = "", lost: bool = False) -> None:
        now = time.time()
        started = folder.read_started().get("at", now)
        ended = PodExit(folder.name, node_id, workflow, started, now, (), lost, error)
        folder.write_exit(ended)
        self._ended(folder, ended)

    def _end_lost(self, folder: PodFolder, node_id: str, workflow: str) -> None:
        """The host is gone, and the exit code with it. Kill what the pod may have left running."""
        if folder.exit.exists():
            return  # noticed twice: by its request and by the loss of its host
        self._end_what_is_left(folder)
        self._end_without_host(folder, node_id, workflow, lost=True)

    def _end_what_is_left(self, folder: PodFolder) -> None:
        if folder.read_started().get("boot") == processes.boot_id():
            for pid in processes.left_by(folder.path):
                processes.kill(processes.tree(pid))

    def _end_stopped(self, folder: PodFolder, spec: Json) -> None:
        """The pod was stopped before it started: its containers end as after SIGTERM."""
        now = time.time()
        ends = tuple(ContainerExit(c["name"], STOPPED_EARLY, "Error", now, now) for c in spec["containers"])
        ended = PodExit(folder.name, spec["node_id"], spec["workflow"], now, now, ends)
        folder.write_exit(ended)
        self._ended(folder, ended)

    async def _lost_host(self, link: HostLink) -> None:
        """A host is gone and its pods with it; those whose end it could still write are reported as ended. (Or it has only disconnected
        from an engine that did not read: then it is still there.)"""
        if self._closing:
            return
        await link.connect()
        for name in sorted(self._running):
            folder = PodFolder(self.pods, name)
            state = folder.state()
            if state == "done":
                self._ended(folder)
            elif state == "lost":
                spec = folder.read_spec()
                self._end_lost(folder, spec["node_id"], spec["workflow"])

    async def _look_for_lost(self) -> None:
        """Kill what pods of a dead host left running. Their ends are reported when the pods are requested."""
        for path in sorted(self.pods.iterdir()):
            folder = PodFolder(self.pods, path.name)
            if folder.state() == "lost":
                await asyncio.to_thread(self._end_what_is_left, folder)

    # ------------------------------------------------------------------------------------------ the rest of the port

    async def stop(self, pod: str, grace_seconds: float) -> None:
        """Send SIGTERM, then SIGKILL. A pod that waits for a slot is never started; one that is being staged is stopped right after it."""
        folder = PodFolder(self.pods, pod)
        state = folder.state()
        if state in ("done", "lost"):
            return
        self._stopped.add(pod)
        if self._queue.pop(pod, None) is not None:
            self._end_stopped(folder, folder.read_spec())
            return
        for link in self._links.values():
            if link.connected:
                with contextlib.suppress(Unavailable):
                    await link.request({"op": "stop", "pod": pod, "grace": grace_seconds})

    async def collect(self, pod: PodSpec) -> StoredOutputs:
        """Collect the pod's outputs; see `Artifacts.collect`."""
        folder = PodFolder(self.pods, pod.name)
        layout = Layout(folder, pod, self.claims, folder.read_spec()["machine"])
        result = folder.result(MAIN) if pod.capture_result else None
        return await self._artifacts.collect(pod, layout, result, folder.log(MAIN))

    async def forget(self, pod: str) -> None:
        """Remove the pod's folder except its logs."""
        async with self._locks.setdefault(pod, asyncio.Lock()):
            if self._ours():
                await asyncio.to_thread(PodFolder(self.pods, pod).clear, keep_logs=True)
        self._ends.pop(pod, None)
        self._stopped.discard(pod)

    async def discard(self, owner: str) -> None:
        """End the pods of a deleted Workflow; remove everything kept of them, and the claims created for it."""
        self._unwanted.add(owner)
        claims.put_aside(self.claims, lambda found: found == owner)
        await asyncio.to_thread(claims.sweep, self.claims)
        await self._discard_all({folder: found for folder, found in (await asyncio.to_thread(owned, self.pods)).items() if found == owner})

    async def remove(self, pod: str, owner: str) -> None:
        """Remove the pod's folder with its logs if it belongs to that owner."""
        await self._discard(PodFolder(self.pods, pod), owner)

    async def keep_only(self, owners: Collection[str], pods: Collection[str]) -> Mapping[str, str]:
        """Finish what a killed engine left undone. Returns once that is known; folders are removed in the background."""
        claims.put_aside(self.claims, lambda found: found not in owners)
        await asyncio.to_thread(claims.sweep, self.claims)
        folders = await asyncio.to_thread(owned, self.pods)
        left = {folder: owner for folder, owner in folders.items() if owner not in owners}
        if left:
            self._task(asyncio.create_task(self._discard_all(left)))
        await asyncio.to_thread(forget_all, [folder for folder in folders if folder not in left and folder.name not in pods])
        return {folder.name: owner for folder, owner in folders.items() if folder not in left}

    async def _discard_all(self, folders: Mapping[PodFolder, str]) -> None:
        for folder, owner in folders.items():
            await self._discard(folder, owner)

    async def _discard(self, folder: PodFolder, owner: str) -> None:
        async with self._locks.setdefault(folder.name, asyncio.Lock()):
            if self._ours() and folder.owned_by() == owner:
                await self._remove(folder)

    async def _remove(self, folder: PodFolder) -> None:
        """Call it with the pod's lock held."""
        self._unwanted.add(folder.name)
        try:
            ended = self._ends.setdefault(folder.name, asyncio.Event())
            await self.stop(folder.name, 0.0)
            while folder.state() == "running" or (folder.state() == "staged" and folder.name in self._running):
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(ended.wait(), LOOK_AGAIN)
                ended.clear()
            await asyncio.to_thread(folder.clear, keep_logs=False)
        finally:
            for kept in (self._unwanted, self._stopped, self._running):
                kept.discard(folder.name)
            self._ends.pop(folder.name, None)
            self._pump()

    async def logs(self, pod: str, container: str, follow: bool) -> AsyncIterator[bytes]:
        """The container's output. Following ends when the pod has ended."""
        folder = PodFolder(self.pods, pod)
        ended = None
        if follow and folder.state() in ("staged", "running"):
            ended = self._ends.setdefault(pod, asyncio.Event())
            if folder.state() not in ("staged", "running"):
                ended.set()
        async for data in read_log(folder.log(container), ended):
            yield data
