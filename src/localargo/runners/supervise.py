"""One pod as the pod host sees it: its containers from fork to exit code. Loaded by the pod host: standard library only."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

RESULT_BYTES = 256 * 1024 + 1  # bytes of standard output that are kept: the longest result and a newline
DEADLINE_MESSAGE = "Pod was active on the node longer than the specified deadline"
AGAIN_SECONDS = 1.0  # between two tries to write how a pod has ended
SAMPLE_SECONDS = 0.2


class Surroundings(Protocol):
    """What a pod needs of the host."""

    child: Any
    processes: Any
    isolated: Any
    boot: str

    def at(self, when: float, call: Callable[[], None]) -> None:
        """Call at a time of the monotonic clock."""

    def watch(self, descriptor: int, call: Callable[[], object]) -> None:
        """Call whenever the file is readable."""

    def unwatch(self, descriptor: int) -> None:
        """Stop calling."""

    def tell(self, line: dict[str, Any]) -> None:
        """Send a line to every watcher."""


def write_json(path: Path, value: Any) -> None:
    """Write a file atomically."""
    partial = Path(f"{path}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "wb", buffering=0) as file:
        file.write(json.dumps(value).encode())
    partial.replace(path)


def if_there(method: Callable[[], None]) -> Callable[[], None]:
    """The method as a callback that does not keep its object alive: a deadline in days must not keep an ended pod in memory."""
    found = weakref.WeakMethod(method)

    def call() -> None:
        there = found()
        if there is not None:
            there()

    return call


class Container:
    """The process of a pod: waiting, running (`pid`), or ended (`ended`)."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.name: str = spec["name"]
        self.pid = 0
        self.started = 0.0
        self.status = -1
        self.out = -1
        self.log = -1
        self.tail = bytearray()
        self.killed_for = ""  # message that says why the host killed it
        self.ended: dict[str, Any] | None = None

    def finish(self, code: int, reason: str, message: str = "") -> None:
        """Record the end; the container does not run again."""
        now = time.time()
        self.ended = {
            "name": self.name,
            "exit_code": code,
            "reason": reason,
            "started_at": self.started or now,
            "finished_at": now,
            "message": message,
        }


