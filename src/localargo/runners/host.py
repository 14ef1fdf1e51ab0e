"""The pod host: a small process, in a session of its own, whose children are the containers. It outlives the engine.

    python host.py FOLDER SOCKET plain|warm LINGER [MODULE ...]

Standard library only (it must be safe to fork); the files beside it are loaded by path. It listens on `FOLDER/SOCKET`: one request and
one answer per connection, each a line of JSON; a connection that sends `watch` stays open and receives starts and ends. It ends itself
when it has no pods and no watcher for LINGER seconds. MODULEs are imported before it takes requests.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gc
import heapq
import importlib.util
import itertools
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

PR_SET_CHILD_SUBREAPER = 36
LARGEST_REQUEST = 1 << 20
CAN_PEEK = hasattr(os, "waitid")  # macOS has it since Python 3.13


def beside(name: str) -> ModuleType:
    """A module of this folder, loaded without its package."""
    spec = importlib.util.spec_from_file_location(f"localargo_host_{name}", Path(__file__).with_name(f"{name}.py"))
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Host:
    """The event loop: sockets, ended children, timers."""

    def __init__(self, listener: socket.socket, linger: float) -> None:
        self.child: Any = beside("child")
        self.processes: Any = beside("processes")
        self.isolated: Any = beside("isolated")
        self.boot: str = self.processes.boot_id()
        self.supervise: Any = beside("supervise")
        self.listener = listener
        self.selector = selectors.DefaultSelector()
        self.pods: dict[str, Any] = {}
        self.watchers: set[socket.socket] = set()
        self.timers: list[tuple[float, int, Callable[[], None]]] = []
        self.order = itertools.count()
        self.idle_since = time.monotonic()
        self.patience = self.linger = linger
        self.ending = False
        self.no_isolation: str | None = None
        self.gone: set[Path] = set()  # folders of ended pods that may have left processes
        self.requests: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "hello": self._hello,
            "run": self._run,
            "stop": self._stop,
            "end": self._end,
        }

    # ------------------------------------------------------------------------------------------ what pods need of the host

    def at(self, when: float, call: Callable[[], None]) -> None:
        """Call at a time of the monotonic clock."""
        heapq.heappush(self.timers, (when, next(self.order), call))

    def watch(self, descriptor: int, call: Callable[[], object]) -> None:
        """Call whenever the file can be read."""
        self.selector.register(descriptor, selectors.EVENT_READ, call)

    def unwatch(self, descriptor: int) -> None:
        """Stop calling."""
        self.selector.unregister(descriptor)

    def tell(self, line: dict[str, Any]) -> None:
        """Send a line to every watcher; one that does not read is disconnected (it reads the files when it reconnects)."""
        data = json.dumps(line).encode() + b"\n"
        for watcher in list(self.watchers):
            try:
                if watcher.send(data) != len(data):
                    self._drop(watcher)
            except OSError:
                self._drop(watcher)

    # ------------------------------------------------------------------------------------------ requests

    def _hello(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.no_isolation is None and request.get("isolation"):
            self.no_isolation = self.isolated.probe()
        return {"pid": os.getpid(), "pods": sorted(self.pods), "no_isolation": self.no_isolation}

    def _run(self, request: dict[str, Any]) -> dict[str, Any]:
        answers = [self._start(Path(folder)) for folder in request["folders"]]
        self._forget_done()
        return {"answers": answers}

    def _start(self, folder: Path) -> dict[str, Any]:
        if folder.name in self.pods:
            return {"ok": True}
        if (folder / "exit.json").exists():
            return {"done": True}
        try:
            pod = self.supervise.Pod(folder, self)
        except BlockingIOError:
            return {"ok": True}  # another host runs it
        except (OSError, ValueError, KeyError) as e:
            return {"error": f"{type(e).__name__}: {e}"}
        if (folder / "started.json").exists():
            os.close(pod.lock)
            return {"lost": True}
        self.pods[pod.name] = pod
        try:
            pod.begin()
        except OSError as e:  # nothing was started: its disk is full, for one
            del self.pods[pod.name]
            os.close(pod.lock)
            return {"error": f"{type(e).__name__}: {e}"}
        return {"ok": True}

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        pod = self.pods.get(request["pod"])
        if pod is not None:
            pod.stop(request["grace"])
            self._forget_done()
        return {"ok": pod is not None}

    def _end(self, request: dict[str, Any]) -> dict[str, Any]:
        """End as soon as there are no pods; with `kill` end the pods now."""
        self.linger = 0.0
        if request.get("kill"):
            for pod in list(self.pods.values()):
                pod.stop(request.get("grace", 0.0))
            self._forget_done()
        return {"ok": True}

    def _accept(self) -> None:
        connection, _ = self.listener.accept()
        connection.settimeout(5.0)
        line = b""
        try:
            while not line.endswith(b"\n") and len(line) < LARGEST_REQUEST:
                data = connection.recv(65536)
                if not data:
                    break
                line += data
            request = json.loads(line)
            if request["op"] == "watch":
                self._listen(connection)
                return
            answer = self.requests[request["op"]](request)
        except (OSError, ValueError, KeyError, TypeError) as e:
            answer = {"error": f"{type(e).__name__}: {e}"}
        with contextlib.suppress(OSError):
            connection.sendall(json.dumps(answer).encode() + b"\n")
        connection.close()

    def _listen(self, connection: socket.socket) -> None:
        connection.sendall(json.dumps({"pid": os.getpid(), "pods": sorted(self.pods)}).encode() + b"\n")
        connection.setblocking(False)
        self.watchers.add(connection)
        self.linger = self.patience
        self.selector.register(connection, selectors.EVENT_READ, lambda: self._drop(connection))

    def _drop(self, watcher: socket.socket) -> None:
        if watcher in self.watchers:
            self.watchers.discard(watcher)
            self.selector.unregister(watcher)
            watcher.close()
            self.idle_since = time.monotonic()

    # ------------------------------------------------------------------------------------------ children

    def _reap(self) -> None:
        """Reap every child that has ended. One that belongs to no container is an orphan that this process inherited."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = self._ended()
                if not pid:
                    break
                pod = next((pod for pod in self.pods.values() if pod.owns(pid)), None)
                if pod is not None:
                    pod.end_group(pid)
                if status is None:
                    _, status = os.waitpid(pid, 0)
                if pod is not None:
                    pod.reaped(pid, status)
        self._forget_done()

    def _ended(self) -> tuple[int, int | None]:
        """A child that has ended, 0 when there is none. Where possible it is not reaped yet (status None), so that nobody
        else gets its id meanwhile."""
        if not CAN_PEEK:
            return os.waitpid(-1, os.WNOHANG)
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return (0 if found is None else found.si_pid), None

    def _forget_done(self) -> None:
        ended = [pod for pod in self.pods.values() if pod.done]
        for pod in ended:
            del self.pods[pod.name]
            self.idle_since = time.monotonic()
        if ended or self.gone:
            self._sweep(ended)

    def _sweep(self, ended: list[Any]) -> None:
        """Kill processes that left their pod's process group and outlived it; this process has inherited them. When no pod is left,
        every such process is killed."""
        self.gone.update(pod.folder for pod in ended)
        known = {pod.container.pid for pod in self.pods.values()}
        strays = [pid for pid in self.processes.children(os.getpid()) if pid not in known]
        if not strays:
            self.gone.clear()
        for pid in strays:
            if not self.pods or any(self.processes.belongs(pid, folder) for folder in self.gone):
                self.processes.kill(self.processes.tree(pid))

    # ------------------------------------------------------------------------------------------ loop

    def terminate(self) -> None:
        """On SIGTERM (shutdown of the machine, or by hand): stop the pods first."""
        self._end({"kill": True, "grace": 5.0})
        self.ending = True

    def _finished(self) -> bool:
        if self.pods:
            return False
        if self.ending or (self.linger == 0.0):
            return True
        return not self.watchers and time.monotonic() - self.idle_since >= self.linger

    def _wait(self) -> float | None:
        now = time.monotonic()
        waits = [self.timers[0][0] - now] if self.timers else []
        if not self.pods and not self.watchers:
            waits.append(self.idle_since + self.linger - now)
        return max(0.0, min(waits)) if waits else None

    def serve(self) -> None:
        """Run until there is nothing left to do."""
        wake_reader, wake_writer = socket.socketpair()
        for end in (wake_reader, wake_writer):
            end.setblocking(False)
        signal.set_wakeup_fd(wake_writer.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: self.at(0.0, self.terminate))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)

        def woken() -> None:
            wake_reader.recv(65536)
            self._reap()

        self.selector.register(wake_reader, selectors.EVENT_READ, woken)
        self.selector.register(self.listener, selectors.EVENT_READ, self._accept)
        while not self._finished():
            for key, _ in self.selector.select(self._wait()):
                if key.fd in self.selector.get_map():  # an earlier call of this turn may have unregistered it
                    key.data()
            while self.timers and self.timers[0][0] <= time.monotonic():
                heapq.heappop(self.timers)[2]()


def listen(name: str) -> socket.socket | None:
    """The socket, or None when another host has it. The lock beside it is held until this process ends."""
    lock = os.open(f"{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    Path(name).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(name)
    Path(name).chmod(0o600)
    listener.listen(512)
    return listener


def main() -> None:
    """Listen, detach from the caller (which returns once the socket exists), and serve."""
    folder, name, kind, linger, *modules = sys.argv[1:]
    os.chdir(folder)  # a socket's path may be about 100 bytes long, so it is named from here
    listener = listen(name)
    if listener is None:
        return
    if os.fork():
        os._exit(0)
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    log = os.open(f"{kind}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(log, 1)
    os.dup2(log, 2)
    host = Host(listener, float(linger))
    if modules:
        host.child.preload(modules)
    gc.collect()
    gc.freeze()  # a collection in a child would copy every page that it looks at
    host.idle_since = time.monotonic()
    try:
        host.serve()
    finally:
        Path(name).unlink(missing_ok=True)
    sys.stderr.flush()
    os._exit(0)  # skips the exit handlers of the imported libraries


if __name__ == "__main__":
    main()
