"""One uvicorn server in the running loop, on a socket that is bound already, with bounds on time and size for strangers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from retrain.errors import Unavailable

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import ASGIApp

CONNECTIONS = 512
BACKLOG = 2048


def bind(port: int, free: bool) -> socket.socket:
    """A listening socket on 127.0.0.1. A port that is taken is Unavailable unless any free one will do."""
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", 0 if free else port))
    except OSError as error:
        bound.close()
        raise Unavailable(f"port {port} of a webhook cannot be taken ({error.strerror}): end who has it, or use `--ports free`") from error
    bound.listen(BACKLOG)
    return bound


class Server:
    """Serves an application until `stop`."""

    def __init__(self, app: ASGIApp, bound: socket.socket) -> None:
        self.socket = bound
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
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            timeout_graceful_shutdown=2,
            timeout_keep_alive=30,
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
