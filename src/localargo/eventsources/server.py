"""One uvicorn server in the running loop, on a socket that is already bound, with limits on time and size for unknown clients."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from localargo.errors import Unavailable

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

CONNECTIONS = 512
BACKLOG = 2048
HEAD_SECONDS = 10.0  # for the head of a request
IDLE_SECONDS = 30  # between two requests of a connection


def bind(port: int, free: bool, host: str = "127.0.0.1") -> socket.socket:
    """A listening socket, by default on loopback. Raises Unavailable for a port that is in use, unless any free port will do."""
    # asyncio sends small packets at once only when the protocol is named; else every answer takes 40 ms longer
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, 0 if free else port))
    except OSError as error:
        bound.close()
        message = f"port {port} of a webhook is not available ({error.strerror})"
        raise Unavailable(f"{message}: stop the program that uses it, or start the engine on free ports") from error
    bound.listen(BACKLOG)
    return bound


class Server:
    """Serves an application until `stop`."""

    def __init__(self, app: ASGIApp, bound: socket.socket) -> None:
        self.socket = bound
        self.head_seconds = HEAD_SECONDS
        self._app = app
        self._server: uvicorn.Server | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when requests are answered."""
        import uvicorn

        class Quiet(uvicorn.Server):
            @contextlib.contextmanager
            def capture_signals(self) -> Iterator[None]:
                yield  # signals are the engine's

        config = uvicorn.Config(
            self._app,
            http=impatient(self.head_seconds),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=2,
            timeout_keep_alive=IDLE_SECONDS,
            limit_concurrency=CONNECTIONS,
        )
        self._server = Quiet(config)
        self._task = asyncio.ensure_future(self._server.serve(sockets=[self.socket]))
        while not self._server.started:
            if self._task.done():
                await self._task
                raise Unavailable("a webhook server ended before it answered")
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await self._task
        self.socket.close()


def impatient(seconds: float) -> type[asyncio.Protocol]:
    """uvicorn's HTTP protocol, closing connections that do not finish the head of a request in time."""
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class Impatient(H11Protocol):
        _timer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            self._rest()

        def _watch(self) -> None:
            if self._answering():
                self._rest()
            elif self._timer is None:
                self._timer = self.loop.call_later(seconds, self._expire)

        def _answering(self) -> bool:
            return self.cycle is not None and not self.cycle.response_complete

        def _rest(self) -> None:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None

        def _expire(self) -> None:
            self._timer = None
            if not self._answering():
                self.transport.close()

    return Impatient
