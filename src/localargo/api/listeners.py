"""Where the application listens: a unix socket in the state folder that its owner alone may use, and TCP on loopback if asked."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from localargo.errors import InvalidInput, Unavailable
from localargo.loopback import is_loopback

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

SHUTDOWN_SECONDS = 2  # the longest time that an open stream delays the end of the engine
LONGEST_PATH = 100  # bytes of a unix socket's address; the kernels' limits are 104 and 108


class Listener:
    """One uvicorn server in the running event loop, on a socket that is already bound."""

    def __init__(self, app: ASGIApp, bound: socket.socket) -> None:
        self.socket = bound
        self._app = app
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._asked = asyncio.Event()

    async def start(self) -> None:
        """Return when the server answers requests."""
        import uvicorn

        asked = self._asked

        class Server(uvicorn.Server):
            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                yield  # the engine handles signals

            async def main_loop(self) -> None:
                await asked.wait()  # instead of polling ten times a second

        config = uvicorn.Config(
            self._app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            date_header=False,  # uvicorn's clock for it runs in the main loop that is replaced here
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            timeout_keep_alive=60,
        )
        self._server = Server(config)
        self._task = asyncio.ensure_future(self._server.serve(sockets=[self.socket]))
        while not self._server.started:
            if self._task.done():
                await self._task
                raise Unavailable("the API server ended before it answered")
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """Stop answering; open requests get a moment to finish."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            self._asked.set()
            await self._task
        self.socket.close()


def bind_unix(path: Path) -> socket.socket:
    """A listening socket at the path, mode 0600. Replaces one that a dead engine left: this engine holds the state folder's lock."""
    path.unlink(missing_ok=True)
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        with short(path) as address:
            bound.bind(address)
    except OSError as error:
        bound.close()
        raise Unavailable(f"{path}: {error.strerror}: choose another state folder") from None
    finally:
        os.umask(mask)
    bound.setblocking(False)
    return bound


@contextlib.contextmanager
def short(path: Path) -> Iterator[str]:
    """The path, or, when it is too long for a socket's address, one through a symbolic link in the temporary folder."""
    text = str(path.absolute())
    if len(os.fsencode(text)) <= LONGEST_PATH:
        yield text
        return
    with tempfile.TemporaryDirectory(prefix="localargo-") as folder:
        link = Path(folder) / "s"
        link.symlink_to(path.absolute().parent)
        yield str(link / path.name)


def bind_tcp(listen: str) -> socket.socket:
    """A socket at HOST:PORT, where HOST is this machine's loopback. Raises InvalidInput, Unavailable."""
    host, _, port = listen.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not port.isdigit() or int(port) > 65535 or not is_loopback(host):
        raise InvalidInput(f"listen address {listen}: expected HOST:PORT with a loopback address, for example 127.0.0.1:2746")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, int(port)))
    except OSError as error:
        bound.close()
        raise Unavailable(f"listen address {listen}: {error.strerror}: choose another port") from None
    bound.setblocking(False)
    return bound
