"""HTTP endpoints of sources: one server for each port, shared by all events that listen there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal, Protocol

from localargo.errors import InvalidInput
from localargo.eventsources.envelope import Envelope
from localargo.eventsources.server import Server, bind

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


class HttpEndpoint(Protocol):
    """One path of one port."""

    @property
    def path(self) -> str: ...
    @property
    def envelope(self) -> Envelope: ...

    async def answer(self, scope: Scope, receive: Receive) -> tuple[int, str]:
        """Status and text of the answer to an ASGI request."""


class HttpPorts:
    """The endpoints of all sources and the servers on which they listen, at the ports of the manifests or at any free ones."""

    def __init__(self, ports: Literal["manifest", "free"], host: str) -> None:
        self._ports = ports
        self._host = host
        self._endpoints: dict[int, list[HttpEndpoint]] = {}
        self._servers: dict[int, Server] = {}

    def add(self, port: int, endpoint: HttpEndpoint) -> None:
        """An endpoint on a port, to be there from `bind` on."""
        self._endpoints.setdefault(port, []).append(endpoint)

    def bind(self) -> None:
        """Take the ports; requests wait until `serve`. Raises Unavailable for a port that is taken, InvalidInput for two equal paths."""
        applications = {port: Application(endpoints) for port, endpoints in self._endpoints.items()}
        for port, application in applications.items():
            self._servers[port] = Server(application, bind(port, self._ports == "free", self._host))

    async def serve(self) -> None:
        """Answer requests."""
        for server in self._servers.values():
            await server.start()

    async def close(self) -> None:
        """End the servers and forget the endpoints."""
        for server in self._servers.values():
            await server.stop()
        self._servers, self._endpoints = {}, {}

    def endpoints(self) -> list[HttpEndpoint]:
        """The endpoints of all ports."""
        return [endpoint for endpoints in self._endpoints.values() for endpoint in endpoints]

    def servers(self) -> list[Server]:
        """One for each port."""
        return list(self._servers.values())

    def urls(self) -> dict[tuple[str, str], str]:
        """The address of each event (source, event) that listens."""
        return {
            (endpoint.envelope.source, endpoint.envelope.subject): f"http://127.0.0.1:{server.socket.getsockname()[1]}{endpoint.path}"
            for port, server in self._servers.items()
            for endpoint in self._endpoints[port]
        }


class Application:
    """All endpoints of one port, as an ASGI application. Raises InvalidInput when two of them have one path."""

    def __init__(self, endpoints: Iterable[HttpEndpoint]) -> None:
        self._endpoints: dict[str, HttpEndpoint] = {}
        for endpoint in endpoints:
            other = self._endpoints.setdefault(endpoint.path, endpoint)
            if other is not endpoint:
                one, two = (f"{e.envelope.source}/{e.envelope.subject}" for e in (other, endpoint))
                message = (
                    f"{one} and {two} both listen on {endpoint.path} of one port: give one of them another port or path on this machine"
                )
                raise InvalidInput(message)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        endpoint = self._endpoints.get(scope["path"])
        if endpoint is not None:
            status, text = await endpoint.answer(scope, receive)
        else:
            status, text = (200, "OK") if scope["path"] == "/health" else (404, "404 page not found")
        body = text.encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        if status != 200:
            headers.append((b"connection", b"close"))  # the unread rest of a body is not the next request
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