class Pod:
    """One pod and its container. `done` is True once `exit.json` is written."""

    def __init__(self, folder: Path, host: Surroundings) -> None:
        self.host = host
        self.folder = folder
        self.spec: dict[str, Any] = json.loads((folder / "spec.json").read_bytes())
        self.name: str = self.spec["pod"]
        self.lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self.lock)
            raise
        (container,) = self.spec["containers"]
        self.container = Container(container)
        self.started = 0.0
        self.deadline_passed = False
        self.done = False

    # ------------------------------------------------------------------------------------------ start

    def begin(self) -> None:
        """Start the container."""
        deadline = self.spec["deadline"]
        if deadline is not None:
            self.host.at(time.monotonic() + max(0.0, deadline - time.time()), if_there(self._deadline))
        stop_at = self.spec.get("stop_at")
        if stop_at is not None and (deadline is None or stop_at < deadline):
            self.host.at(time.monotonic() + max(0.0, stop_at - time.time()), if_there(self._told_to_end))
        self._fork(self.container)

    def _fork(self, container: Container) -> None:
        self._note_start()  # before the fork: a pod that may have run is never run again
        status_reader, status_writer = os.pipe()
        out_reader, out_writer = os.pipe() if container.spec["result"] else (-1, -1)
        host = os.getpid()
        plan = container.spec["isolation"]
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # one that arrives early waits until the child has its own handlers
        pid = os.fork()
        if pid == 0:
            enter = (lambda: self.host.isolated.enter(plan)) if plan else None
            self.host.child.begin(container.spec, enter, host, status_writer, out_writer if out_writer >= 0 else None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        container.pid, container.started = pid, time.time()
        os.close(status_writer)
        container.status = status_reader
        if out_reader >= 0:
            os.close(out_writer)
            os.set_blocking(out_reader, False)
            container.out = out_reader
            container.log = os.open(container.spec["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            self.host.watch(out_reader, lambda: self._copy(container))
        self.host.tell({"started": self.name, "node_id": self.spec["node_id"], "at": self.started})
        if container.spec["memory"]:
            self.host.at(time.monotonic() + SAMPLE_SECONDS, lambda: self._weigh(container, pid))

    def _note_start(self) -> None:
        self.started = time.time()
        write_json(self.folder / "started.json", {"at": self.started, "boot": self.host.boot, "host": os.getpid()})

    def _copy(self, container: Container) -> bool:
        """Copy available data from the pipe of standard output to the log; False when there is no more."""
        try:
            data = os.read(container.out, 65536)
        except BlockingIOError:
            return False
        if not data:
            self._close(container)
            return False
        view = memoryview(data)
        with contextlib.suppress(OSError):  # a full disk loses lines of a log, and ends no pod
            while view:
                view = view[os.write(container.log, view) :]
        container.tail += data
        del container.tail[:-RESULT_BYTES]
        return True

    # ------------------------------------------------------------------------------------------ limits

    def _deadline(self) -> None:
        if not self.done:
            self.deadline_passed = True
            self.stop(self.spec["grace"])

    def _told_to_end(self) -> None:
        self.stop(self.spec["grace"])

    def _weigh(self, container: Container, pid: int) -> None:
        """Kill the container when its processes use more memory than its limit. The cheap sum, which counts shared pages repeatedly, is
        computed exactly only when it is above the limit."""
        if container.pid != pid:
            return
        limit = container.spec["memory"]
        pids = self.host.processes.tree(pid)
        if self.host.processes.resident(pids) > limit:
            used = self.host.processes.private(pids, forked=container.spec["warm"])
            if used > limit:
                container.killed_for = (
                    f"used {used / 2**20:.0f} MiB of memory, its limit is {limit / 2**20:.0f} MiB: "
                    f"raise resources.limits.memory of container {container.name}"
                )
                self._kill(container)
                return
        self.host.at(time.monotonic() + SAMPLE_SECONDS, lambda: self._weigh(container, pid))

    def stop(self, grace: float) -> None:
        """Send SIGTERM to the container's process group, and SIGKILL after the grace period."""
        if self.done:
            return
        pid = self.container.pid
        if pid and not self.host.processes.kill_group(pid, signal.SIGTERM):
            self.host.processes.kill([pid], signal.SIGTERM)  # it has not created its group yet
        self.host.at(time.monotonic() + max(0.0, grace), self.kill)

    def kill(self) -> None:
        """Send SIGKILL to every process of the container."""
        if self.container.pid:
            self._kill(self.container)

    def _kill(self, container: Container) -> None:
        descendants = self.host.processes.tree(container.pid)
        self.host.processes.kill_group(container.pid, signal.SIGKILL)
        self.host.processes.kill(descendants)

    # ------------------------------------------------------------------------------------------ end

    def owns(self, pid: int) -> bool:
        """Whether the process is the pod's container."""
        return self.container.pid == pid

    def end_group(self, pid: int) -> None:
        """Kill what a container left in the background."""
        self.host.processes.kill_group(pid, signal.SIGKILL)

    def reaped(self, pid: int, wait_status: int) -> None:
        """The host has reaped a container's process."""
        container = self.container
        container.pid = 0
        error = self._read_status(container)
        self._drain(container)
        code = os.waitstatus_to_exitcode(wait_status)
        code = 128 - code if code < 0 else code
        if container.killed_for:
            container.finish(137, "OOMKilled", container.killed_for)
        elif self.deadline_passed:  # the pod has failed, whatever its exit code is
            container.finish(code, "DeadlineExceeded", DEADLINE_MESSAGE)
        else:
            container.finish(code, "Completed" if code == 0 else "Error", error)
        self._finish()

    def _read_status(self, container: Container) -> str:
        """Why the command could not be started; "" when it was."""
        with os.fdopen(container.status, "rb") as told:
            os.set_blocking(told.fileno(), False)
            lines = (told.read() or b"").splitlines()
        container.status = -1
        error = ""
        for line in lines:
            error = json.loads(line)["error"]
        return error

    def _drain(self, container: Container) -> None:
        """Read what the pipe still contains, without waiting for a background process that keeps it open."""
        while container.out >= 0 and self._copy(container):
            continue
        self._close(container)
        if container.spec["result"]:
            with contextlib.suppress(OSError):  # the engine then misses it, and says so
                Path(container.spec["result"]).write_bytes(container.tail)

    def _close(self, container: Container) -> None:
        if container.out >= 0:
            self.host.unwatch(container.out)
            os.close(container.out)
            os.close(container.log)
            container.out = container.log = -1

    def _finish(self) -> None:
        """Write how the pod ended, then release its lock."""
        if self.done:
            return
        doc = {
            "pod": self.name,
            "node_id": self.spec["node_id"],
            "workflow": self.spec["workflow"],
            "started_at": self.started or time.time(),
            "finished_at": time.time(),
            "containers": [self.container.ended],
            "lost": False,
            "error": "",
        }
        try:
            write_json(self.folder / "exit.json", doc)
        except FileNotFoundError:
            pass  # the folder was removed: nobody waits for this pod any more
        except OSError:  # its disk is full: the pod's end is kept until there is space
            self.host.at(time.monotonic() + AGAIN_SECONDS, if_there(self._finish))
            return
        self.done = True
        os.close(self.lock)
        self.host.tell({"exit": self.name})
