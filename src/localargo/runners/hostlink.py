"""The engine's connection to one pod host: starts the host when necessary and listens to it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

from localargo.errors import Unavailable
from localargo.ports import Json

Kind = Literal["plain", "warm"]
HERE = Path(__file__).parent
SOURCES = ("host.py", "child.py", "isolated.py", "processes.py", "supervise.py")
LINGER_SECONDS = 10.0  # how long a host without pods waits for an engine that went away without a word
START_SECONDS = 60.0  # the warm host imports its libraries before it answers
KEPT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


@functools.cache
def code_hash(preload: tuple[str, ...]) -> str:
    """Names the interpreter, the code and the imported modules: an engine that differs in one starts its own hosts, and the old ones
    end after their last pod."""
    digest = hashlib.sha256("\0".join((sys.executable, *preload)).encode())
    for name in SOURCES:
        digest.update((HERE / name).read_bytes())
    return digest.hexdigest()[:12]


def host_environment() -> dict[str, str]:
    """The environment of a host: only where programs and libraries are. One thread per numerical library,
    because the libraries read these variables when they are loaded."""
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return environment | threads | {"OMP_WAIT_POLICY": "passive"}


class HostLink:
    """One host. `on_line` gets every line that it sends; `on_lost` is called when it has ended without being asked to."""

    def __init__(
        self,
        hosts: Path,
        socket_name: str,
        preload: tuple[str, ...],
        on_line: Callable[[Json], None],
        on_lost: Callable[[HostLink], Awaitable[None]],
    ) -> None:
        self.hosts = hosts
        self.name = socket_name
        self.kind = socket_name.split("-", 1)[0]
        self.linger = LINGER_SECONDS
        self._preload = preload if self.kind == "warm" else ()
        self.pid = 0
        self.pods: set[str] = set()  # the pods that it ran when the connection was made
        self._on_line = on_line
        self._on_lost = on_lost
        self._lock = asyncio.Lock()
        self._listener: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def connected(self) -> bool:
        """Whether ends of pods are being received."""
        return self._listener is not None and not self._listener.done()

    async def ready(self) -> None:
        """Connect, after starting the host if necessary. Raises Unavailable."""
        async with self._lock:
            if self.connected:
                return
            for attempt in range(20):  # a host that is about to end still holds its lock for a moment
                if await self.connect():
                    return
                await self._spawn()
                if await self.connect():
                    return
                await asyncio.sleep(0.02 * (attempt + 1))
            raise Unavailable(f"the {self.kind} pod host does not answer: see {self.hosts / self.kind}.log")

    async def connect(self) -> bool:
        """Connect to a running host; False when there is none."""
        if self.connected:
            return True
        try:
            reader, writer = await self._open()
        except OSError:
            return False
        try:
            writer.write(b'{"op": "watch"}\n')
            first = json.loads(await asyncio.wait_for(reader.readline(), START_SECONDS) or b"null")
        except (OSError, ValueError, TimeoutError):
            first = None
        if first is None:
            writer.close()
            return False
        self.pid, self.pods = first["pid"], set(first["pods"])
        self._writer = writer
        self._listener = asyncio.create_task(self._listen(reader, writer))
        return True

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect through the open folder, because a socket's path is limited to about 100 bytes."""
        path = str(self.hosts / self.name)
        if sys.platform != "linux":
            return await asyncio.open_unix_connection(path)
        folder = os.open(self.hosts, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return await asyncio.open_unix_connection(f"/proc/self/fd/{folder}/{self.name}")
        finally:
            os.close(folder)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                self._on_line(json.loads(line))
        except (OSError, ValueError):
            pass
        finally:
            writer.close()
        self._listener = None
        await self._on_lost(self)

    async def _spawn(self) -> None:
        command = [sys.executable, "-P", str(HERE / "host.py"), str(self.hosts), self.name, self.kind, str(self.linger), *self._preload]
        process = await asyncio.create_subprocess_exec(
            *command,
            env=host_environment(),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, errors = await process.communicate()
        if process.returncode != 0:
            raise Unavailable(f"the {self.kind} pod host could not be started: {errors.decode(errors='replace').strip()}")

    async def request(self, request: dict[str, Json]) -> dict[str, Json]:
        """Send one request and return its answer. Raises Unavailable when the host is gone."""
        try:
            reader, writer = await self._open()
        except OSError as e:
            raise Unavailable(f"the {self.kind} pod host does not answer: {e}") from None
        try:
            writer.write(json.dumps(request).encode() + b"\n")
            answer: dict[str, Json] = json.loads(await asyncio.wait_for(reader.readline(), START_SECONDS))
        except (OSError, ValueError, TimeoutError) as e:
            raise Unavailable(f"the {self.kind} pod host gave no answer: {e}") from None
        finally:
            writer.close()
        return answer

    async def close(self) -> None:
        """Stop listening; the host keeps running."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listener
